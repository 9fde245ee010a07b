"""Tests of what the simulated Europeana does that the included provider never asks for."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from imagevault.testing.upstreams.europeana import BY_RELEVANCE, SimulatedEuropeana


@pytest.fixture
def europeana() -> Iterator[SimulatedEuropeana]:
    with SimulatedEuropeana() as europeana:
        yield europeana


def search(europeana: SimulatedEuropeana, **parameters: Any) -> httpx.Response:
    return httpx.get(
        f"{europeana.url}search.json",
        params={"query": "cat", "rows": 100, **parameters},
        headers={"X-Api-Key": europeana.key},
    )


def ids(answer: httpx.Response) -> list[str]:
    return [item["id"] for item in answer.json()["items"]]


def test_numbers_end_at_a_thousand_and_cursors_do_not(europeana: SimulatedEuropeana) -> None:
    """Only an answer to a cursor names the next one."""
    assert "nextCursor" not in search(europeana).json()
    assert search(europeana, start=950).status_code == 400
    assert "nextCursor" in search(europeana, cursor="*").json()


def test_a_cursor_has_the_order_of_relevance_only_on_demand(europeana: SimulatedEuropeana) -> None:
    by_number = ids(search(europeana))

    assert ids(search(europeana, cursor="*", sort=BY_RELEVANCE)) == by_number
    assert ids(search(europeana, cursor="*")) != by_number


def test_a_walk_without_an_order_ends_too(europeana: SimulatedEuropeana) -> None:
    """With an empty page, whose answer names no cursor."""
    cursor, found = "*", []
    while cursor:
        answer = search(europeana, cursor=cursor)
        found.append(ids(answer))
        cursor = answer.json().get("nextCursor")

    everything = [id for page in found for id in page]
    assert len(everything) == len(set(everything)) == answer.json()["totalResults"]
    assert found[-1] == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"cursor": "*", "start": 101},
        {"cursor": "no cursor"},
        {"cursor": "gICA"},
        {"cursor": "*", "sort": "score desc"},
    ],
)
def test_refuses(europeana: SimulatedEuropeana, parameters: dict[str, Any]) -> None:
    """A place given twice, a cursor that nobody named, and a sort that leaves equal items in any order."""
    answer = search(europeana, **parameters)

    assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_refuses_the_cursor_of_another_order(europeana: SimulatedEuropeana) -> None:
    cursor = search(europeana, cursor="*").json()["nextCursor"]

    assert search(europeana, cursor=cursor).status_code == 200
    assert search(europeana, cursor=cursor, sort=BY_RELEVANCE).status_code == 400
