"""`imagevault search`: what it prints, and what `--explain` adds."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import COMMAND_LIMIT

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.mark.usefixtures("patient")
class TestSearch:
    def test_as_text(self, here: Here) -> None:
        """The images on standard output, three lines each; the status of each provider on standard error."""
        ended = here("search", "red", "fox", environ={"IMAGEVAULT_DEFAULT": "pexels,local"})

        assert ended.returncode == 0
        *lines, link = ended.stdout.splitlines()
        assert lines == ["local:fox-in-snow.jpg  1000 x 1000  CC0 1.0", "    Red fox in snow by ImageVault"]
        assert link.startswith("    http://127.0.0.1:8000/media/local/original/fox-in-snow.jpg?expires=")
        assert ended.stderr.splitlines() == [
            "pexels: unconfigured: PEXELS_API_KEY is not set (or api_key in [providers.pexels])",
            "local: ok, 1 in all",
        ]

    def test_links_to_the_page_of_a_picture(self, here: Here, configured: dict[str, str]) -> None:
        """Where the provider names one; a person opens it to see the picture, its author and its terms."""
        ended = here("search", "fox", "-p", "pexels", "-n", "3", environ=configured)
        answer = json.loads(here("search", "fox", "-p", "pexels", "-n", "3", "--json", environ=configured).stdout)

        pages = [image["source_url"] for image in answer["images"]]
        assert [line.strip() for line in ended.stdout.splitlines()[2::3]] == pages
        assert all(page.startswith("https://www.pexels.com/") for page in pages)

    @pytest.mark.parametrize("width", [24, 80, 120])
    def test_in_a_narrow_terminal(self, here: Here, configured: dict[str, str], width: int) -> None:
        """Lines break between words; a link is never broken, because people click on it."""
        words = ("search", "fox", "-p", "local,pexels,flickr", "-n", "6")
        environ = {**configured, "FLICKR_ENABLED": "true", "FLICKR_API_KEY": ""}
        whole = here(*words, environ=environ)
        narrow = here(*words, environ={**environ, "COLUMNS": str(width)})

        assert (narrow.stdout.split(), narrow.stderr.split()) == (whole.stdout.split(), whole.stderr.split())
        lines = [*narrow.stdout.splitlines(), *narrow.stderr.splitlines()]
        assert [line for line in lines if len(line) > width and len(line.split()) > 1] == []

    def test_as_json(self, here: Here) -> None:
        """The answer of the API, and nothing else on standard output."""
        ended = here("search", "fox", "-p", "local", "-n", "1", "--json")
        answer = json.loads(ended.stdout)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert set(answer) == {"images", "providers", "next"}
        assert [image["id"] for image in answer["images"]] == ["local:fox-in-snow.jpg"]
        assert answer["images"][0]["attribution"]["text"]
        assert answer["providers"][0]["status"] == "ok"

    def test_that_nobody_answers(self, here: Here) -> None:
        """Exit code 1 and one line of reasons; --json still prints the statuses."""
        ended = here("search", "fox", "-p", "pexels", "--json")

        assert ended.returncode == 1
        assert ended.stderr == (
            "imagevault: No provider answered. pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])\n"
        )
        assert [provider["status"] for provider in json.loads(ended.stdout)["providers"]] == ["unconfigured"]

    def test_that_finds_nothing(self, here: Here) -> None:
        """No results is an answer."""
        ended = here("search", "no such thing at all", "-p", "local")

        assert ended == (0, "", "local: ok, 0 in all\n")

    def test_words_are_shown_as_they_are(self, here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing in a title is taken for markup or for the name of an emoji."""
        folder = tmp_path / "pictures"
        folder.mkdir()
        name = r"[bold]owl[/bold] :cat: \[red] [/]"
        PIL.Image.new("RGB", (8, 8)).save(folder / f"{name.replace('/', '')}.png")
        monkeypatch.setenv("LOCAL_FOLDER", str(folder))

        ended = here("search", "owl", "-p", "local")

        assert ended.returncode == 0
        for word in ("[bold]owl[bold]", ":cat:", r"\[red]", "[]"):
            assert word in ended.stdout

    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.processes
    def test_into_a_closed_pipe(self, tmp_path: Path, unbuffered: str) -> None:
        """`imagevault search fox --json | head` prints no error, whether the pipe breaks early or at the end."""
        command = [sys.executable, "-m", "imagevault", "search", "fox", "-p", "local", "--json"]
        environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as closed:
            ended = subprocess.run(
                command,
                cwd=tmp_path,
                env=environ,
                stdout=closed,
                stderr=subprocess.PIPE,
                text=True,
                timeout=COMMAND_LIMIT,
                check=False,
            )

        assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.usefixtures("patient")
class TestExplain:
    def test_tells_what_a_search_cost(self, here: Here, configured: dict[str, str], pexels: SimulatedPexels) -> None:
        """The first search calls Pexels; the second takes the page from the database."""
        first = here("search", "nature", "-p", "pexels", "--explain", environ=configured)
        second = here("search", "nature", "-p", "pexels", "--explain", environ=configured)

        assert [line.split() for line in first.stdout.splitlines()][-1] == ["pexels", "1", "miss", "upstream", "1"]
        assert [line.split() for line in second.stdout.splitlines()][-1] == ["pexels", "1", "hit", "database", "0"]
        assert "pexels: 199 of 200/hour" in second.stderr
        assert len(pexels.calls) == 1
