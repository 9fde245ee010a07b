"""Where settings come from, what wins, and what is said of those that are wrong."""

import contextlib
import datetime
import io
import logging
import math
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from imagevault.config.settings import (
    NOT_KEYS,
    Argon2,
    Limits,
    Rate,
    Settings,
    is_loopback,
    keys,
    load,
    nearest,
    variable,
)
from imagevault.errors import ConfigError

SECRET = "a secret of thirty-two bytes or more"


class Folder:
    """A working directory with a config file and a `.env`, as given."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(
        self, environ: Mapping[str, str] | None = None, *, toml: str | bytes = "", dotenv: str | bytes = ""
    ) -> Settings:
        for name, text in (("imagevault.toml", toml), (".env", dotenv)):
            if text:
                (self.path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return load(environ or {}, self.path)

    def refusal(self, *args: Any, **kwargs: Any) -> ConfigError:
        with pytest.raises(ConfigError) as caught:
            self.load(*args, **kwargs)
        return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def layers(last: str, toml: str, variable: str, suffix: str = "") -> dict[str, Any]:
    """The arguments of `load` when a key is 901 in the file, 902 in `.env`, 903 in the environment, up to `last`."""
    given = {
        "toml": toml.format(f"901{suffix}"),
        "dotenv": f"{variable}=902{suffix}\n",
        "environ": {variable: f"903{suffix}"},
    }
    return {name: given[name] for name in list(given)[: ["default", *given].index(last)]}


class TestPrecedence:
    """Environment over `.env` over `imagevault.toml` over defaults."""

    @pytest.mark.parametrize(
        ("last", "expected"), [("default", 3600), ("toml", 901), ("dotenv", 902), ("environ", 903)]
    )
    def test_of_a_plain_key(self, folder: Folder, last: str, expected: int) -> None:
        """The strongest source that sets the key wins."""
        assert folder.load(**layers(last, "token_ttl = {}", "IMAGEVAULT_TOKEN_TTL")).token_ttl == expected

    @pytest.mark.parametrize(("last", "expected"), [("default", 600), ("toml", 901), ("dotenv", 902), ("environ", 903)])
    def test_of_a_nested_key(self, folder: Folder, last: str, expected: int) -> None:
        """`limits.requests` is IMAGEVAULT_LIMITS_REQUESTS; the other limits keep their defaults."""
        given = layers(last, '[limits]\nrequests = "{}"', "IMAGEVAULT_LIMITS_REQUESTS", "/minute")

        assert folder.load(**given).limits == Limits(requests=Rate(expected, 60))

    @pytest.mark.parametrize(
        ("last", "expected"),
        [
            ("default", []),
            ("toml", [("timeout", 901, "{}/imagevault.toml, [providers.pexels]")]),
            ("dotenv", [("timeout", "902", ".env variable PEXELS_TIMEOUT")]),
            ("environ", [("timeout", "903", "environment variable PEXELS_TIMEOUT")]),
        ],
    )
    def test_of_a_providers_key(self, folder: Folder, last: str, expected: list[tuple[str, object, str]]) -> None:
        """A provider's key comes with its source, for messages."""
        settings = folder.load(**layers(last, "[providers.pexels]\ntimeout = {}", "PEXELS_TIMEOUT"))

        assert list(settings.provider_values("pexels", ["timeout"])) == [
            (key, value, source.format(folder.path)) for key, value, source in expected
        ]

    def test_a_providers_unknown_keys_come_last(self, folder: Folder) -> None:
        """What the plugin does not know is handed over too, for it to say so; the environment's others are not."""
        settings = folder.load({"PEXELS_OTHER": "x"}, toml='[providers.pexels]\ntypo = 1\napi_key = "k"')

        assert [key for key, _, _ in settings.provider_values("pexels", ["api_key"])] == ["api_key", "typo"]

    @pytest.mark.parametrize("variable", ["IMAGEVAULT_PORT", "SECRET_KEY", "IMAGEVAULT_CONFIG", "IMAGEVAULT_NO_SUCH"])
    def test_a_variable_set_to_nothing_counts_as_not_set(self, folder: Folder, variable: str) -> None:
        """Also where `.env` has a value: it stays in force."""
        assert folder.load({variable: ""}) == folder.load()
        assert folder.load({"IMAGEVAULT_PORT": ""}, dotenv="IMAGEVAULT_PORT=81").port == 81

    def test_the_config_file_named_by_the_environment_is_read_instead(self, folder: Folder, tmp_path: Path) -> None:
        """IMAGEVAULT_CONFIG may be relative to the working directory, and may stand in `.env`."""
        (tmp_path / "other.toml").write_text("port = 82")

        assert folder.load({"IMAGEVAULT_CONFIG": "other.toml"}, toml="port = 83").port == 82
        assert folder.load(dotenv="IMAGEVAULT_CONFIG=other.toml").port == 82
        assert folder.load({"IMAGEVAULT_CONFIG": str(tmp_path / "other.toml")}).config == tmp_path / "other.toml"

    def test_every_key_can_be_set_both_ways(self, folder: Folder, tmp_path: Path) -> None:
        """The file and the environment mean the same: no key is known to one of them only."""
        samples = {
            "secret_key": SECRET,
            "secret_key_previous": SECRET + "!",
            "database_url": "sqlite:///x.db",
            "data": "elsewhere",
            "host": "::1",
            "public_url": "https://images.example/vault",
            "allowed_hosts": "a.example,[2001:db8::1]",
            "cors_origins": "https://a.example,http://localhost:3000",
            "default": "local",
            "search": "open",
            "signup": "closed",
            "plugins_dir": str(tmp_path),
            "log": "json",
            "log_level": "warning",
            "limits.requests": "7/second",
            "limits.signup": "8/day",
        }
        numbers: dict[str, object] = {
            "port": 81,
            "workers": 2,
            "deadline": 2.5,
            "token_ttl": 61,
            "password_min_length": 15,
        }
        numbers |= {"argon2.memory": 20000, "argon2.passes": 3}
        numbers |= {"draining": "true"}
        assert {*samples, *numbers} == {key for key, _ in keys()}

        written = "".join(f'{key} = "{value}"\n' for key, value in samples.items())
        written += "".join(f"{key} = {value}\n" for key, value in numbers.items())
        from_file = folder.load(toml=written)
        (tmp_path / "imagevault.toml").unlink()
        from_environment = folder.load({variable(key): str(value) for key, value in {**samples, **numbers}.items()})

        for name in set(Settings.__struct_fields__) - NOT_KEYS:
            assert getattr(from_file, name) == getattr(from_environment, name) != getattr(Settings(), name), name
        assert from_file.argon2 == Argon2(memory=20000, passes=3)


