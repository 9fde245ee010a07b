"""`imagevault downloads --all`: the downloads of all accounts, page by page."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from imagevault.runtime.services import Services
from tests.support.ledger_rows import add

Here = Callable[..., Any]
COUNTS = {"ada": 450, "bob": 3, "eve": 0}


@pytest.fixture(autouse=True)
def ledger(here: Here, in_services: Any) -> None:
    """Three accounts: one with more downloads than a page holds, and one without any."""
    for name in COUNTS:
        here("users", "create", name, "--password", "violet-harbour-71")

    async def fill(services: Services) -> None:
        for listed in await services.accounts.list_all():
            await add(UUID(str(listed["id"])), COUNTS[str(listed["username"])])

    in_services(fill)


def test_as_json_each_once_with_its_account(here: Here) -> None:
    ended = here("downloads", "--all", "--json")

    listed = json.loads(ended.stdout)["downloads"]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {name: sum(record["account"] == name for record in listed) for name in COUNTS} == COUNTS
    assert len({record["id"] for record in listed}) == 453
    assert listed[0]["title"] == "Picture 449"  # newest first


def test_as_a_table(here: Here) -> None:
    lines = here("downloads", "--all").stdout.splitlines()

    assert sum(line.startswith("ada ") for line in lines) == COUNTS["ada"]
    assert sum(line.startswith("bob ") for line in lines) == COUNTS["bob"]


def test_one_account_or_all(here: Here) -> None:
    """`--account` is another name of `--as`."""
    both = here("downloads", "--all", "--as", "ada")

    assert (both.returncode, "Give either --as ACCOUNT or --all." in both.stderr) == (2, True)
    assert len(json.loads(here("downloads", "--account", "bob", "--json").stdout)["downloads"]) == COUNTS["bob"]


def test_nothing_to_list(here: Here) -> None:
    for name in COUNTS:
        here("users", "delete", name, "--yes")

    assert json.loads(here("downloads", "--all", "--json").stdout) == {"downloads": []}
    assert here("downloads", "--all").stderr == "There is no download.\n"


def test_all_are_listed_whatever_their_number(here: Here) -> None:
    """A limit beside `--all` would be ignored, so it is refused, also if it is the default."""
    for limit in ("5", "20"):
        ended = here("downloads", "--all", "--limit", limit)

        assert (ended.returncode, ended.stdout) == (2, "")
        assert "--all lists everything; leave out --limit." in ended.stderr
