"""What becomes of a record, field by field."""

from typing import Any

import pytest

from imagevault import Author, Declared, Flags, Image, License, Rendition
from imagevault.plugins.declarative.values import WrongRecord
from tests.support.declarative_file import ACME, acme, item

LICENSE = ACME[ACME.index("[image.license]") : ACME.index("[[image.renditions]]")]


def image(*changes: tuple[str, str], **fields: Any) -> Image | None:
    """The image of a record with these fields, by a file with these changes."""
    return acme(*changes).reader.image(item(**fields), "search.records")


def read(*changes: tuple[str, str], **fields: Any) -> Image:
    found = image(*changes, **fields)
    assert found is not None
    return found


def test_is_whole() -> None:
    assert read() == Image(
        id="fox-1",
        title="A fox in snow",
        width=3000,
        height=2000,
        author=Author("Ada Example"),
        source_url="https://acme.example/p/fox-1",
        license=License.from_url("https://creativecommons.org/licenses/by/4.0/"),
        declared=Declared("licence", "https://creativecommons.org/licenses/by/4.0/"),
        tags=[],
        identities=[],
        renditions=[
            Rendition(name="small", url="https://img.acme.example/fox-1-400.jpg", width=400, height=267),
            Rendition(name="original", url="https://img.acme.example/fox-1.jpg", width=3000, height=2000),
        ],
    )


class TestMissing:
    @pytest.mark.parametrize("value", [None, "", ...])
    def test_what_may_be_missing(self, value: object) -> None:
        found = read(caption=value, photographer=value, link=value, w=value, preview=value)

        assert (found.title, found.author, found.source_url, found.width) == (None, None, None, None)
        assert [(file.name, file.width) for file in found.renditions] == [("original", None)]

    def test_an_id_is_needed(self) -> None:
        with pytest.raises(
            WrongRecord, match=r"^image.id: `ref` found nothing; it has no ref; it has: caption \(text\), "
        ):
            read(ref=...)

    def test_a_file_is_needed(self) -> None:
        with pytest.raises(
            WrongRecord, match=r"^image.renditions: no address was found; it has no preview; it has: ref "
        ):
            read(preview=..., file=None)

    def test_an_object_is_needed(self) -> None:
        with pytest.raises(WrongRecord, match=r"^search.records: a record must be an object; found a text: 'fox-1'"):
            acme().reader.image("fox-1", "search.records")


class TestKinds:
    @pytest.mark.parametrize(("ref", "id"), [(7, "7"), (0, "0"), ("x", "x"), (7.5, "7.5")])
    def test_a_number_is_a_text(self, ref: object, id: str) -> None:
        assert read(ref=ref).id == id

    @pytest.mark.parametrize(
        ("w", "width"),
        [
            ("3000", 3000),
            (2999.6, 3000),
            ("", None),
            ("3k", None),
            (0, None),
            (-5, None),
            (True, None),
            ("9" * 5000, None),
            (1e300, None),
        ],
    )
    def test_a_width(self, w: object, width: int | None) -> None:
        """A text of digits is a number; what is none is unknown."""
        if w is True:
            with pytest.raises(WrongRecord):
                read(w=w)
        else:
            assert read(w=w).width == width

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"photographer": ["Ada"]}, "image.author.name: `photographer` found a list, and a text is needed"),
            ({"photographer": {"name": "Ada"}}, "image.author.name: `photographer` found an object"),
            ({"w": [3]}, "image.width: `w` found a list, and a number is needed"),
            ({"caption": ["a"]}, r"image.title: `html\(caption\)` failed"),
        ],
    )
    def test_another_kind_is_named(self, fields: dict[str, Any], message: str) -> None:
        with pytest.raises(WrongRecord, match=message):
            read(**fields)

    @pytest.mark.parametrize(
        ("tags", "expected"),
        [
            (["a", None, "", "b"], ["a", "b"]),
            ("a, b,c", ["a", "b", "c"]),
            (None, []),
        ],
    )
    def test_tags(self, tags: object, expected: list[str]) -> None:
        assert read(('width = "w"', 'tags = "tags"\nwidth = "w"'), tags=tags).tags == expected

    @pytest.mark.parametrize("tags", [[{"name": "a"}], {"a": 1}, 7])
    def test_tags_that_are_no_texts(self, tags: object) -> None:
        with pytest.raises(WrongRecord, match=r"image.tags: `tags` found "):
            read(('width = "w"', 'tags = "tags"\nwidth = "w"'), tags=tags)


