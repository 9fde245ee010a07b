"""An optional field of another type counts as missing. What is needed must be right."""

from typing import Annotated, Any

import msgspec
import pytest

from imagevault.plugins.lenient import decode_known


class Maker(msgspec.Struct):
    name: str
    url: str | None = None


class Tag(msgspec.Struct):
    title: str | None = None


class File(msgspec.Struct):
    url: str


class Photo(msgspec.Struct):
    id: int
    maker: Maker
    width: Annotated[int, msgspec.Meta(gt=0)] | None = None
    color: str | None = msgspec.field(name="avgColor", default=None)
    tags: list[Tag] | None = None
    place: Tag | None = None
    more: dict[str, Any] = {}
    files: list[File] = []


RIGHT = {"id": 1, "maker": {"name": "Ada"}}


def photo(**changes: object) -> Photo:
    return decode_known(msgspec.json.encode({**RIGHT, **changes}), Photo)


@pytest.mark.parametrize(
    "odd",
    [
        {"width": "4000"},
        {"width": -1},
        {"avgColor": 7},
        {"tags": "red, blue"},
        {"tags": ["red"]},
        {"place": "Oslo"},
        {"place": {"title": 1}},
        {"more": None},
        {"more": []},
        {"maker": {"name": "Ada", "url": []}},
        {"width": "4000", "avgColor": 7, "tags": 1, "place": 1, "more": None},
    ],
)
def test_an_odd_optional_field_counts_as_missing(odd: dict[str, object]) -> None:
    known = photo(**odd)

    assert (known.id, known.maker, known.width, known.color, known.more) == (1, Maker("Ada"), None, None, {})
    assert known.tags is None
    assert known.place in (None, Tag())


def test_the_other_fields_stay() -> None:
    known = photo(width="4000", avgColor="#112233", place={"title": "Oslo", "more": 1})

    assert (known.color, known.place) == ("#112233", Tag("Oslo"))


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "1"},
        {"maker": None},
        {"maker": {"name": 1}},
        {"files": [{"url": 1}]},
        {"files": [{}]},
        {"files": 7},
        {"id": "1", "width": "1"},
    ],
)
def test_what_is_needed_must_be_right(odd: dict[str, object]) -> None:
    """Also a list of records, which may be missing as a whole."""
    with pytest.raises(msgspec.ValidationError):
        photo(**odd)


def test_of_an_answer_that_is_no_object() -> None:
    for body in (b"[]", b"7", b"null"):
        with pytest.raises(msgspec.ValidationError):
            decode_known(body, Photo)


def test_the_error_names_what_is_needed() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.maker.name`"):
        photo(avgColor=7, maker={"name": 1})
