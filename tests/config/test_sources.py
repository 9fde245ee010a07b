"""Keys that do not exist, in the file and in the environment, and the source that an error names."""

from typing import Any

import pytest

from imagevault.config.sources import alternatives, nearest

NUMBER = "must be a whole number from 1 to 65535, such as 8000 ("
RATE = "must be a number per second, minute, hour or day, such as 600/minute"


class TestRefusal:
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
    def test_names_the_variable(self, folder: Any, environ: dict[str, str], dotenv: str, key: str, source: str) -> None:
        refusal = folder.refusal(environ, dotenv=dotenv)

        assert (refusal.key, refusal.source) == (key, source)

    @pytest.mark.parametrize(
        ("toml", "key", "message"),
        [
            ("prt = 80", "prt", "there is no such setting. Did you mean port?"),
            (
                "xyzzy = 80",
                "xyzzy",
                "there is no such setting. Remove it; imagevault config example prints every setting. (",
            ),
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
    def test_of_a_key_in_the_file(self, folder: Any, toml: str, key: str, message: str) -> None:
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
            ("IMAGEVAULT_LOCAL_FOLDER", "LOCAL_FOLDER"),
            ("IMAGEVAULT_PEXELS_API_KEY", "PEXELS_API_KEY"),
        ],
    )
    @pytest.mark.parametrize("source", ["environment", ".env"])
    def test_of_an_unknown_variable(self, folder: Any, name: str, near: str, source: str) -> None:
        """Only variables with our prefix. The error names the most similar right one."""
        refusal = folder.refusal({name: "x"}) if source == "environment" else folder.refusal(dotenv=f"{name}=x")

        assert str(refusal) == f"{name}: there is no such setting. Did you mean {near}? ({source} variable {name})"


def test_nearest() -> None:
    """No name is suggested if none is similar."""
    assert nearest("limit", ["limits", "port"]) == " Did you mean limits?"
    assert nearest("xyz", ["limits", "port"]) == ""


@pytest.mark.parametrize(
    ("words", "shown"), [(["a"], "a"), (["a", "b"], "a or b"), (["closed", "invite", "open"], "closed, invite or open")]
)
def test_alternatives_read_as_a_sentence(words: list[str], shown: str) -> None:
    assert alternatives(words) == shown
