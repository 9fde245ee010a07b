"""The settings: which source wins, what values become, and what is never shown."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from imagevault.config.limits import Limits, Rate
from imagevault.config.settings import NOT_KEYS, Argon2, Settings, keys, variable

SECRET = "a secret of thirty-two bytes or more"


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
    def test_of_a_plain_key(self, folder: Any, last: str, expected: int) -> None:
        """The strongest source that sets the key wins."""
        assert folder.load(**layers(last, "token_ttl = {}", "IMAGEVAULT_TOKEN_TTL")).token_ttl == expected

    @pytest.mark.parametrize(("last", "expected"), [("default", 600), ("toml", 901), ("dotenv", 902), ("environ", 903)])
    def test_of_a_nested_key(self, folder: Any, last: str, expected: int) -> None:
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
    def test_of_a_providers_key(self, folder: Any, last: str, expected: list[tuple[str, object, str]]) -> None:
        """A provider's key comes with its source, for messages."""
        settings = folder.load(**layers(last, "[providers.pexels]\ntimeout = {}", "PEXELS_TIMEOUT"))

        assert list(settings.provider_values("pexels", ["timeout"])) == [
            (key, value, source.format(folder.path)) for key, value, source in expected
        ]

    def test_a_providers_unknown_keys_come_last(self, folder: Any) -> None:
        """Unknown keys of the file are passed on, so that an error can name them; unknown variables are not."""
        settings = folder.load({"PEXELS_OTHER": "x"}, toml='[providers.pexels]\ntypo = 1\napi_key = "k"')

        assert [key for key, _, _ in settings.provider_values("pexels", ["api_key"])] == ["api_key", "typo"]

    @pytest.mark.parametrize("variable", ["IMAGEVAULT_PORT", "SECRET_KEY", "IMAGEVAULT_CONFIG", "IMAGEVAULT_NO_SUCH"])
    def test_a_variable_set_to_nothing_counts_as_not_set(self, folder: Any, variable: str) -> None:
        """The value of `.env` then stays in force."""
        assert folder.load({variable: ""}) == folder.load()
        assert folder.load({"IMAGEVAULT_PORT": ""}, dotenv="IMAGEVAULT_PORT=81").port == 81

    def test_the_config_file_named_by_the_environment_is_read_instead(self, folder: Any, tmp_path: Path) -> None:
        """IMAGEVAULT_CONFIG may be relative to the working directory, and may be set in `.env`."""
        (tmp_path / "other.toml").write_text("port = 82")

        assert folder.load({"IMAGEVAULT_CONFIG": "other.toml"}, toml="port = 83").port == 82
        assert folder.load(dotenv="IMAGEVAULT_CONFIG=other.toml").port == 82
        assert folder.load({"IMAGEVAULT_CONFIG": str(tmp_path / "other.toml")}).config == tmp_path / "other.toml"

    def test_every_key_can_be_set_both_ways(self, folder: Any, tmp_path: Path) -> None:
        """Every key works in the file and in the environment."""
        samples = {
            "secret_key": SECRET,
            "secret_key_previous": SECRET + "!",
            "database_url": "sqlite:///x.db",
            "data": "elsewhere",
            "host": "::1",
            "public_url": "https://images.example/vault",
            "allowed_hosts": "a.example,[2001:db8::1]",
            "cors_origins": "https://a.example,http://localhost:3000",
            "trusted_proxies": "127.0.0.1,2001:db8::/32",
            "allow_networks": "10.1.0.0/16,fd00::/8",
            "default": "local",
            "search": "open",
            "signup": "closed",
            "plugins_dir": str(tmp_path),
            "log": "json",
            "log_level": "warning",
            "limits.requests": "7/second",
            "limits.signup": "8/day",
            "metrics": "open",
            "metrics_token": "violet-harbour-71-slate-meadow-27",
        }
        numbers: dict[str, object] = {
            "port": 81,
            "workers": 2,
            "deadline": 2.5,
            "cache_size": 20,
            "token_ttl": 61,
            "password_min_length": 15,
            "audit_days": 30,
        }
        numbers |= {"argon2.memory": 20000, "argon2.passes": 3}
        numbers |= {"draining": "true", "access_log": "false", "private_display": "true"}
        numbers |= {f"limits.wrong_passwords{of}": 7 for of in ("", "_per_account", "_per_address")}
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
    def test_paths_are_below_the_working_directory(self, folder: Any, tmp_path: Path) -> None:
        """Relative paths; an absolute path stays as it is."""
        assert folder.load().data == tmp_path / "imagevault-data"
        assert folder.load({"IMAGEVAULT_DATA": "here"}).data == tmp_path / "here"
        assert folder.load({"IMAGEVAULT_DATA": "/there"}).data == Path("/there")

    @pytest.mark.parametrize("value", ['["pexels", "local"]', '"pexels, local"', '" pexels ,local, "'])
    def test_a_list_may_be_text_with_commas(self, folder: Any, value: str) -> None:
        assert folder.load(toml=f"default = {value}").default == ("pexels", "local")

    def test_blanks_round_a_number_do_not_matter(self, folder: Any) -> None:
        assert folder.load({"IMAGEVAULT_PORT": " 81 ", "IMAGEVAULT_LIMITS_SIGNUP": " 3 / hour "}).port == 81

    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    def test_files_may_begin_with_a_byte_order_mark(self, folder: Any, bom: bytes) -> None:
        """Windows editors write it; it is not taken for a part of the first key."""
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
        """The public URL, or else the address to listen on."""
        assert Settings(host=host, public_url=public_url).base_url == expected


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
    def test_broken_toml(self, folder: Any, tmp_path: Path, toml: str | bytes, message: str, line: str) -> None:
        """The error names the line, if there is one."""
        refusal = folder.refusal(toml=toml)

        assert str(refusal).startswith(f"imagevault.toml: {message}")
        assert refusal.source == f"{tmp_path}/imagevault.toml{line}"

    def test_a_config_file_that_is_not_there(self, folder: Any, tmp_path: Path) -> None:
        """A file that IMAGEVAULT_CONFIG names must exist; the default file need not."""
        refusal = folder.refusal({"IMAGEVAULT_CONFIG": "nowhere.toml"})

        assert str(refusal) == (
            f"IMAGEVAULT_CONFIG: there is no file {tmp_path}/nowhere.toml; create it or correct the path "
            "(environment variable IMAGEVAULT_CONFIG)"
        )
        assert folder.load().config is None

    def test_a_config_file_that_is_a_folder(self, folder: Any, tmp_path: Path) -> None:
        (tmp_path / "imagevault.toml").mkdir()

        assert str(folder.refusal()).startswith("imagevault.toml: cannot be read: [Errno 21] Is a directory")

    @pytest.mark.parametrize("name", ["imagevault.toml", ".env"])
    def test_a_file_that_cannot_be_opened(self, folder: Any, tmp_path: Path, name: str) -> None:
        """A link to itself cannot be followed even by root. It does not count as missing."""
        (tmp_path / name).symlink_to(tmp_path / name)

        refusal = folder.refusal()

        assert str(refusal).startswith(f"{name}: cannot be read: ")
        assert refusal.source == str(tmp_path / name)


class TestSecrecy:
    SETTINGS = f"""
secret_key = "{SECRET}"
database_url = "postgresql://ada:hidden@db/vault"
[providers.pexels]
api_key = "hidden"
"""

    def test_no_secret_shows(self, folder: Any, caplog: pytest.LogCaptureFixture) -> None:
        """Neither in repr, str or a log line, nor in the fields that rich prints of a Struct."""
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