class TestLicense:
    def test_a_word_of_the_upstream(self) -> None:
        found = read(licence="own")

        assert found.license == License("acme", "Acme Licence", attribution_required=True)
        assert found.declared == Declared("licence", "own")

    @pytest.mark.parametrize("licence", ["all rights reserved", "", None, ...])
    def test_another_word_drops_the_image(self, licence: object) -> None:
        assert image(licence=licence) is None

    def test_unclear_rights(self) -> None:
        """Shown with the provider's statement, where the file asks for that."""
        keeping = (
            'word = "licence"',
            'word = "licence"\notherwise = "unknown"\nstatement = "rights"\nfield = "rights.code"',
        )

        found = read(keeping, licence="x", rights="Undetermined")

        assert found.license == License.unknown("Undetermined")
        assert found.declared == Declared("rights.code", "x")
        assert read(keeping, licence="x").license == License.unknown("x")
        assert read(keeping, licence=None).license == License.unknown("Rights not stated")

    def test_one_licence_for_all(self) -> None:
        """`declared` then finds what says so."""
        changes = [
            (LICENSE, ""),
            ('id = "ref"', 'id = "ref"\ndeclared = "status"\nwhen = "status == \'CC0\'"'),
            ("page_size = 30", 'page_size = 30\nlicense = "https://creativecommons.org/publicdomain/zero/1.0/"'),
        ]

        found = read(*changes, status="CC0")

        assert found.license is None
        assert found.declared == Declared("status", "CC0")
        assert image(*changes, status="Copyrighted") is None


class TestOthers:
    def test_names_of_the_file(self) -> None:
        """`let` values can use those before them."""
        found = read(
            ('id = "ref"', 'let.base = "without_suffix(file, \'.jpg\')"\nlet.large = "{let.base}-large"\nid = "ref"'),
            ('url = "preview"', 'url = "{let.large}.jpg"'),
        )

        assert found.renditions[0].url == "https://img.acme.example/fox-1-large.jpg"

    def test_conditions_of_a_file(self) -> None:
        condition = ("fit = [400, 400]", 'fit = [400, 0]\nwhen = "w > `400`"')

        assert [file.name for file in read(condition, w=400).renditions] == ["original"]
        assert [file.name for file in read(condition, w=401).renditions] == ["small", "original"]
        assert [file.name for file in read(condition, w=None).renditions] == ["original"]

    def test_flags_and_facts(self) -> None:
        found = read(
            (
                'id = "ref"',
                'id = "ref"\nflags.sensitive = "nsfw"\nflags.restrictions = "limits"\nextra.place = "where"',
            ),
            nsfw=False,
            limits=["personality rights"],
            where="Oslo",
        )

        assert found.flags == Flags(sensitive=False, restrictions=["personality rights"])
        assert found.extra == {"place": "Oslo"}

    def test_a_flag_is_true_or_false(self) -> None:
        with pytest.raises(
            WrongRecord, match=r"image.flags.sensitive: `nsfw` found a text, and true or false is needed"
        ):
            read(('id = "ref"', 'id = "ref"\nflags.sensitive = "nsfw"'), nsfw="yes")

    def test_a_credit_without_what_is_missing(self) -> None:
        credit = ('id = "ref"', "id = \"ref\"\ncredit = \"join('. ', [html(caption), photographer, 'Acme'][?@])\"")

        assert read(credit, photographer=None).credit == "A fox in snow. Acme"
