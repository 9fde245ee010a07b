"""The command line with upstreams behind it: what a search cost, and one real query to a provider."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels

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
    def test_asks_once_and_tells_what_came(self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """Past the cache: a second time asks again."""
        for calls in (1, 2):
            done = cli("providers", "check", "pexels", "-q", "nature", "--json", environ=configured)

            [checked] = json.loads(done.stdout)["providers"]
            assert (done.returncode, checked["ok"], checked["images"], checked["total"]) == (0, True, 80, 8000)
            assert checked["asked"] == ["page 1"]
            assert len(pexels.calls) == calls

    def test_says_why_one_does_not_work(self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """In one line, with exit code 1; the others are checked all the same."""
        pexels.fail(Answer({"error": "no"}, 401))

        done = cli("providers", "check", environ=configured)

        assert done.returncode == 1
        rows = {line.split()[0]: line for line in done.stdout.splitlines()}
        assert "does not accept the key" in rows["pexels"]
        assert rows["local"].split()[1] == "yes"

    def test_of_a_provider_without_an_upstream(self, cli: Run) -> None:
        done = cli("providers", "check", "local")

        assert done.returncode == 0
        assert done.stdout.splitlines()[-1].split()[:2] == ["local", "yes"]

    def test_of_a_provider_that_is_not_there(self, cli: Run) -> None:
        """The names that exist, and the code of bad input."""
        done = cli("providers", "check", "pexel")

        assert (done.returncode, done.stdout) == (2, "")
        assert "Did you mean pexels?" in done.stderr


CONTRACT = """
from pathlib import Path

import imagevault_pexels
from imagevault.testing import Recorded
from imagevault.testing.contract import ProviderContract


class TestRecorded(ProviderContract):
    plugin = imagevault_pexels
    settings = {"api_key": "another-key"}

    def upstream(self) -> Recorded:
        return Recorded(Path(__file__).with_name("answers.json"))
"""


class TestRecord:
    RECORD = ("providers", "check", "pexels", "--record", "answers.json")

    def test_is_enough_for_the_contract(
        self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels, tmp_path: Path
    ) -> None:
        """Two pages and an image, each by a call that counts; without the key, for any words and key in the test."""
        done = cli(*self.RECORD, environ=configured)

        assert done.returncode == 0, done.stderr
        paths = [(call.path, call.query.get("page")) for call in pexels.calls]
        image = paths[2][0].rpartition("/")[2]
        assert paths == [("/v1/search", "1"), ("/v1/search", "2"), (f"/v1/photos/{image}", None)]
        told = f"recorded in answers.json, without your keys: page 1, page 2, image {image}; calls: 3"
        assert told in " ".join(done.stderr.split())
        answers = (tmp_path / "answers.json").read_text()
        assert pexels.key not in answers
        assert [each["status"] for each in json.loads(answers)] == [200, 200, 200]
        explained = cli("search", "nature", "-p", "pexels", "--explain", environ=configured)
        assert "pexels: 196 of 200/hour" in explained.stderr

        (tmp_path / "test_recorded.py").write_text(CONTRACT)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recorded.py"]
        tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert tested.returncode == 0, tested.stdout
        assert re.search(r"^[0-9]{2} passed, 2 skipped", tested.stdout, re.MULTILINE), tested.stdout

    def test_of_a_search_with_one_page_only(self, cli: Run, configured: dict[str, str]) -> None:
        """There is no second to be asked for."""
        done = cli(*self.RECORD, "-q", "few", environ=configured)

        assert done.returncode == 0
        assert "recorded in answers.json, without your keys: page 1, image " in done.stderr

    def test_of_a_search_that_finds_nothing(self, cli: Run, configured: dict[str, str]) -> None:
        done = cli(*self.RECORD, "-q", "nothing", environ=configured)

        assert done.returncode == 1
        assert "nothing was found for nothing; try other words" in done.stdout
        assert "recorded in answers.json, without your keys: page 1; calls: 1" in done.stderr

    @pytest.mark.parametrize(
        ("path", "status", "told"),
        [
            ("photos/{id}", 404, "fetch_image does not find image "),
            ("photos/{id}", 500, "Pexels answered 500"),
            ("photos/{id}", 429, "Pexels allows no more requests now"),
        ],
    )
    def test_says_what_could_not_be_recorded(
        self, cli: Run, configured: dict[str, str], pexels: SimulatedPexels, path: str, status: int, told: str
    ) -> None:
        """With the figures of the first page, and exit code 1."""
        pexels.fail(Answer({"error": "no"}, status), path=path)

        done = cli(*self.RECORD, "--json", environ=configured)

        [checked] = json.loads(done.stdout)["providers"]
        assert (done.returncode, checked["ok"], checked["images"]) == (1, False, 80)
        assert told in checked["error"]

    def test_of_a_provider_without_an_upstream(self, cli: Run) -> None:
        """It is tried all the same; a recording would be of nothing."""
        done = cli("providers", "check", "local", "--record", "answers.json")

        assert done.returncode == 0
        assert "; calls: 0" in done.stderr

    def test_of_all_providers_at_once(self, cli: Run) -> None:
        done = cli("providers", "check", "--record", "answers.json")

        assert done.returncode == 2
        assert "--record needs the NAME of one provider." in done.stderr


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
        assert "default: names no provider; there are artic, europeana, flickr, local, met" in done.stderr

    def test_a_command_is_no_secret(self, cli: Run) -> None:
        """What a README shows, everybody knows."""
        done = cli(
            "migrate", environ={"SECRET_KEY": "$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"}
        )

        assert done.returncode == 1
        assert "secret_key: is a command, not what it prints" in done.stderr
