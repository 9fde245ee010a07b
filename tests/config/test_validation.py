"""Values of settings: the error for a wrong one."""

from pathlib import Path
from typing import Any

import pytest

NUMBER = "must be a whole number from 1 to 65535, such as 8000 ("
ADDRESS = "must be a URL such as https://images.example.org"
RATE = "must be a number per second, minute, hour or day, such as 600/minute"
POSTGRES = "must be postgresql://USER:PASSWORD@HOST:PORT/NAME, with : / ? # @ in a password percent-encoded"
HOSTS = "must be a host name or address (IPv6 in brackets) without scheme, port or wildcard"
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
            ("allowed_hosts", "[1]", "must be a list of texts, or one text with commas between them"),
            ("cors_origins", '["*"]', ADDRESS),
            (
                "cors_origins",
                '["https://a.example/"]',
                "https://a.example/: must have no path; remove the slash and what follows it",
            ),
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
