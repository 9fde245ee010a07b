"""`imagevault providers check`: one real query to a provider."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagevault import samples
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels

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
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.fixture
def everything(configured: dict[str, str], offline: dict[str, str]) -> dict[str, str]:
    """The environment with the simulated Pexels and the local provider, and no other."""
    return {**configured, **offline}


@pytest.mark.usefixtures("patient")
class TestCheck:
    def test_asks_once_and_tells_what_came(
        self, here: Here, everything: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        """Without the cache: a second check calls the provider again."""
        for calls in (1, 2):
            done = here("providers", "check", "pexels", "-q", "nature", "--json", environ=everything)

            [checked] = json.loads(done.stdout)["providers"]
            assert (done.returncode, checked["ok"], checked["images"], checked["total"]) == (0, True, 80, 8000)
            assert checked["asked"] == ["page 1"]
            assert len(pexels.calls) == calls

    def test_says_why_one_does_not_work(self, here: Here, everything: dict[str, str], pexels: SimulatedPexels) -> None:
        """In one line, with exit code 1; the other providers are still checked."""
        pexels.fail(Answer({"error": "no"}, 401))

        done = here("providers", "check", environ=everything)

        assert done.returncode == 1
        rows = {line.split()[0]: line for line in done.stdout.splitlines()}
        assert "does not accept the key" in rows["pexels"]
        assert rows["local"].split()[1] == "yes"

    def test_of_a_provider_without_an_upstream(self, here: Here, offline: dict[str, str]) -> None:
        done = here("providers", "check", "local", environ=offline)

        assert done.returncode == 0
        assert done.stdout.splitlines()[-1].split()[:2] == ["local", "yes"]

    def test_of_a_folder_without_such_a_picture(self, here: Here, offline: dict[str, str], tmp_path: Path) -> None:
        """It works all the same. Programs get what to do as `note`."""
        shutil.copy(Path(samples.__file__).with_name("fox-in-snow.jpg"), tmp_path)
        environ = {**offline, "LOCAL_FOLDER": str(tmp_path)}

        done = here("providers", "check", "local", "--json", environ=environ)

        [checked] = json.loads(done.stdout)["providers"]
        assert (done.returncode, checked["ok"], checked["images"], checked["error"]) == (0, True, 0, None)
        assert checked["note"] == "nothing was found for mountain; try other words with --query"

    def test_of_a_provider_that_is_not_there(self, here: Here, offline: dict[str, str]) -> None:
        """Suggests a similar name, with the exit code of a wrong call."""
        done = here("providers", "check", "pexel", environ=offline)

        assert (done.returncode, done.stdout) == (2, "")
        assert "Did you mean pexels?" in done.stderr


@pytest.mark.usefixtures("patient")
class TestRecord:
    RECORD = ("providers", "check", "pexels", "--record", "answers.json")

    @pytest.mark.processes
    def test_is_enough_for_the_contract(
        self, here: Here, everything: dict[str, str], pexels: SimulatedPexels, tmp_path: Path
    ) -> None:
        """Two pages and an image, each by a counted call. The recording has no key and works for any words and key."""
        done = here(*self.RECORD, environ=everything)

        assert done.returncode == 0, done.stderr
        paths = [(call.path, call.query.get("page")) for call in pexels.calls]
        image = paths[2][0].rpartition("/")[2]
        assert paths == [("/v1/search", "1"), ("/v1/search", "2"), (f"/v1/photos/{image}", None)]
        told = f"recorded in answers.json, without your keys: page 1, page 2, image {image}; calls: 3"
        assert told in " ".join(done.stderr.split())
        answers = (tmp_path / "answers.json").read_text()
        assert pexels.key not in answers
        assert [recording["status"] for recording in json.loads(answers)] == [200, 200, 200]
        explained = here("search", "nature", "-p", "pexels", "--explain", environ=everything)
        assert "pexels: 196 of 200/hour" in explained.stderr

        (tmp_path / "test_recorded.py").write_text(CONTRACT)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recorded.py"]
        tested = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stdout
        assert re.search(r"^[0-9]{2} passed, 2 skipped", tested.stdout, re.MULTILINE), tested.stdout

    def test_of_a_search_with_one_page_only(self, here: Here, everything: dict[str, str]) -> None:
        """There is no second page to request."""
        done = here(*self.RECORD, "-q", "few", environ=everything)

        assert done.returncode == 0
        assert "recorded in answers.json, without your keys: page 1, image " in done.stderr

    def test_of_a_search_that_finds_nothing(self, here: Here, everything: dict[str, str]) -> None:
        """The provider works, so the exit code is 0."""
        done = here(*self.RECORD, "-q", "nothing", environ=everything)

        assert done.returncode == 0
        assert "nothing was found for nothing; try other words with --query" in done.stdout
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
        self, here: Here, everything: dict[str, str], pexels: SimulatedPexels, path: str, status: int, told: str
    ) -> None:
        """With the numbers of the first page, and exit code 1."""
        pexels.fail(Answer({"error": "no"}, status), path=path)

        done = here(*self.RECORD, "--json", environ=everything)

        [checked] = json.loads(done.stdout)["providers"]
        assert (done.returncode, checked["ok"], checked["images"]) == (1, False, 80)
        assert told in checked["error"]

    def test_of_a_provider_without_an_upstream(self, here: Here, offline: dict[str, str]) -> None:
        """It is checked; the recording is empty."""
        done = here("providers", "check", "local", "--record", "answers.json", environ=offline)

        assert done.returncode == 0
        assert "; calls: 0" in done.stderr

    def test_of_all_providers_at_once(self, here: Here, offline: dict[str, str]) -> None:
        done = here("providers", "check", "--record", "answers.json", environ=offline)

        assert done.returncode == 2
        assert "--record needs the NAME of one provider." in done.stderr
