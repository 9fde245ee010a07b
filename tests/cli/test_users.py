"""`imagevault users` and `imagevault migrate`: accounts and their database."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.tokens import token_of

PASSWORD = "violet-harbour-71"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


class TestDatabase:
    def test_migrate_makes_it_and_may_be_repeated(self, here: Here, tmp_path: Path) -> None:
        """It names the database. The second run has nothing to do."""
        path = tmp_path / "imagevault-data" / "imagevault.sqlite"

        ended = [here("migrate") for _ in range(2)]

        assert [command.returncode for command in ended] == [0, 0]
        assert [command.stdout for command in ended] == ["", ""]
        assert [command.stderr for command in ended] == [f"SQLite at {path} is up to date.\n"] * 2
        assert path.read_bytes().startswith(b"SQLite format 3")

    def test_accounts_are_made_and_listed(self, cli: Cli, here: Here) -> None:
        """The password comes from standard input, which keeps it out of the shell's history. Names are lower-cased."""
        made = cli("users", "create", "Ada", "--admin", "--password", "-", input=f"{PASSWORD}\r\n")
        again = here("users", "create", "ADA", "--password", PASSWORD)
        other = here("users", "create", "grace", "--password", PASSWORD)
        listed = here("users", "list")
        as_json = json.loads(here("users", "list", "--json").stdout)

        assert (made.returncode, made.stdout, made.stderr) == (0, "ada (admin)\n", "")
        assert again == (1, "", "imagevault: The username ada is taken; choose another.\n")
        assert other == (0, "grace (user)\n", "")
        dates = [account["created_at"][:10] for account in as_json["users"]]
        assert [line.split() for line in listed.stdout.splitlines()] == [
            ["username", "role", "created", "status"],
            ["ada", "admin", dates[0], "active"],
            ["grace", "user", dates[1], "active"],
        ]
        assert [(account["username"], account["is_admin"]) for account in as_json["users"]] == [
            ("ada", True),
            ("grace", False),
        ]
        assert not any("password" in key for account in as_json["users"] for key in account)

    def test_a_password_piped_in_is_the_one_that_signs_in(self, cli: Cli, in_services: Any) -> None:
        """With any line end."""
        cli("users", "create", "ada", "--password", "-", input=f"{PASSWORD}\r\n")

        assert in_services(lambda services: services.accounts.check_password("ada", PASSWORD))

    @pytest.mark.processes
    def test_a_password_is_asked_for_at_a_terminal(self, tmp_path: Path) -> None:
        """Twice, without an echo."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "imagevault", "users", "create", "ada"],
            cwd=tmp_path,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = b""
        for prompt in (b"Password: ", b"Repeat for confirmation: "):
            while not shown.endswith(prompt):
                shown += os.read(ours, 1024)
            os.write(ours, PASSWORD.encode() + b"\n")
        while not shown.endswith(b"(user)\r\n"):
            shown += os.read(ours, 1024)

        assert process.wait(30) == 0
        assert PASSWORD.encode() not in shown
        os.close(ours)


class TestUsers:
    """`imagevault users promote` and `demote`."""

    def test_an_admin_is_made_and_unmade(self, here: Here) -> None:
        """By any spelling of the name. To promote an admin changes nothing."""
        here("users", "create", "ada", "--password", PASSWORD)
        here("users", "create", "grace", "--password", PASSWORD)

        said = [
            here("users", *words.split()) for words in ("promote ADA", "promote ada", "promote grace", "demote Ada")
        ]
        listed = json.loads(here("users", "list", "--json").stdout)["users"]

        assert said == [(0, f"{line}\n", "") for line in ("ada (admin)", "ada (admin)", "grace (admin)", "ada (user)")]
        assert [(account["username"], account["is_admin"]) for account in listed] == [("ada", False), ("grace", True)]
        assert set(listed[0]) == {"id", "username", "is_admin", "is_active", "created_at"}

    def test_a_token_that_is_out_already_counts_as_what_its_owner_is_now(self, here: Here, in_services: Any) -> None:
        """Promotion and demotion need no new token."""
        here("users", "create", "ada", "--password", PASSWORD)
        token = in_services(lambda services: token_of(services.accounts, "ada", PASSWORD))

        found = []
        for word in ("promote", "demote"):
            here("users", word, "ada")
            caller = in_services(lambda services: services.credentials.verify(token))
            found.append((caller.username, caller.is_admin))

        assert found == [("ada", True), ("ada", False)]

    @pytest.mark.parametrize("word", ["promote", "demote"])
    @pytest.mark.parametrize(
        ("name", "code", "reason"),
        [
            (["bob"], 1, "There is no account bob."),
            (["a b"], 2, "username: must be 3 to 64 letters, digits and . _ - @ +"),
            ([], 2, "Missing argument 'USERNAME'. See imagevault users "),
        ],
    )
    def test_nobody_of_that_name(self, here: Here, word: str, name: list[str], code: int, reason: str) -> None:
        ended = here("users", word, *name)

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1


class TestLocking:
    def test_an_account_is_locked_unlocked_and_reset(self, here: Here) -> None:
        """The list shows what is locked. The audit trail shows it all, the newest first."""
        here("users", "create", "ada", "--password", PASSWORD)

        assert here("users", "lock", "Ada") == (0, "ada (locked)\n", "")
        assert "locked" in here("users", "list").stdout
        assert json.loads(here("users", "unlock", "ada", "--json").stdout) == {"username": "ada", "status": "active"}
        reset = here("users", "reset-password", "ada")
        invitation = json.loads(here("users", "invite", "--days", "2", "--json").stdout)
        trail = json.loads(here("audit", "--json").stdout)["events"]

        assert (reset.returncode, len(reset.stdout.strip())) == (0, 27)
        assert "once, until" in reset.stderr
        assert set(invitation) == {"invitation", "expires_at"}
        assert [line["event"] for line in trail] == [
            "invitation_created",
            "reset_code_created",
            "account_unlocked",
            "account_locked",
            "account_created",
        ]
        assert {line["address"] for line in trail} == {"command line"}
        assert reset.stdout.strip() not in str(trail)

    def test_of_nobody_is_an_error(self, here: Here) -> None:
        for command in ("lock", "unlock", "reset-password"):
            ended = here("users", command, "bob")

            assert ended.returncode == 1
            assert "There is no account bob" in ended.stderr

    def test_the_trail_is_filtered(self, here: Here) -> None:
        """By account and kind. A kind that does not exist is an error that lists all."""
        for name in ("ada", "bob"):
            here("users", "create", name, "--password", PASSWORD)

        assert here("audit", "--user", "bob").stdout.count("account_created") == 1
        assert here("audit", "--event", "account_locked").stdout.count("account_created") == 0
        wrong = here("audit", "--event", "signed-in")
        assert wrong.returncode == 2
        assert "account_created" in wrong.stderr
