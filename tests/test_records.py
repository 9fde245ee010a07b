"""The records: licences by their address, and what every Struct promises."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagevault import records
from imagevault.licenses import License
from imagevault.quotas import Quota
from imagevault.records import Image, ProviderInfo

VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")
FLAGS = {  # code -> (commercial, modification)
    "by": (True, True),
    "by-sa": (True, True),
    "by-nd": (True, False),
    "by-nc": (False, True),
    "by-nc-sa": (False, True),
    "by-nc-nd": (False, False),
    "by-nd-nc": (False, False),
}


class TestCreativeCommons:
    """`License.from_url` on the Creative Commons family."""

    @pytest.mark.parametrize("version", ["1.0", "2.0", "2.5", "3.0", "4.0"])
    @pytest.mark.parametrize("code", FLAGS)
    def test_every_licence_and_version(self, code: str, version: str) -> None:
        """The id is stable, the address is that of the deed, and the flags follow from nc and nd."""
        commercial, modification = FLAGS[code]
        one_order = "by-nc-nd" if code == "by-nd-nc" else code
        path = "by-nd-nc" if (one_order, version) == ("by-nc-nd", "1.0") else one_order

        assert License.from_url(f"https://creativecommons.org/licenses/{code}/{version}/") == License(
            id=f"cc-{one_order}-{version}",
            name=f"CC {one_order.upper()} {version}",
            url=f"https://creativecommons.org/licenses/{path}/{version}/",
            attribution_required=True,
            commercial=commercial,
            modification=modification,
        )

    @pytest.mark.parametrize(
        ("path", "id", "name", "own"),
        [
            ("by/2.0/de/", "cc-by-2.0-de", "CC BY 2.0 DE", "by/2.0/de/"),
            ("by-sa/2.5/scotland/", "cc-by-sa-2.5-scotland", "CC BY-SA 2.5 SCOTLAND", "by-sa/2.5/scotland/"),
            ("by/3.0/igo/legalcode", "cc-by-3.0-igo", "CC BY 3.0 IGO", "by/3.0/igo/"),
            ("by-nc-nd/2.0/de/deed.en", "cc-by-nc-nd-2.0-de", "CC BY-NC-ND 2.0 DE", "by-nc-nd/2.0/de/"),
        ],
    )
    def test_ports_of_a_country(self, path: str, id: str, name: str, own: str) -> None:
        """A port is a licence of its own."""
        found = License.from_url(f"https://creativecommons.org/licenses/{path}")

        assert found is not None
        assert (found.id, found.name, found.url) == (id, name, f"https://creativecommons.org/licenses/{own}")

    @pytest.mark.parametrize(
        "url",
        [
            "https://creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by/4.0",
            "http://creativecommons.org/licenses/by/4.0/",
            "//creativecommons.org/licenses/by/4.0/",
            "https://www.creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by/4.0/deed",
            "https://creativecommons.org/licenses/by/4.0/deed.de",
            "https://creativecommons.org/licenses/by/4.0/deed.pt-br",
            "https://creativecommons.org/licenses/by/4.0/legalcode",
            "https://creativecommons.org/licenses/by/4.0/legalcode.txt",
            "https://creativecommons.org/licenses/by/4.0/rdf",
            "https://creativecommons.org/licenses/by/4.0/?ref=openverse",
            "https://creativecommons.org/licenses/by/4.0?ref=openverse",
            "https://creativecommons.org/licenses/by/4.0#deed",
            "  HTTPS://CreativeCommons.org/Licenses/BY/4.0/ \n",
        ],
    )
    def test_every_form_of_the_address(self, url: str) -> None:
        """They all mean the same licence, and all answer the same record."""
        assert License.from_url(url) == License(
            "cc-by-4.0", "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/", attribution_required=True
        )

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (
                "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
                License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
            ),
            (
                "https://creativecommons.org/publicdomain/mark/1.0/",
                License("pdm-1.0", "Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/"),
            ),
        ],
    )
    def test_public_domain(self, url: str, expected: License) -> None:
        """No right is reserved, and no credit needed."""
        found = License.from_url(url)

        assert found == expected
        assert found is not None
        assert (found.is_public_domain, found.attribution_required, found.commercial, found.modification) == (
            True,
            False,
            True,
            True,
        )

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "by",
            "CC BY 4.0",
            "https://creativecommons.org/",
            "https://creativecommons.org/licenses/",
            "https://creativecommons.org/licenses/by/",
            "https://creativecommons.org/licenses/by/4/",
            "https://creativecommons.org/licenses/by/4.01/",
            "https://creativecommons.org/licenses/by/\u0664.\u0660/",
            "https://creativecommons.org/licenses/by-xx/4.0/",
            "https://creativecommons.org/licenses/by-sa-nd/4.0/",
            "https://creativecommons.org/licenses/nc/1.0/",
            "https://creativecommons.org/licenses/zero/1.0/",
            "https://creativecommons.org/publicdomain/by/4.0/",
            "https://creativecommons.org/publicdomain/zero/",
            "https://creativecommons.org.example/licenses/by/4.0/",
            "https://notcreativecommons.org/licenses/by/4.0/",
            "https://example.org/?https://creativecommons.org/licenses/by/4.0/",
            "https://user@creativecommons.org/licenses/by/4.0/",
            "ftp://creativecommons.org/licenses/by/4.0/",
            "creativecommons.org/licenses/by/4.0/",
            "https://www.pexels.com/license/",
            "https://creativecommons.org/licenses/by/4.0/ does NOT apply, all rights reserved",
            "https://creativecommons.org/licenses/by/4.0 but not for you",
            "https://creativecommons.org/licenses/by/4.0/ https://a.example/",
            "https://creativecommons.org/licenses/by/4.0/?ref=a but not for you",
            "https://creativecommons.org/publicdomain/zero/1.0/#revoked on 2020",
            "https://creativecommons.org/licenses/by/4.0/deedx",
            "https://creativecommons.org/licenses/by/4.0/deed/x",
            "https://creativecommons.org/licenses/by/4.0/except-on-sundays",
            "https://creativecommons.org/licenses/by/4.0/de/ch/",
            "https://creativecommons.org/licenses/by/9.9/",
            "https://creativecommons.org/licenses/by/4.5/",
            "https://creativecommons.org/publicdomain/zero/0.0/",
            "https://creativecommons.org/publicdomain/mark/4.0/",
        ],
    )
    def test_everything_else_is_no_licence(self, url: str) -> None:
        """Rather none than a wrong one."""
        assert License.from_url(url) is None

    @given(st.text() | st.text(st.sampled_from("htps:/wcreativom.gl n0123456789-bysad\n\u0660"), max_size=80))
    def test_never_raises(self, text: str) -> None:
        found = License.from_url(text)

        assert found is None or found.id.startswith(("cc", "pdm"))

    @given(
        st.sampled_from([f"licenses/{code}/{version}" for code in FLAGS for version in VERSIONS])
        | st.sampled_from(["publicdomain/zero/1.0", "publicdomain/mark/1.0"]),
        st.from_regex(r"(/[a-z]{2}|/igo|/scotland)?((/deed|/legalcode)([.-][a-z_-]{2,20})?)?/?", fullmatch=True),
        st.from_regex(r"([?#][!-~]{0,50})?", fullmatch=True),
    )
    def test_the_address_of_a_licence_means_that_licence(self, path: str, page: str, rest: str) -> None:
        """Whatever page of it was found, its own address answers the same record."""
        found = License.from_url(f"https://creativecommons.org/{path}{page}{rest}")

        assert found is not None
        assert found.url is not None
        assert License.from_url(found.url) == found

    def test_another_licence_is_not_public_domain(self) -> None:
        assert not License("cc-by-4.0", "CC BY 4.0").is_public_domain
        assert not License("pexels", "Pexels License").is_public_domain


STRUCTS = [
    value
    for value in vars(records).values()
    if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct
]


class TestStructs:
    @pytest.mark.parametrize("struct", STRUCTS)
    def test_are_frozen(self, struct: type[msgspec.Struct]) -> None:
        """They are shared between callers and the cache."""
        assert struct.__struct_config__.frozen

    def test_an_image_travels_unchanged(self) -> None:
        """What the cache keeps of it is what it was."""
        image = Image(
            id="1",
            tags=["a"],
            license=License.from_url("https://creativecommons.org/licenses/by/4.0/"),
            renditions=[records.Rendition(name="small", url="https://a.example/1.jpg", width=1)],
            flags=records.Flags(sensitive=False, restrictions=["a"]),
            identities=["flickr:7"],
            ref="opaque",
        )

        assert msgspec.msgpack.decode(msgspec.msgpack.encode(image), type=Image) == image

    @pytest.mark.parametrize(
        "name", ["page_size", "min_page_size", "concurrency", "max_results", "cache_for", "must_cache_for", "limit"]
    )
    def test_what_counts_says_how_low_it_may_be(self, name: str) -> None:
        """So that the loader can refuse a page of no images, or no call at once."""
        owner: type[msgspec.Struct] = Quota if name == "limit" else ProviderInfo
        [field] = [field for field in msgspec.structs.fields(owner) if field.name == name]

        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(-1, field.type)


@pytest.mark.parametrize("side", [1_000_001, 10**400])
def test_a_side_that_cannot_be_is_unknown(side: int) -> None:
    """One such number costs its file the size, and not the page."""
    for size in ((side, 3000), (3000, side)):
        file = records.Rendition.within("small", "https://img.example/1.jpg", size, (400, 400))
        assert (file.width, file.height) == (None, None)
