"""Texts of strangers: no control of writing direction reaches a consumer, and every letter does."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from imagevault.images import sanitize
from imagevault.images.attribution import attribution
from imagevault.licenses import License
from imagevault.plugins import plain_text
from imagevault.plugins.plain_text import is_storable, one_line, several_lines, without_controls
from imagevault.records import Image, ProviderInfo, Rendition

# Embeddings, overrides, isolates and their ends: https://www.unicode.org/reports/tr9/#Directional_Formatting_Codes
BIDI_CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MARKS = "\u200e\u200f\u061c"  # part of correct writing
HEBREW = "\u05e9\u05dc\u05d5\u05dd"
HOSTILE = f"a\u202eb\u2066{HEBREW}{BIDI_CONTROLS}c"
CLEANED = f"ab{HEBREW}c"
NOT_SHOWN = {"id", "ref", "identities", "renditions"}  # an id of this kind is refused; no caller sees the others
INFO = ProviderInfo(
    title="Acme",
    page_size=10,
    credit='"{title}" by {author}, {license}',
    file_hosts={"a.example"},
)
TEXTS = st.text(alphabet=st.sampled_from([*BIDI_CONTROLS, *MARKS, "a", "\n", "\t", "\x00", " ", "é", "\u2028"]))


def filled(wanted: inspect.Type) -> Any:
    """A value of a type, with the hostile text wherever a text may stand; None for a number or a flag."""
    match wanted:
        case inspect.StrType():
            return HOSTILE
        case inspect.UnionType(types=types):
            return filled(next(one for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.StructType(cls=cls):
            fields = {field.encode_name: filled(field.type) for field in wanted.fields}
            return cls(**{name: value for name, value in fields.items() if value is not None})
        case inspect.CollectionType() | inspect.VarTupleType():
            return [filled(wanted.item_type)]
        case inspect.DictType():
            return {filled(wanted.key_type): filled(wanted.value_type)}
    return None


def hostile_image() -> Image:
    """An image with the hostile text in every field that takes one, also in fields that come later."""
    described = inspect.type_info(Image)
    assert isinstance(described, inspect.StructType)
    fields = {field.name: filled(field.type) for field in described.fields if field.name not in NOT_SHOWN}
    renditions = [Rendition(name="original", url="https://a.example/1.jpg")]
    given = {name: value for name, value in fields.items() if value is not None}
    return Image(id="1", renditions=renditions, **given)


def texts_in(value: object) -> Iterator[str]:
    """Every text in a value of builtin types."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, inner in value.items():
                yield name
                yield from texts_in(inner)
        case list() | tuple():
            for inner in value:
                yield from texts_in(inner)


class TestRecord:
    def test_no_text_holds_a_bidi_control(self) -> None:
        """Nor does a credit that is made of the texts, in any format."""
        image = sanitize.image(hostile_image(), INFO, holds_files=False)
        without_credit = msgspec.structs.replace(image, credit=None)
        credits = [attribution(INFO, image), attribution(INFO, without_credit)]

        found = list(texts_in(msgspec.to_builtins([image, credits])))

        assert [text for text in found if set(text) & set(BIDI_CONTROLS)] == []

    def test_the_texts_are_still_there(self) -> None:
        """Else the test above would prove nothing."""
        image = sanitize.image(hostile_image(), INFO, holds_files=False)

        assert (image.title, image.alt, image.description, image.date, image.credit) == (CLEANED,) * 5
        assert (image.tags, image.extra, image.flags.restrictions) == ([CLEANED], {CLEANED: CLEANED}, [CLEANED])
        assert image.author is not None
        assert image.author.name == CLEANED
        assert image.license == License(CLEANED, CLEANED)
        assert image.declared is not None
        assert (image.declared.field, image.declared.words) == (CLEANED, CLEANED)

    def test_an_id_with_one_is_refused(self) -> None:
        image = msgspec.structs.replace(hostile_image(), id=HOSTILE)

        with pytest.raises(sanitize.InvalidRecord):
            sanitize.image(image, INFO, holds_files=False)


class TestSeveralLines:
    @pytest.mark.parametrize(
        ("given", "right"),
        [
            (HOSTILE, CLEANED),
            ("first\nsecond\r\n\tthird  ", "first\nsecond\r\n\tthird  "),
            (f"{HEBREW}{MARKS}", f"{HEBREW}{MARKS}"),
            ("a\x00b\x1bc\u2028d", "a b c d"),
            (BIDI_CONTROLS, None),
            ("", None),
            (None, None),
        ],
    )
    def test_keeps_lines_and_letters(self, given: str | None, right: str | None) -> None:
        assert several_lines(given) == right

    @given(TEXTS)
    def test_of_any_text(self, given: str) -> None:
        """No control is left; in one line there is no line break either."""
        for found in (several_lines(given), one_line(given, 300)):
            assert not set(found or "") & set(BIDI_CONTROLS)
            assert "\x00" not in (found or "")
        assert "\n" not in (one_line(given, 300) or "")


async def test_an_accounts_own_texts_hold_none(start: Any, database_url: str) -> None:
    """A project and a note are stored and answered without them, and with their lines."""
    api = await start({"DATABASE_URL": database_url})
    headers = await api.sign_in()
    body = {"url": "https://a.example/1.jpg", "project": HOSTILE, "note": f"first\n{HOSTILE}"}

    recorded = await api.post("/download", json=body, headers=headers)
    empty = await api.post("/download", json={**body, "project": BIDI_CONTROLS}, headers=headers)
    [_, listed] = (await api.get("/downloads", headers=headers)).json()["downloads"]

    assert (recorded.status_code, empty.status_code) == (201, 201)
    assert (listed["project"], listed["note"]) == (CLEANED, f"first\n{CLEANED}")
    assert empty.json()["project"] is None


class TestWithoutControls:
    @pytest.mark.parametrize(
        ("given", "right"),
        [
            ("https://a.example/x?y=%00&z=(1)#ä", "https://a.example/x?y=%00&z=(1)#ä"),
            ("two  blanks and <b>marks</b> &amp;", "two  blanks and <b>marks</b> &amp;"),
            ("a\0b\x01c\x1bd\x7fe\x85f\n\r\tg", "abcdefg"),
            ("a\ud800b\udfffc", "abc"),
            ("\u202e\ufeff\u2028", "\u202e\ufeff\u2028"),
            ("\0\ud800", ""),
            ("", ""),
        ],
    )
    def test_drops_control_characters_and_surrogates_only(self, given: str, right: str) -> None:
        assert without_controls(given, 100) == right

    def test_reads_no_more_than_it_may_return(self) -> None:
        """Ten thousand control characters in front cost no work."""
        assert without_controls("a" * 10_000, 100) == "a" * 100
        assert without_controls("\0" * 10_000 + "a", 100) == ""


@pytest.mark.parametrize(
    ("text", "right"), [("a", True), ("", True), ("a\nb\x01", True), ("a\0", False), ("a\ud800", False), ("😀", True)]
)
def test_is_storable(text: str, right: bool) -> None:
    """A database takes every character but these two kinds."""
    assert is_storable(text) == right


def test_texts_in_a_value() -> None:
    """Names of a mapping are texts too; numbers, flags and nothing are none."""
    assert list(plain_text.texts_in({"a": ["b", 1, None, {"c": True}], "d": ("e",)})) == ["a", "b", "c", "d", "e"]