class TestValues:
    def test_paths_are_below_the_working_directory(self, folder: Folder, tmp_path: Path) -> None:
        """Relative ones; an absolute one is taken as it is."""
        assert folder.load().data == tmp_path / "imagevault-data"
        assert folder.load({"IMAGEVAULT_DATA": "here"}).data == tmp_path / "here"
        assert folder.load({"IMAGEVAULT_DATA": "/there"}).data == Path("/there")

    @pytest.mark.parametrize("value", ['["pexels", "local"]', '"pexels, local"', '" pexels ,local, "'])
    def test_a_list_may_be_text_with_commas(self, folder: Folder, value: str) -> None:
        assert folder.load(toml=f"default = {value}").default == ("pexels", "local")

    def test_blanks_round_a_number_do_not_matter(self, folder: Folder) -> None:
        assert folder.load({"IMAGEVAULT_PORT": " 81 ", "IMAGEVAULT_LIMITS_SIGNUP": " 3 / hour "}).port == 81

    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    def test_files_may_begin_with_a_byte_order_mark(self, folder: Folder, bom: bytes) -> None:
        """As Windows editors write it; without care the first key would be another."""
        settings = folder.load(toml=bom + b"port = 81\r\n", dotenv=bom + b"IMAGEVAULT_WORKERS=2\r\n")

        assert (settings.port, settings.workers) == (81, 2)

    @pytest.mark.parametrize(
        ("host", "public_url", "expected"),
        [
            ("127.0.0.1", None, "http://127.0.0.1:8000"),
            ("0.0.0.0", None, "http://127.0.0.1:8000"),
            ("::", None, "http://127.0.0.1:8000"),
            ("::1", None, "http://[::1]:8000"),
            ("images.example", None, "http://images.example:8000"),
            ("0.0.0.0", "https://images.example/vault/", "https://images.example/vault"),
        ],
    )
    def test_base_url(self, host: str, public_url: str | None, expected: str) -> None:
        """How callers reach the server: its public address, else what it listens on."""
        assert Settings(host=host, public_url=public_url).base_url == expected

    @pytest.mark.parametrize(
        ("host", "expected"),
        [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)]
        + [(host, False) for host in ("0.0.0.0", "::", "192.168.1.1", "localhost.example", "", "::ffff:1.2.3.4")],
    )
    def test_is_loopback(self, host: str, expected: bool) -> None:
        assert is_loopback(host) is expected

    def test_nearest(self) -> None:
        """Nothing is offered where nothing is near."""
        assert nearest("limit", ["limits", "port"]) == " Did you mean limits?"
        assert nearest("xyz", ["limits", "port"]) == ""


