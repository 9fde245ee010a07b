"""The command line with upstreams behind it: what a search cost, and one real query to a provider."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from imagevault.testing import Answer
from imagevault.testing.pexels import SimulatedPexels

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class TestExplain:
    def test_tells_what_a_search_cost(self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """The first time a call of Pexels, the second time none: the database has the page."""
        first = cli("search", "nature", "-p", "pexels", "--explain", environ=configured)
        second = cli("search", "nature", "-p", "pexels", "--explain", environ=configured)

        assert [line.split() for line in first.stdout.splitlines()][-1] == ["pexels", "1", "miss", "upstream", "1"]
        assert [line.split() for line in second.stdout.splitlines()][-1] == ["pexels", "1", "hit", "database", "0"]
        assert "pexels: 199 of 200/hour" in second.stderr
        assert len(pexels.calls) == 1


class TestCheck:
    def test_asks_once_and_tells_what_came(
        self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels, tmp_path: Path
    ) -> None:
        """Past the cache; recorded as a fixture, without the key."""
        done = cli(
            "providers", "check", "pexels", "-q", "nature", "--record", "answers.json", "--json", environ=configured
        )

        [checked] = json.loads(done.stdout)["providers"]
        assert (done.returncode, checked["ok"], checked["images"], checked["total"]) == (0, True, 80, 8000)
        [recorded] = json.loads((tmp_path / "answers.json").read_text())
        assert (recorded["status"], len(json.loads(recorded["body"])["photos"])) == (200, 80)
        assert pexels.key not in (tmp_path / "answers.json").read_text()
        assert len(pexels.calls) == 1

    def test_says_why_one_does_not_work(self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """In one line, with exit code 1; the others are checked all the same."""
        pexels.fail(Answer({"error": "no"}, 401))

        done = cli("providers", "check", environ=configured)

        assert done.returncode == 1
        rows = {line.split()[0]: line for line in done.stdout.splitlines()}
        assert "does not accept the key" in rows["pexels"]
        assert rows["local"].split()[1] == "yes"

    def test_of_a_provider_that_is_not_there(self, cli: Run) -> None:
        """The names that exist, and the code of bad input."""
        done = cli("providers", "check", "pexel")

        assert (done.returncode, done.stdout) == (2, "")
        assert "Did you mean pexels?" in done.stderr


class TestStart:
    def test_strict_refuses_a_setting_that_is_wrong(self, cli: Run) -> None:
        """One that is missing is no fault."""
        done = cli("serve", "--strict", environ={"PEXELS_API_KEY": "x", "PEXELS_TIMEOUT": "abc"})

        assert done.returncode == 1
        assert "pexels: timeout: must be a number" in done.stderr

    def test_a_default_chain_of_nobody_is_refused(self, cli: Run) -> None:
        """It would never answer."""
        done = cli("serve", environ={"IMAGEVAULT_DEFAULT": "pexls"})

        assert done.returncode == 1
        assert "default: names no provider; there are local, openverse, pexels" in done.stderr

    def test_a_command_is_no_secret(self, cli: Run) -> None:
        """What a README shows, everybody knows."""
        done = cli(
            "migrate", environ={"SECRET_KEY": "$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"}
        )

        assert done.returncode == 1
        assert "secret_key: is a command, not what it prints" in done.stderr
