"""Cursors of this version and of earlier workers, which serve the same walk while a server is upgraded."""

import unicodedata

import msgspec
import pytest

from imagevault.search.cursor import Cursor, CursorSeal, Place
from imagevault.security import base64url
from imagevault.security.keyring import TAG_BYTES, Keyring

SEAL = CursorSeal(Keyring(b"a test secret of more than thirty-two bytes"))
QUERIES = ["red fox", "Red Fox", "Straße", "İstanbul", "½ moon", "Σίσυφος", "LEGO™ bricks", "ﬁsh"]


class EarlierCursor(msgspec.Struct, frozen=True, array_like=True):
    """The cursor of workers that fold the query before they ask providers."""

    version: int
    text: str
    filters: dict[str, str]
    per_page: int
    turn: int
    places: list[Place]


def earlier_form(query: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", query).casefold().split())


@pytest.mark.parametrize("query", QUERIES)
def test_earlier_workers_take_a_cursor(query: str) -> None:
    """Also beside the query, which they compare in their form."""
    sealed = SEAL.close(Cursor.at_start(query, {}, 5, []))

    cursor = msgspec.msgpack.decode(base64url.decode(sealed)[TAG_BYTES:], type=EarlierCursor)

    assert cursor.text == earlier_form(query)


@pytest.mark.parametrize("query", QUERIES)
def test_a_cursor_of_an_earlier_worker_is_taken(query: str) -> None:
    earlier = EarlierCursor(1, earlier_form(query), {}, 5, 0, [Place("local", 100, 7)])

    cursor = msgspec.convert(msgspec.to_builtins(earlier), Cursor)

    assert cursor.query == earlier_form(query)
    assert cursor.belongs_to(query)
    assert not cursor.belongs_to("wolf")


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_stays_as_typed(query: str) -> None:
    cursor = SEAL.open(SEAL.close(Cursor.at_start(query, {}, 5, [])))

    assert cursor.query == query
    assert cursor.belongs_to(query)
    assert not cursor.belongs_to(f"{query} wolf")


def test_a_query_that_earlier_workers_refuse() -> None:
    """Its earlier form has more than 200 characters."""
    assert Cursor.at_start("\ufdfa" * 20, {}, 5, []).query == "\ufdfa" * 20


def test_the_longest_cursor_opens() -> None:
    """Two hundred characters of four bytes that change in the earlier form, and thirty providers."""
    query = "\U00010400" * 200
    places = [Place("p" * 32, 500, 10**6, 2 * 10**12)] * 30
    cursor = msgspec.structs.replace(Cursor.at_start(query, {"locale": "zh-Hant-TW"}, 100, []), places=places)

    assert SEAL.open(SEAL.close(cursor)) == cursor
