"""`imagevault download` and `downloads`, and the option `--as NAME`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagevault.accounts.tables import Account
from imagevault.downloads.tables import DownloadEvent
from imagevault.runtime.services import Services
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash
from tests.support.waiting import COMMAND_LIMIT

PASSWORD = "violet-harbour-71"
NOBODY = "imagevault: there is no active account bob; list the accounts with: imagevault users list\n"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.mark.usefixtures("patient")
class TestAs:
    """Commands on behalf of an account: `--as NAME`."""

    @pytest.mark.parametrize(
        "command", [["search", "fox", "-p", "local"], ["download", "local:aurora.jpg"], ["downloads"]]
    )
    def test_no_locked_account_acts(self, here: Here, in_services: Any, command: list[str]) -> None:
        """And the list of users marks locked accounts."""

        async def lock(_: Services) -> None:
            await Account.update({Account.is_active: False}).where(Account.username == "ada")

        in_services(lock)

        ended = here(*command, "--as", "ada")

        reason = "imagevault: there is no active account ada; list the accounts with: imagevault users list\n"
        assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", reason)
        heading, row = here("users", "list").stdout.splitlines()
        assert row.index("locked") == heading.index("status")

    @pytest.fixture(autouse=True)
    def ada(self, here: Here) -> None:
        here("users", "create", "ada", "--password", PASSWORD)

    def test_a_search_uses_the_share_of_the_account(
        self, here: Here, in_services: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Without `--as`, the search counts for no account."""
        before = here("search", "owl", "-p", "pexels", "-n", "1", environ=configured)
        ended = here("search", "fox", "-p", "pexels", "-n", "1", "--as", "Ada", "--json", environ=configured)
        answer = json.loads(ended.stdout)

        async def callers(services: Services) -> tuple[str, dict[str, int]]:
            found = await services.accounts.find_active("ada")
            state, _ = await services.gateway.limiter.store.read("pexels")
            assert found is not None
            return found.id, {id: caller.count for id, caller in state.callers.items()}

        id, counts = in_services(callers, configured)
        assert (before.returncode, ended.returncode, ended.stderr) == (0, 0, "")
        assert set(answer) == {"images", "providers", "next"}
        assert (len(answer["images"]), answer["providers"][0]["status"]) == (1, "ok")
        assert counts == {id: 1}
        assert len(pexels.calls) == 2

    def test_a_download_is_recorded_and_listed(self, here: Here) -> None:
        """As JSON it equals the answer of the API; as text it is a row."""
        words = ["download", "local:fox-in-snow.jpg", "--as", "ada", "--project", "cards", "--note", "[bold]for May"]
        kept = here(*words, "--json")
        record = json.loads(kept.stdout)
        as_text = here("download", "local:aurora.jpg", "--rendition", "thumbnail", "--as", "ADA")
        listed = here("downloads", "--as", "ada")
        answer = json.loads(here("downloads", "--as", "ada", "--json").stdout)
        newest = json.loads(here("downloads", "--as", "ada", "-n", "1", "--json").stdout)

        assert [ended.returncode for ended in (kept, as_text, listed)] == [0, 0, 0]
        assert [ended.stderr for ended in (kept, as_text, listed)] == ["", "", ""]
        assert {key: record[key] for key in ("image", "provider", "project", "note", "rendition")} == {
            "image": "local:fox-in-snow.jpg",
            "provider": "local",
            "project": "cards",
            "note": "[bold]for May",
            "rendition": "original",
        }
        assert record["license"]["id"] == "cc0-1.0"
        assert record["attribution"]["text"]
        assert "local:aurora.jpg" in as_text.stdout
        assert "thumbnail" in as_text.stdout
        assert [line.split()[0] for line in listed.stdout.splitlines()] == [
            "image",
            "local:aurora.jpg",
            "local:fox-in-snow.jpg",
        ]
        assert [record["image"] for record in answer["downloads"]] == ["local:aurora.jpg", "local:fox-in-snow.jpg"]
        assert set(answer["downloads"][1]) == set(record)
        assert (answer["downloads"][1]["id"], answer["next"]) == (record["id"], None)
        assert [record["image"] for record in newest["downloads"]] == ["local:aurora.jpg"]
        assert newest["next"]

    @pytest.mark.parametrize("width", [80, 120])
    def test_the_list_fits_the_terminal(self, here: Here, width: int) -> None:
        """Image, licence, day, rendition and project side by side; the credit below where it does not fit."""
        for image in ("local:fox-in-snow.jpg", "local:mountain-lake.jpg"):
            here("download", image, "--as", "ada", "--project", "cards")

        shown = here("downloads", "--as", "ada", environ={"COLUMNS": str(width)}).stdout.splitlines()

        rows = [line for line in shown if not line.startswith(" ")]
        assert re.split(" {2,}", rows[0])[:5] == ["image", "licence", "downloaded (UTC)", "rendition", "project"]
        assert [re.split(" {2,}", row)[0] for row in rows[1:]] == ["local:mountain-lake.jpg", "local:fox-in-snow.jpg"]
        assert [re.split(" {2,}", row)[3:5] for row in rows[1:]] == [["original", "cards"]] * 2
        assert max(map(len, shown)) <= width
        credits = [line for line in shown if line.endswith("Red fox in snow by ImageVault")]
        assert [line.startswith("    credit: ") for line in credits] == [width == 80]

    @pytest.mark.processes
    def test_the_list_in_a_pipe(self, cli: Cli) -> None:
        """One line for each download, for grep; whatever the width of the terminal."""
        cli("download", "local:fox-in-snow.jpg", "--as", "ada")
        environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}

        ended = subprocess.run(
            [sys.executable, "-m", "imagevault", "downloads", "--as", "ada"],
            cwd=Path.cwd(),
            env=environ,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )

        heading, row = ended.stdout.splitlines()
        assert re.split(" {2,}", heading) == ["image", "licence", "downloaded (UTC)", "rendition", "credit"]
        assert row.startswith("local:fox-in-snow.jpg  CC0 1.0  ")
        assert row.endswith("  Red fox in snow by ImageVault")

    def test_each_sees_its_own(self, here: Here) -> None:
        here("users", "create", "grace", "--password", PASSWORD)
        here("download", "local:aurora.jpg", "--as", "ada")

        ended = here("downloads", "--as", "grace", "--json")

        assert (ended.returncode, json.loads(ended.stdout)) == (0, {"downloads": [], "next": None})

    @pytest.mark.parametrize(
        ("words", "code", "reason"),
        [
            ("search fox -p local --as bob", 1, NOBODY),
            ("search fox -p local --as bob --json", 1, NOBODY),
            ("download local:aurora.jpg --as bob", 1, NOBODY),
            ("downloads --as bob", 1, NOBODY),
            ("downloads --as bob --json", 1, NOBODY),
            ("downloads --as b", 2, "imagevault: username: must be 3 to 64 letters"),
            ("search fox -p local --as b", 2, "imagevault: username: must be 3 to 64 letters"),
            ("downloads", 2, "imagevault: Give either --as ACCOUNT or --all. See imagevault downloads --help.\n"),
            ("download local:aurora.jpg", 2, "imagevault: Missing option '--as'. See imagevault download --help.\n"),
            ("download --as ada", 2, "imagevault: Missing argument 'IMAGE'. See imagevault download --help.\n"),
            ("download aurora.jpg --as ada", 2, "imagevault: image: must be a provider's name, a colon and its own id"),
            ("download no:aurora.jpg --as ada", 2, "imagevault: image: there is no provider no."),
            ("download local:no.jpg --as ada", 1, "imagevault: Local library has no image no.jpg.\n"),
            ("download pexels:1 --as ada", 1, "imagevault: pexels: PEXELS_API_KEY is not set"),
            (
                "download local:aurora.jpg --as ada --rendition huge",
                2,
                "imagevault: rendition: this image has no huge; ",
            ),
            ("downloads --as ada -n 0", 2, "imagevault: Invalid value for '-n' / '--limit': 0 is not in the range"),
            ("downloads --as ada -n 201", 2, "imagevault: Invalid value for '-n' / '--limit': 201 is not in the range"),
        ],
    )
    def test_refuses(self, here: Here, words: str, code: int, reason: str) -> None:
        """Code 1 for a failure and 2 for a wrong call, one line on standard error, and nothing is recorded."""
        ended = here(*words.split())

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(reason)
        assert ended.stderr.count("\n") == 1
        assert json.loads(here("downloads", "--as", "ada", "--json").stdout)["downloads"] == []

    def test_in_a_process(self, cli: Cli) -> None:
        """With the exit codes that a script sees."""
        ended = [cli(*words.split()).returncode for words in ("downloads --as ada", "downloads --as bob", "downloads")]

        assert ended == [0, 1, 2]

    def test_a_download_is_reported_at_once(self, here: Here, in_services: Any) -> None:
        """Where the provider's terms demand that. If that fails, a running server reports it later."""

        async def waiting(_: Services) -> int:
            return int(await DownloadEvent.count())

        with SimulatedUnsplash() as unsplash:
            environ = {
                "UNSPLASH_ENABLED": "true",
                "UNSPLASH_API_KEY": unsplash.key,
                "UNSPLASH_BASE_URL": unsplash.url,
            }
            found = here("search", "cat", "-p", "unsplash", "--json", environ=environ)
            first, second, *_ = (image["id"] for image in json.loads(found.stdout)["images"])

            reported = here("download", first, "--as", "ada", "--json", environ=environ)
            unsplash.fail(Answer("", 500), path="photos/{id}/download")
            failed = here("download", second, "--as", "ada", "--json", environ=environ)

        assert [photo for photo, _ in unsplash.downloads] == [first.removeprefix("unsplash:")]
        assert (reported.returncode, reported.stderr) == (0, "")
        assert failed.returncode == 0
        assert "This download is not reported to unsplash yet" in failed.stderr
        assert json.loads(failed.stdout)["image"] == second
        assert in_services(waiting, environ) == 1
