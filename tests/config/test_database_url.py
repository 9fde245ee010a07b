"""The URL of a PostgreSQL database: how it is read, and that no message shows a part of a password."""

import contextlib
import re
import shlex
import subprocess
import sys
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault.config.database_url import ENCODE, Address, read_postgres_url
from tests.support.linear_time import is_linear

CREDENTIALS = "must be postgresql://USER:PASSWORD@HOST:PORT/NAME with the special characters of USER and PASSWORD"
HOSTS = "must name each host as HOST or HOST:PORT"
OPTIONS = "must have NAME=VALUE after the ?"
# Passwords with a character that is not encoded; `hid` and `den` are the parts that no message may show.
UNENCODED = [
    "hid@den",
    "hid@den:5",
    "hid@den/5",
    "hid@den?den",
    "hid@den?den=1",
    "hid@den#den",
    "hid:den",
    "hid%zden",
    "hid%",
    "hid%4",
    "hid/den",
    "12/den",  # `12` looks like a port
    "12?den",
    "12?hid=den",
    "12#den",
    "hid[den",
    "hid]den",
    "@hid",
    "hid@",
    "hid@@den",
    ":hid",
]


class TestCredentials:
    @pytest.mark.parametrize("password", UNENCODED)
    def test_of_a_password_that_is_not_encoded(self, folder: Any, password: str) -> None:
        """The error names the setting, its source and the remedy, and shows nothing of the URL."""
        refusal = folder.refusal({"DATABASE_URL": f"postgresql://vault:{password}@db.example:5432/vault"})

        assert (refusal.key, refusal.source) == ("database_url", "environment variable DATABASE_URL")
        assert refusal.message.startswith(f"{CREDENTIALS} percent-encoded: % as %25, @ as %40, : as %3A, / as %2F")
        assert not re.search("hid|den|12|example", str(refusal))

    def test_of_a_user_that_is_not_encoded(self, folder: Any) -> None:
        refusal = folder.refusal({"DATABASE_URL": "postgresql://va@ult:hidden@db.example/vault"})

        assert refusal.message.startswith(CREDENTIALS)

    def test_of_a_variable_in_the_file(self, folder: Any) -> None:
        """The value of `${NAME}` must be encoded too: it becomes a part of the URL."""
        toml = '# c\ndatabase_url = "postgresql://vault:${DATABASE_PASSWORD}@db.example/vault"\n'

        refusal = folder.refusal({"DATABASE_PASSWORD": "hid@den"}, toml=toml)

        assert refusal.message.startswith(CREDENTIALS)
        assert refusal.source.endswith("imagevault.toml, line 2")
        assert not re.search("hid|den", refusal.message)
        assert folder.load({"DATABASE_PASSWORD": "hid%40den"}, toml=toml).database_url

    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def test_of_any_password_that_is_encoded(self, password: str) -> None:
        """It is read as it was, and it does not change what else is read."""
        url = read_postgres_url(f"postgresql://vault:{quote(password, safe='')}@db.example:5433/vault")

        assert url.password == (password or None)
        assert (url.user, url.place) == ("vault", "db.example:5433/vault")
        assert set(url.secrets) == {password, quote(password, safe="")} - {""}

    @given(st.text(st.sampled_from("a1@:/?#[]%=&,.")))
    def test_of_any_password_that_is_written_as_it_is(self, password: str) -> None:
        """It is refused, or it is read as the password. It never becomes a host, a database or an option."""
        with contextlib.suppress(ValueError):
            url = read_postgres_url(f"postgresql://vault:{password}@db.example:5433/vault")
            assert url.password == (unquote(password) or None)
            assert (url.user, url.place, url.options) == ("vault", "db.example:5433/vault", {})

    def test_no_text_of_it_shows_the_password(self) -> None:
        url = read_postgres_url("postgresql://vault:hidden@db.example/vault?password=hidden2")

        assert "hidden" not in repr(url) + str(url) + url.place + url.query

    @pytest.mark.processes
    def test_the_command_of_the_message_encodes(self, folder: Any) -> None:
        """It prints what the URL then takes."""
        refusal = folder.refusal({"DATABASE_URL": "postgresql://vault:p@ss:w/rd%@db.example/vault"})
        command = shlex.split(refusal.message.partition("encode a password with: ")[2])
        code = command[2].replace("getpass.getpass()", "input()")  # which reads from the terminal

        printed = subprocess.run(
            [sys.executable, command[1], code], input="p@ss:w/rd%\n", capture_output=True, text=True, check=True
        ).stdout

        assert refusal.message.endswith(ENCODE)
        assert read_postgres_url(f"postgresql://vault:{printed.strip()}@db/vault").password == "p@ss:w/rd%"


