"""Filters: the provider's own words, emulation, and an honest no."""

import msgspec
import pytest

from imagevault.errors import BadInput, Unsupported
from imagevault.licenses import License
from imagevault.records import Flags, Image, ProviderInfo, Rendition
from imagevault.search import filters

INFO = ProviderInfo(
    title="Test",
    homepage="https://a.example",
    page_size=10,
    filters={
        "orientation": {"landscape": "wide", "portrait": "tall"},
        "color": {"red": "r", "blue": "b", "white": "w", "black": "k", "black_and_white": "bw"},
        "locale": {"de-DE": "de", "pt-BR": "pt"},
    },
)


def picture(width: int | None, height: int | None, license: License | None = None) -> Image:
    return Image(
        id="1",
        width=width,
        height=height,
        license=license,
        renditions=[Rendition(name="original", url="https://a.example/")],
    )


class TestCheck:
    @pytest.mark.parametrize(
        ("name", "value", "right"),
        [
            ("orientation", "round", "landscape, portrait, square"),
            ("size", "tiny", "small, medium, large"),
            ("license", "free", "any, commercial, modification, public-domain"),
            ("color", "redd", "hex colour"),
            ("color", "#12345", "hex colour"),
            ("locale", "german", "de-DE"),
            ("locale", "d", "de-DE"),
            ("locale", "de-DE-1996-x", "de-DE"),
            ("ai", "only", "include, exclude"),
            ("sensitive", "yes", "include, exclude"),
        ],
    )
    def test_names_what_would_be_right(self, name: str, value: str, right: str) -> None:
        """A value that no provider could know."""
        with pytest.raises(BadInput, match=right) as caught:
            filters.check({name: value})

        assert name == caught.value.field

    def test_gives_each_value_one_form(self) -> None:
        """So that equal searches are equal."""
        given = {
            "color": "abc",
            "license": "any",
            "size": None,
            "orientation": "square",
            "locale": "de",
            "ai": "include",
        }

        assert filters.check(given) == {"color": "#AABBCC", "orientation": "square", "locale": "de"}


class TestPlan:
    @pytest.mark.parametrize(
        ("wanted", "native"),
        [
            ({"orientation": "portrait"}, {"orientation": "tall"}),
            ({"color": "red"}, {"color": "r"}),
            ({"color": "#1E90FF"}, {"color": "b"}),
            ({"color": "#FAFAF0"}, {"color": "w"}),
            ({"color": "#101010"}, {"color": "k"}),
            ({"color": "teal"}, {"color": "b"}),
            ({"locale": "de-AT"}, {"locale": "de"}),
        ],
    )
    def test_says_it_in_the_providers_words(self, wanted: dict[str, str], native: dict[str, str]) -> None:
        """The nearest colour and the same language will do."""
        assert native == filters.plan(INFO, wanted).native

    @pytest.mark.parametrize("wanted", [{"orientation": "square"}, {"size": "small"}, {"license": "commercial"}])
    def test_emulates_what_it_lacks(self, wanted: dict[str, str]) -> None:
        """Orientation, size and licence, also a single value of a filter that it has."""
        plan = filters.plan(INFO, wanted)

        assert ({}, list(wanted)) == (plan.native, list(plan.tests))

    def test_refuses_shapes_of_pictures_whose_size_nobody_tells(self) -> None:
        """Else every page of such a provider would be read for nothing; a licence is told all the same."""
        info = ProviderInfo(title="A", page_size=10, tells_sizes=False)

        assert filters.emulated(info) == ["license"]
        assert list(filters.plan(info, {"license": "commercial"}).tests) == ["license"]
        for name, value in (("orientation", "square"), ("size", "large")):
            with pytest.raises(Unsupported, match=f"{name}={value}"):
                filters.plan(info, {name: value})

    def test_refuses_what_cannot_be_emulated(self) -> None:
        """By name, never silently."""
        with pytest.raises(Unsupported, match="color=red"):
            filters.plan(ProviderInfo(title="T", homepage="", page_size=1), {"color": "red"})

    def test_a_locale_is_a_hint(self) -> None:
        """A provider without the language answers, and says that it did not follow."""
        plan = filters.plan(INFO, {"locale": "ja-JP"})

        assert (plan.native, plan.tests, plan.hints_ignored) == ({}, {}, ["locale"])
        assert filters.plan(INFO, {"locale": "de-AT"}).hints_ignored == []


