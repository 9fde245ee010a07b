"""Values of settings: the error for a wrong one."""

import secrets
import uuid
from pathlib import Path
from typing import Any

import pytest

from imagevault.config.validation import check_secret, is_loopback

NUMBER = "must be a whole number from 1 to 65535, such as 8000 ("
ADDRESS = "must be a URL such as https://images.example.org"
RATE = "must be a number per second, minute, hour or day, such as 600/minute"
POSTGRES = "must be postgresql://USER:PASSWORD@HOST:PORT/NAME with the special characters of USER and PASSWORD percent-"
POSTGRES_HOSTS = "must name each host as HOST or HOST:PORT, an IPv6 address in brackets, with commas between several"
HOSTS = "must be a host name or address (IPv6 in brackets) without scheme, port or wildcard"
GUESSED = "can be guessed: it has fewer than 8 different characters; make one with: python3 -c"
LISTEN = "must be a host name or address, without scheme, port or brackets"


class TestWrongValue:
    """An error names the key and its source, and says what is right."""

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
            ("deadline", "nan", "must be a number from 0.1 to 30, such as 4 ("),
            ("deadline", "inf", "must be a number from 0.1 to 30, such as 4 ("),
            ("deadline", '"soon"', "must be a number from 0.1 to 30, such as 4 ("),
            ("argon2.memory", "1", "must be a whole number from 19456 to 1048576"),
            ("secret_key", '"short"', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key", '""', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key_previous", '"short"', "must be at least 32 bytes long; make one with: python3 -c"),
            ("secret_key", f'"{" " * 40}"', GUESSED),
            ("secret_key", f'"{"a" * 40}"', GUESSED),
            ("secret_key", f'"{"abcdefg" * 6}"', GUESSED),
            ("secret_key", f'"{"a b c d " * 6}"', GUESSED),
            ("secret_key", r'"' + r"\t\n\r \u00a0\u2003\u3000" * 6 + '"', GUESSED),
            ("secret_key_previous", f'"{" " * 40}"', GUESSED),
            ("secret_key", "12345678901234567890123456789012345", "must be text"),
            ("search", '"opened"', "must be account or open"),
            ("signup", "false", "must be closed, invite or open"),
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
            ("database_url", '"postgresql://ada:secret\u2100@x@db/vault"', POSTGRES),
            ("database_url", '"postgresql://ada:secret@[::1/vault"', POSTGRES_HOSTS),
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
            ("allowed_hosts", "[1]", "must be a list of texts, or one text with commas between them"),
            ("cors_origins", '["*"]', ADDRESS),
            (
                "cors_origins",
                '["https://a.example/"]',
                "https://a.example/: must have no path; remove the slash and what follows it",
            ),
            (
                "trusted_proxies",
                '["proxy.example"]',
                "proxy.example: must be an address or a network such as 10.0.0.0/8",
            ),
            ("trusted_proxies", '["10.0.0.1/8"]', "10.0.0.1/8: must be an address or a network such as 10.0.0.0/8"),
            ("trusted_proxies", '["0.0.0.0/0"]', "0.0.0.0/0: contains every address"),
            ("default", "[]", "must name at least one provider"),
            ("data", "1", "must be a path"),
            ("data", '"a\\u0000b"', "must not contain a NUL character; remove it"),
            ("plugins_dir", '"nowhere"', "there is no folder"),
        ],
    )
    def test_of_a_value(self, folder: Any, tmp_path: Path, key: str, value: str, message: str) -> None:
        """The error names the file and the key, and shows no value that may hold a password."""
        refusal = folder.refusal(toml=f"{key} = {value}")

        assert (refusal.key, refusal.source) == (key, f"{tmp_path}/imagevault.toml, line 1")
        assert str(refusal).startswith(f"{key}: {message}")
        assert str(refusal).endswith(f" ({tmp_path}/imagevault.toml, line 1)")
        assert not {"pa/ss", "'pa'", "ada:"} & {*str(refusal).split()}
        assert "secret\u2100" not in str(refusal)


class TestSecret:
    def test_what_tools_make_is_accepted(self) -> None:
        """In every alphabet that is usual."""
        for _ in range(100):
            for secret in (secrets.token_urlsafe(24), secrets.token_hex(16), secrets.token_hex(32), str(uuid.uuid4())):
                check_secret(secret)
        check_secret("correct horse battery staple on the hill")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)]
    + [(host, False) for host in ("0.0.0.0", "::", "192.168.1.1", "localhost.example", "", "::ffff:1.2.3.4")],
)
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
