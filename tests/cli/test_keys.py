"""`imagevault keys`: API keys by the command line."""

import json
from typing import Any

import pytest

from imagevault.accounts.api_keys import is_key

PASSWORD = "violet-harbour-71"


@pytest.fixture
def ada(here: Any) -> Any:
    """A runner of commands, where there is an account ada."""
    assert here("users", "create", "ada", "--password", PASSWORD).returncode == 0
    return here


class TestKeys:
    def test_are_created_listed_and_revoked(self, ada: Any) -> None:
        """Only the key itself is on standard output, so that a script can keep it."""
        options = ["--scope", "search", "--scope", "downloads", "-p", "local", "--rate", "60/minute"]
        made = ada("keys", "create", "catalogue", "--as", "ada", *options, "--expires", "2999-01-01")
        [key] = json.loads(ada("keys", "list", "--as", "ada", "--json").stdout)["keys"]
        listed = ada("keys", "list", "--as", "ada")
        revoked = ada("keys", "revoke", key["id"], "--as", "ada")
        none = json.loads(ada("keys", "list", "--as", "ada", "--json").stdout)

        assert is_key(made.stdout.strip())
        assert (key["name"], key["scopes"], key["providers"]) == ("catalogue", ["search", "downloads"], ["local"])
        assert (key["rate"], key["expires_at"]) == ("60/minute", "2999-01-01T00:00:00Z")
        assert made.stdout.startswith(key["prefix"])
        assert "catalogue" in listed.stdout
        assert "60/minute" in listed.stdout
        assert made.stdout.strip() not in listed.stdout
        assert revoked.returncode == 0
        assert none == {"keys": []}
        assert ada("keys", "list", "--as", "ada").stderr == "ada has no key.\n"

    def test_json_has_the_key(self, ada: Any) -> None:
        made = json.loads(ada("keys", "create", "catalogue", "--as", "ada", "--json").stdout)

        assert is_key(made["key"])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["create", "x", "--as", "grace"], "there is no active account grace"),
            (["create", "x", "--as", "ada", "--scope", "admin"], "Only an admin"),
            (["create", "x", "--as", "ada", "--rate", "60"], "rate"),
            (["create", "x", "--as", "ada", "-p", "pexel"], "Did you mean pexels"),
            (["create", "x", "--as", "ada", "--expires", "1999-01-01"], "must be in the future"),
            (["revoke", "1", "--as", "ada"], "the id of a key; list them with: imagevault keys list --as ada"),
            (
                ["revoke", "7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25", "--as", "ada"],
                "list them with: imagevault keys list --as ada",
            ),
            (["create", "x", "--as", "ada", "--expires", "soon"], "such as 2027-01-31 or 2027-01-31T12:00:00"),
        ],
    )
    def test_a_mistake_is_one_line(self, ada: Any, arguments: list[str], message: str) -> None:
        failed = ada("keys", *arguments)

        assert failed.returncode in {1, 2}
        assert message in failed.stderr
        assert "Traceback" not in failed.stderr