class TestFlags:
    """`ai=exclude` and `sensitive=exclude`."""

    @pytest.mark.parametrize(("name", "flag"), [("ai", "ai_generated"), ("sensitive", "sensitive")])
    @pytest.mark.parametrize(("value", "matches"), [(True, False), (False, True), (None, True)])
    def test_drops_what_its_provider_declares_so(self, name: str, flag: str, value: bool | None, matches: bool) -> None:
        image = msgspec.structs.replace(picture(1, 1), flags=msgspec.structs.replace(Flags(), **{flag: value}))
        declaring = msgspec.structs.replace(INFO, declares={flag})

        plan = filters.plan(declaring, {name: "exclude"})

        assert (plan.matches(image), plan.undeclared) == (matches, [])

    @pytest.mark.parametrize("name", ["ai", "sensitive"])
    def test_says_where_a_provider_declares_nothing(self, name: str) -> None:
        """So that nobody takes its silence for a no."""
        assert filters.plan(INFO, {name: "exclude"}).undeclared == [name]


class TestEmulation:
    @pytest.mark.parametrize(
        ("wanted", "color", "matches"),
        [
            ("red", "#D01020", True),
            ("red", "#20A020", False),
            ("blue", "#1E90FF", True),
            ("white", "#F4F4F0", True),
            ("black", "#FF0000", False),
            ("#1E90FF", "#2090F0", True),
            ("red", None, False),
        ],
    )
    def test_by_the_colour(self, wanted: str, color: str | None, matches: bool) -> None:
        """Where records have one, the gateway compares how they look."""
        info = ProviderInfo(title="T", page_size=1, tells_colors=True)
        image = msgspec.structs.replace(picture(1, 1), color=color)

        assert filters.plan(info, filters.check({"color": wanted})).matches(image) == matches

    @pytest.mark.parametrize(
        ("wanted", "width", "height", "matches"),
        [
            ({"orientation": "landscape"}, 300, 200, True),
            ({"orientation": "landscape"}, 200, 300, False),
            ({"orientation": "portrait"}, 200, 300, True),
            ({"orientation": "square"}, 1000, 1000, True),
            ({"orientation": "square"}, 1000, 960, True),
            ({"orientation": "landscape"}, 1000, 960, False),
            ({"orientation": "square"}, None, None, False),
            ({"size": "small"}, 2000, 2000, True),
            ({"size": "small"}, 2000, 1999, False),
            ({"size": "large"}, 6000, 4000, True),
            ({"size": "small"}, None, 2000, False),
        ],
    )
    def test_by_the_pixels(self, wanted: dict[str, str], width: int | None, height: int | None, matches: bool) -> None:
        """Sizes are at least 4, 12, 24 megapixels; what is unknown never matches."""
        info = ProviderInfo(title="T", homepage="", page_size=1)

        assert filters.plan(info, wanted).matches(picture(width, height)) == matches

    @pytest.mark.parametrize(
        ("wanted", "url", "matches"),
        [
            ("commercial", "https://creativecommons.org/licenses/by/4.0/", True),
            ("commercial", "https://creativecommons.org/licenses/by-nc/4.0/", False),
            ("modification", "https://creativecommons.org/licenses/by-nd/4.0/", False),
            ("modification", "https://creativecommons.org/licenses/by-sa/4.0/", True),
            ("public-domain", "https://creativecommons.org/publicdomain/zero/1.0/", True),
            ("public-domain", "https://creativecommons.org/publicdomain/mark/1.0/", True),
            ("public-domain", "https://creativecommons.org/licenses/by/4.0/", False),
            ("commercial", "https://a.example/", False),
        ],
    )
    def test_by_the_licence(self, wanted: str, url: str, matches: bool) -> None:
        """An image without a known licence never matches."""
        info = ProviderInfo(title="T", homepage="", page_size=1)
        image = picture(1, 1, License.from_url(url))

        assert filters.plan(info, {"license": wanted}).matches(image) == matches