class TestAncestor:
    """The `.env` of the project that this one follows works unchanged."""

    DOTENV = f"""\
# ImageVault
SECRET_KEY="{SECRET}"
DATABASE_URL=postgresql+asyncpg://vault:p%40ss@db.example:5433/vault?ssl=require  # the database
export PEXELS_API_KEY='abc$def'

DEBUG=true
"""

    def test_its_three_variables(self, folder: Folder) -> None:
        """Comments, quotes, `export` and a dollar sign are understood; what is not ours is let be."""
        settings = folder.load(dotenv=self.DOTENV)

        assert settings.secret_key == SECRET
        assert settings.database_url == "postgresql+asyncpg://vault:p%40ss@db.example:5433/vault?ssl=require"
        assert list(settings.provider_values("pexels", ["api_key"])) == [
            ("api_key", "abc$def", ".env variable PEXELS_API_KEY")
        ]

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://vault:secret@db.example/vault",
            "postgres://db.example/vault",
            "postgresql+asyncpg:///vault?host=/var/run/postgresql",
            "sqlite:///vault.sqlite",
            "sqlite:////var/lib/vault.sqlite",
        ],
    )
    def test_database_urls(self, folder: Folder, url: str) -> None:
        assert folder.load({"DATABASE_URL": url}).database_url == url


NUMBER = "must be a whole number from 1 to 65535; it is: port to listen on"
ADDRESS = "must be an address such as https://images.example.org"
RATE = "must be a number per second, minute, hour or day, such as 600/minute"
POSTGRES = "must be postgresql://USER:PASSWORD@HOST:PORT/NAME, with : / ? # @ in a password percent-encoded"
HOSTS = "must be a host name or address (IPv6 in brackets), no scheme, port or wildcard"
LISTEN = "must be a host name or address, without scheme, port or brackets"