class TestHosts:
    @pytest.mark.parametrize(
        ("rest", "expected"),
        [
            ("db.example/vault", [("db.example", None)]),
            ("db.example:5433/vault", [("db.example", 5433)]),
            ("h1:5432,h2:5433/vault", [("h1", 5432), ("h2", 5433)]),
            ("h1,h2:5433,h3/vault", [("h1", None), ("h2", 5433), ("h3", None)]),
            ("[2001:db8::1]:5433,[2001:db8::2]/vault", [("2001:db8::1", 5433), ("2001:db8::2", None)]),
            ("h1,[::1]:5433/vault", [("h1", None), ("::1", 5433)]),
            ("%2Fvar%2Frun/vault", [("/var/run", None)]),
            ("127.0.0.1:1,%2Fvar%2Frun:5433/vault", [("127.0.0.1", 1), ("/var/run", 5433)]),
            ("/vault?host=/var/run", [("/var/run", None)]),
            ("/vault?host=h1,h2&port=5433", [("h1", 5433), ("h2", 5433)]),
            ("/vault?host=h1,h2&port=5433,5434", [("h1", 5433), ("h2", 5434)]),
            ("/vault?host=h1:5433,h2", [("h1", 5433), ("h2", None)]),
            ("h1:5433/vault?host=h2", [("h1", 5433)]),
            ("/vault", []),
        ],
    )
    def test_are_read(self, rest: str, expected: list[tuple[str, int | None]]) -> None:
        """One or several, with or without ports, before the slash or in the option `host`."""
        for scheme in ("postgresql://", "postgres://", "postgresql+asyncpg://"):
            assert read_postgres_url(f"{scheme}{rest}").addresses == [Address(*each) for each in expected]

    @pytest.mark.parametrize(
        "rest",
        [
            "vault:hidden@h1,/vault",
            "vault:hidden@,h2/vault",
            "vault:hidden@h1,,h2/vault",
            "vault:hidden@h1:hidden/vault",
            "vault:hidden@h1:0/vault",
            "vault:hidden@h1:65536/vault",
            "vault:hidden@h1:5432:5433/vault",
            "vault:hidden@[::1/vault",
            "vault:hidden@::1]/vault",
            "vault:hidden@[]/vault",
            "vault:hidden@[::1]hidden/vault",
            "vault:hidden",  # no host: the password stands where the port does
            "/vault?host=h1,h2,h3&port=5432,5433",
            "/vault?host=h1&port=hidden",
        ],
    )
    def test_that_cannot_be_read(self, rest: str) -> None:
        with pytest.raises(ValueError, match=HOSTS) as caught:
            read_postgres_url(f"postgresql://{rest}")

        assert "hidden" not in str(caught.value)

    def test_are_named_for_messages(self) -> None:
        url = read_postgres_url("postgresql://vault:hidden@h1:5432,[::1]:5433,%2Frun/vault?sslmode=require")

        assert url.place == "h1:5432,[::1]:5433,the local socket/vault"


class TestOptions:
    def test_are_passed_on(self) -> None:
        """What is a part of the connection is taken out of them; an empty value counts as not given."""
        query = "user=ada&password=p%2Bw+d&dbname=vault&sslmode=require&options=-c%20x%3D%261&sslrootcert="
        url = read_postgres_url(f"postgresql://db.example?{query}")

        assert (url.user, url.password, url.database) == ("ada", "p+w d", "vault")
        assert url.options == {"sslmode": "require", "options": "-c x=&1"}
        assert url.query == "postgresql://?sslmode=require&options=-c%20x%3D%261"

    def test_what_stands_before_the_question_mark_wins(self) -> None:
        url = read_postgres_url("postgresql://ada:first@h1/one?user=grace&password=second&host=h2&database=two")

        assert (url.user, url.password, url.place) == ("ada", "first", "h1/one")

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("hidden", OPTIONS),
            ("sslmode=require&hidden", OPTIONS),
            ("=hidden", OPTIONS),
            ("sslmode=require&&x=hidden", OPTIONS),
            ("sslmode=hidden", "must have an sslmode of disable, allow, prefer, require, verify-ca or verify-full"),
            ("target_session_attrs=hidden", "must have target_session_attrs of read-write, primary or any, because"),
            ("target_session_attrs=standby", "must have target_session_attrs of read-write, primary or any, because"),
            ("user=a@hidden", CREDENTIALS),
        ],
    )
    def test_that_are_wrong(self, query: str, message: str) -> None:
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            read_postgres_url(f"postgresql://db.example/vault?{query}")

        assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("part", ["%4", "a,", "[", "a=b&", "%", "@", ":"])
def test_reading_takes_linear_time(part: str) -> None:
    def read(size: int) -> None:
        for form in (f"postgresql://{part * size}", f"postgresql://a:{part * size}@h", f"postgresql://h?{part * size}"):
            try:
                read_postgres_url(form)
            except ValueError:
                continue

    assert is_linear(read, 20_000)