class TestRefusal:
    """An error names the key and its source, and says what would be right."""

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("port", '"eighty"', NUMBER),
            ("port", "0", NUMBER),
            ("port", "65536", NUMBER),
            ("port", "80.0", NUMBER),
            ("port", "true", NUMBER),
            ("port", "[80]", NUMBER),
            ("port", "1979-05-27", NUMBER),
            ("port", "9" * 30, NUMBER),
            ("workers", "0", "must be a whole number from 1 to 64"),
            ("deadline", "nan", "must be a number from 0.1 to 30"),
            ("deadline", "inf", "must be a number from 0.1 to 30"),
            ("deadline", '"soon"', "must be a number from 0.1 to 30"),
            ("argon2.memory", "1", "must be a whole number from 19456 to 1048576"),
            ("secret_key", '"short"', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key", '""', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key_previous", '"short"', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key", "12345678901234567890123456789012345", "must be text"),
            ("search", '"opened"', "must be account or open"),
            ("signup", "false", "must be closed or open"),
            ("limits.requests", "600", RATE),
            ("limits.requests", '"600/month"', RATE),
            ("limits.requests", '"0/minute"', RATE),
            ("limits.requests", '"\u0665/minute"', RATE),
            ("limits.requests", "{amount = 1, seconds = 60}", RATE),
            ("limits.signup", '"-1/minute"', RATE),
            ("public_url", '"images.example"', ADDRESS),
            ("public_url", '"ftp://images.example"', ADDRESS),
            ("public_url", '"https://"', ADDRESS),
            ("public_url", '"https://images.example?x"', ADDRESS),
            ("public_url", '"https://images.example#x"', ADDRESS),
            ("public_url", '"https://ada:secret@images.example"', ADDRESS),
            ("public_url", '"https://:secret@images.example"', ADDRESS),
            ("public_url", '"https://images.example:x"', ADDRESS),
            ("public_url", '"https://images.example:99999"', ADDRESS),
            ("public_url", '"https://[::1"', ADDRESS),
            ("public_url", '"https://images example"', ADDRESS),
            ("public_url", '"https://images\\n.example"', ADDRESS),
            ("public_url", '"https://bücher.example"', ADDRESS),
            ("public_url", '"https://images.example/a b"', ADDRESS),
            ("database_url", '"mysql://db/vault"', "must begin with postgresql://, postgresql+asyncpg://, postgres://"),
            ("database_url", '"vault.sqlite"', "must begin with postgresql://, postgresql+asyncpg://, postgres://"),
            ("database_url", '"sqlite://vault.sqlite"', "must be sqlite:///FILE (or sqlite:////ABSOLUTE/FILE)"),
            ("database_url", '"sqlite:///"', "must be sqlite:///FILE (or sqlite:////ABSOLUTE/FILE)"),
            ("database_url", '"postgresql://ada:pa/ss@db/vault"', POSTGRES),
            ("database_url", '"postgresql://ada:secret\u2100@db/vault"', POSTGRES),
            ("database_url", '"postgresql://ada:secret@[::1/vault"', POSTGRES),
            ("host", '""', LISTEN),
            ("host", '"http://127.0.0.1"', LISTEN),
            ("host", '"127.0.0.1:80"', LISTEN),
            ("host", '"[::1]"', LISTEN),
            ("allowed_hosts", '["https://a.example"]', f"https://a.example: {HOSTS}"),
            ("allowed_hosts", '["a.example:80"]', f"a.example:80: {HOSTS}"),
            ("allowed_hosts", '["*.a.example"]', f"*.a.example: {HOSTS}"),
            ("allowed_hosts", '["2001:db8::1"]', f"2001:db8::1: {HOSTS}"),
            ("allowed_hosts", '["[2001:db8::1"]', f"[2001:db8::1: {HOSTS}"),
            ("allowed_hosts", '["[127.0.0.1]"]', f"[127.0.0.1]: {HOSTS}"),
            ("allowed_hosts", "[1]", "must be a list of texts, or one text with commas"),
            ("cors_origins", '["*"]', ADDRESS),
            ("cors_origins", '["https://a.example/"]', "https://a.example/: an origin has no path, not even a slash"),
            ("default", "[]", "must name at least one provider"),
            ("data", "1", "must be a path"),
            ("data", '"a\\u0000b"', "must not hold a NUL character"),
            ("plugins_dir", '"nowhere"', "there is no folder"),
        ],
    )
    def test_of_a_value(self, folder: Folder, tmp_path: Path, key: str, value: str, message: str) -> None:
        """The file and the key are named; the value never is where it may hold a password."""
        refusal = folder.refusal(toml=f"{key} = {value}")

        assert (refusal.key, refusal.source) == (key, f"{tmp_path}/imagevault.toml, line 1")
        assert str(refusal).startswith(f"{key}: {message}")
        assert str(refusal).endswith(f" ({tmp_path}/imagevault.toml, line 1)")
        assert not {"pa/ss", "'pa'", "ada:"} & {*str(refusal).split()}
        assert "secret\u2100" not in str(refusal)

    @pytest.mark.parametrize(
        ("environ", "dotenv", "key", "source"),
        [
            ({"IMAGEVAULT_PORT": "x"}, "", "port", "environment variable IMAGEVAULT_PORT"),
            ({"SECRET_KEY": "short"}, "", "secret_key", "environment variable SECRET_KEY"),
            ({"DATABASE_URL": "x"}, "", "database_url", "environment variable DATABASE_URL"),
            ({"IMAGEVAULT_LIMITS_SIGNUP": "5"}, "", "limits.signup", "environment variable IMAGEVAULT_LIMITS_SIGNUP"),
            (
                {"IMAGEVAULT_PUBLIC_URL": "http://\udcff"},
                "",
                "public_url",
                "environment variable IMAGEVAULT_PUBLIC_URL",
            ),
            ({"SECRET_KEY": "\udcff" * 40}, "", "secret_key", "environment variable SECRET_KEY"),
            ({}, "IMAGEVAULT_WORKERS=many", "workers", ".env variable IMAGEVAULT_WORKERS"),
        ],
    )
    def test_names_the_variable(
        self, folder: Folder, environ: dict[str, str], dotenv: str, key: str, source: str
    ) -> None:
        refusal = folder.refusal(environ, dotenv=dotenv)

        assert (refusal.key, refusal.source) == (key, source)

    @pytest.mark.parametrize(
        ("toml", "key", "message"),
        [
            ("prt = 80", "prt", "there is no such setting. Did you mean port?"),
            ("xyzzy = 80", "xyzzy", "there is no such setting. ("),
            ("[limit]\nrequests = 1", "limit", "there is no such setting. Did you mean limits?"),
            ("[provider.pexels]\nx = 1", "provider", "there is no such setting. Did you mean providers?"),
            ("[limits]\nrequest = 1", "limits.request", "there is no such setting. Did you mean limits.requests?"),
            ('config = "x"', "config", "there is no such setting."),
            ("environment = {a = 1}", "environment", "there is no such setting."),
            ("limits = 5", "limits", "must be a table: [limits]"),
            ("[port]\nvalue = 80", "port", NUMBER),
            ("providers = 5", "providers", "must be tables, one for each provider: [providers.NAME]"),
            ("[providers]\npexels = 5", "providers.pexels", "must be a table: [providers.pexels]"),
            ("port." + "x." * 2000 + "x = 1", "port", NUMBER),
            ("limits.requests." + "x." * 2000 + "x = 1", "limits.requests", RATE),
        ],
    )
    def test_of_a_key_in_the_file(self, folder: Folder, toml: str, key: str, message: str) -> None:
        refusal = folder.refusal(toml=toml)

        assert refusal.key == key
        assert str(refusal).startswith(f"{key}: {message}")

    @pytest.mark.parametrize(
        ("name", "near"),
        [
            ("IMAGEVAULT_PRT", "IMAGEVAULT_PORT"),
            ("IMAGEVAULT_CONFIGURATION", "IMAGEVAULT_CONFIG"),
            ("IMAGEVAULT_LIMITS_REQUEST", "IMAGEVAULT_LIMITS_REQUESTS"),
            ("IMAGEVAULT_SECRET_KEY", "SECRET_KEY"),
        ],
    )
    @pytest.mark.parametrize("source", ["environment", ".env"])
    def test_of_an_unknown_variable(self, folder: Folder, name: str, near: str, source: str) -> None:
        """Only those that begin with ours; the nearest right one is named."""
        refusal = folder.refusal({name: "x"}) if source == "environment" else folder.refusal(dotenv=f"{name}=x")

        assert str(refusal) == f"{name}: there is no such setting. Did you mean {near}? ({source} variable {name})"


class TestFiles:
    """Files that cannot be read."""

    @pytest.mark.parametrize(
        ("toml", "message", "line"),
        [
            ("port = 80\nport = 81\n", "is not valid TOML: Cannot overwrite a value", ", line 2"),
            ("port = ", "is not valid TOML: Invalid value (at end of document)", ", line 1"),
            ("# \n\nport: 80", "is not valid TOML: Expected '=' after a key in a key/value pair", ", line 3"),
            ("port = " + "9" * 5000, "is not valid TOML: Exceeds the limit", ", line 1"),
            (b"\nport = 80 # \xff", "must be UTF-8", ", line 2"),
            ("port = " + "[" * 5000 + "]" * 5000, "is nested too deeply", ""),
        ],
    )
    def test_broken_toml(self, folder: Folder, tmp_path: Path, toml: str | bytes, message: str, line: str) -> None:
        """The line is named, where there is one."""
        refusal = folder.refusal(toml=toml)

        assert str(refusal).startswith(f"imagevault.toml: {message}")
        assert refusal.source == f"{tmp_path}/imagevault.toml{line}"

    def test_a_config_file_that_is_not_there(self, folder: Folder, tmp_path: Path) -> None:
        """One that was named must be there; the usual one need not."""
        refusal = folder.refusal({"IMAGEVAULT_CONFIG": "nowhere.toml"})

        assert str(refusal) == (
            f"IMAGEVAULT_CONFIG: there is no file {tmp_path}/nowhere.toml (environment variable IMAGEVAULT_CONFIG)"
        )
        assert folder.load().config is None

    def test_a_config_file_that_is_a_folder(self, folder: Folder, tmp_path: Path) -> None:
        (tmp_path / "imagevault.toml").mkdir()

        assert str(folder.refusal()).startswith("imagevault.toml: cannot be read: [Errno 21] Is a directory")

    @pytest.mark.parametrize("name", ["imagevault.toml", ".env"])
    def test_a_file_that_cannot_be_opened(self, folder: Folder, tmp_path: Path, name: str) -> None:
        """Such as a link that leads to itself, which even root cannot follow; it does not count as missing."""
        (tmp_path / name).symlink_to(tmp_path / name)

        refusal = folder.refusal()

        assert str(refusal).startswith(f"{name}: cannot be read: ")
        assert refusal.source == str(tmp_path / name)

    def test_a_dotenv_that_is_not_utf8(self, folder: Folder) -> None:
        assert str(folder.refusal(dotenv=b"A=1\nB=\xff")).startswith(".env: cannot be read: 'utf-8' codec can't decode")

    @pytest.mark.parametrize(
        ("dotenv", "line"),
        [("A=1\nSECRET_KEY: abc\n", 2), ('A=1\n\nSECRET_KEY="never closed\nB=2\n', 3), ("=x", 1)],
    )
    def test_a_broken_line_in_dotenv(self, folder: Folder, tmp_path: Path, dotenv: str, line: int) -> None:
        """It stops the start: otherwise a secret that was set would be silently missing."""
        refusal = folder.refusal(dotenv=dotenv)

        assert str(refusal) == f".env: must be NAME=value, quotes closed ({tmp_path}/.env, line {line})"

    def test_a_folder_called_dotenv_is_let_be(self, folder: Folder, tmp_path: Path) -> None:
        """It is somebody's virtual environment."""
        (tmp_path / ".env").mkdir()

        assert folder.load().port == 8000


class TestSecrecy:
    SETTINGS = f"""
secret_key = "{SECRET}"
database_url = "postgresql://ada:hidden@db/vault"
[providers.pexels]
api_key = "hidden"
"""

    def test_no_secret_shows(self, folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
        """Neither in repr, str or a log line nor where rich prints the fields of a Struct by itself."""
        settings = folder.load({"UNSPLASH_API_KEY": "hidden"}, toml=self.SETTINGS)
        printed = io.StringIO()
        Console(file=printed, width=1000).print(settings, [settings])
        logging.getLogger(__name__).warning("%s %r", settings, settings)

        for text in (repr(settings), str(settings), printed.getvalue(), caplog.text):
            assert "imagevault.toml" in text
            assert SECRET not in text
            assert "hidden" not in text

    def test_settings_are_frozen(self) -> None:
        with pytest.raises(AttributeError):
            Settings().port = 81  # type: ignore[misc]


def toml(value: Any) -> str:
    """The value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return str(value) if not math.isnan(value) else "nan"
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scalars = (
    text
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.sampled_from(["600/minute", "https://a.example", "sqlite:///x", "postgresql://db/x", "open", "127.0.0.1"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
dotted = st.sampled_from([key for key, _ in keys()])
names = dotted | st.sampled_from(["limits", "argon2", "providers", "providers.pexels", "config"]) | text.map(toml)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for all examples of a property."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


class TestProperties:
    @given(key=names, value=anything)
    def test_any_value_of_any_key_loads_or_is_refused(self, place: Path, key: str, value: Any) -> None:
        """Whatever stands in the file, there are settings or a ConfigError, never another error."""
        document = f"{key} = {toml(value)}\n"
        tomllib.loads(document)
        (place / "imagevault.toml").write_text(document, encoding="utf-8")

        try:
            settings = load({}, place)
        except ConfigError as error:
            source = error.source
        else:
            source = str(settings.config)

        assert source.startswith(f"{place}/imagevault.toml")

    @given(key=dotted, value=st.text(max_size=40) | scalars.map(str))
    def test_any_variable_loads_or_is_refused(self, place: Path, key: str, value: str) -> None:
        """The same for the environment, with bytes that are not UTF-8 in it."""
        try:
            settings = load({variable(key): value}, place / "empty")
        except ConfigError as error:
            found = (error.key, error.source)
        else:
            found = (key, settings.environment.get(variable(key), ("", f"environment variable {variable(key)}"))[1])

        assert found == (key, f"environment variable {variable(key)}")

    @given(dotenv=st.text(st.sampled_from("AB=\"'\\\n #$é\0"), max_size=20) | st.text(max_size=30))
    def test_any_dotenv_loads_or_is_refused(self, place: Path, dotenv: str) -> None:
        folder = place / "dotenv"
        folder.mkdir(exist_ok=True)
        (folder / ".env").write_bytes(dotenv.encode("utf-8", "surrogatepass"))

        with contextlib.suppress(ConfigError):
            assert isinstance(load({}, folder), Settings)
