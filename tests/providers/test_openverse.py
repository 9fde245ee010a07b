"""Tests of the Openverse provider: its functions one by one, then its hooks against a simulated one over real HTTP."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import imagevault_openverse as plugin
import msgspec
import pluggy
import pytest
from imagevault_openverse import Settings, configure, fetch_image, provider_info, search_images

from imagevault import (
    Author,
    Declared,
    Flags,
    Image,
    InvalidResponse,
    Page,
    RateLimited,
    Rendition,
    SearchQuery,
    Unauthorized,
)
from imagevault.config.settings import load
from imagevault.images import sanitize
from imagevault.plugins import hookspecs
from imagevault.plugins.cache import PluginCache
from imagevault.plugins.registry import PluginRegistry
from imagevault.testing import Answer, Fault, Upstream, faults
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.openverse_works import find, library
from imagevault.upstream.provider_errors import to_provider_error
from tests.support.clock import Clock
from tests.support.linear_time import is_linear

ANYBODY = Settings()
APPLICATION = Settings(client_id="test-client", client_secret="test-secret")
RECORDED = Path(__file__).parent / "recorded" / "openverse"
ID = "00000000-0000-4000-8000-000000000007"
WORK = {
    "id": ID,
    "title": "A fox",
    "foreign_landing_url": "https://www.flickr.com/photos/ada/7",
    "url": "https://live.staticflickr.com/7/7_0123456789_b.jpg",
    "creator": "Ada Lind",
    "creator_url": "https://www.flickr.com/photos/ada",
    "license": "by-nc-sa",
    "license_version": "2.0",
    "license_url": "https://creativecommons.org/licenses/by-nc-sa/2.0/",
    "provider": "flickr",
    "source": "flickr",
    "attribution": (
        '"A fox" by Ada Lind is licensed under CC BY-NC-SA 2.0. '
        "To view a copy of this license, visit https://creativecommons.org/licenses/by-nc-sa/2.0/."
    ),
    "thumbnail": f"https://api.openverse.org/v1/images/{ID}/thumb/",
    "width": 1024,
    "height": 683,
    "tags": [{"name": "fox"}, {"name": "red", "accuracy": None}, {"name": "fox", "accuracy": 0.97}],
    "mature": False,
    "unstable__sensitivity": [],
}


@pytest.fixture
def keep(clock: Clock) -> PluginCache:
    return PluginCache(clock)


@pytest.fixture
def openverse(clock: Clock) -> Iterator[SimulatedOpenverse]:
    with SimulatedOpenverse(clock=clock) as openverse:
        yield openverse


@pytest.fixture
async def http(openverse: SimulatedOpenverse) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=openverse.url) as http:
        yield http


async def search(
    http: httpx.AsyncClient,
    keep: PluginCache,
    text: str = "red fox",
    page: int = 1,
    native: Mapping[str, str] | None = None,
    settings: Settings = ANYBODY,
) -> Page:
    size = configure(provider_info(), settings).page_size
    query = SearchQuery(text=text, page=page, per_page=size, native=native or {})
    return await search_images(query, http, settings, keep)


def work(**changes: object) -> plugin._Work:
    """The decoded WORK with these changes."""
    return msgspec.convert({**WORK, **changes}, plugin._Work)


async def lookup(http: httpx.AsyncClient, keep: PluginCache, openverse: Upstream, change: Mapping[str, object]) -> Any:
    """The work above with these changes, fetched through the plugin."""
    openverse.fail(Answer({**WORK, **change}), times=1)
    return await fetch_image(ID, http, ANYBODY, keep)


def provider(environ: Mapping[str, str], folder: Path) -> Any:
    """The plugin as the host has it with these settings."""
    plugins = PluginRegistry()
    plugins.add("openverse", lambda: plugin, "test")
    plugins.configure(load(environ, folder))
    return plugins.providers["openverse"]


class TestContract(ProviderContract):
    plugin = plugin
    hosts_of_strangers = True

    def upstream(self) -> Upstream:
        return SimulatedOpenverse()


class TestContractOfAnApplication(TestContract):
    """With a token, for more calls and larger pages."""

    settings = {"client_id": "test-client", "client_secret": "test-secret"}


class TestTitle:
    @pytest.mark.parametrize(
        ("title", "shown"),
        [
            ("A fox", "A fox"),
            (" Fox & hound ", "Fox & hound"),
            ("<Ann/> &amp; Ben", "<Ann/> &amp; Ben"),  # plain text, whatever it looks like
            ("a_fox.jpg", "a fox"),
            ("snake_case", "snake_case"),
            ("1984", "1984"),
            ("P1 motorway", "P1 motorway"),
            ("DSC_0228 at dawn", "DSC_0228 at dawn"),
            ("DSC_0228.JPG", None),
            ("DSC01234", None),
            ("_DSC0001.jpeg", None),
            ("DSCN0042", None),
            ("IMG_20240501_101112", None),
            ("P1010023", None),
            ("100_1234", None),
            ("SONY DSC", None),
            ("Olympus digital camera", None),
            ("Exif_JPEG_PICTURE", None),
            (".jpg", None),
            (" ", None),
            ("", None),
            (None, None),
        ],
    )
    def test_file_names_and_camera_stamps_are_no_titles(self, title: str | None, shown: str | None) -> None:
        assert plugin._title(work(title=title)) == shown

    @pytest.mark.parametrize(
        ("title", "shown"),
        [
            ("File:Emblem of the Republic.svg", "Emblem of the Republic"),
            ("File:Silver_penny.jpg", "Silver penny"),
            ("<div class='fn'> Silver penny of Henry I</div>", "Silver penny of Henry I"),
            ("Fish &amp; chips", "Fish & chips"),
        ],
    )
    def test_titles_of_wikimedia_commons_may_be_file_names_or_html(self, title: str, shown: str) -> None:
        assert plugin._title(work(title=title, provider="wikimedia")) == shown

    @pytest.mark.parametrize("piece", [".jpg", "IMG_1", "_1", "File:", "<div ", "-"])
    @pytest.mark.parametrize("provider", ["flickr", "wikimedia"])
    def test_a_hostile_title_takes_linear_time(self, provider: str, piece: str) -> None:
        assert is_linear(lambda size: plugin._title(work(title="IMG_" + piece * size, provider=provider)), 20_000)


class TestLicense:
    @pytest.mark.parametrize(
        "address",
        [
            "https://creativecommons.org/licenses/by-nd-nc/2.0/jp/",
            "https://creativecommons.org/licenses/by-nc/2.0/",
            "http://creativecommons.org/publicdomain/zero/1.0/deed.en",
            "https://x.example/",
            None,
        ],
    )
    def test_code_and_version_name_it_whatever_the_address_says(self, address: str | None) -> None:
        """The Japanese address stands in many works under CC BY-NC-ND 2.0."""
        license = plugin._license(work(license="by-nc-nd", license_version="2.0", license_url=address))

        assert license.id == "cc-by-nc-nd-2.0"
        assert license.url == "https://creativecommons.org/licenses/by-nc-nd/2.0/"
        assert (license.commercial, license.modification, license.attribution_required) == (False, False, True)

    def test_an_unknown_code_promises_nothing(self) -> None:
        license = plugin._license(work(license="by-xyz", license_version="9.9", license_url="https://x.example/"))

        assert license.is_unknown
        assert (license.name, license.url) == ("by-xyz 9.9", "https://x.example/")

    def test_the_record_says_where_it_is_declared(self) -> None:
        assert plugin._declared(work()) == Declared("license + license_version", "by-nc-sa 2.0")
        assert plugin._declared(work(license="pdm", license_version=None)).words == "pdm"


class TestCredit:
    def test_it_is_the_sentence_of_openverse(self) -> None:
        assert plugin._credit(work(), plugin._license(work())) == WORK["attribution"]

    def test_its_address_is_that_of_the_licence(self) -> None:
        address = "https://creativecommons.org/licenses/by-nd-nc/2.0/jp/"
        sentence = (
            f'"A fox" by Ada Lind is licensed under CC BY-NC-ND 2.0. To view a copy of this license, visit {address}.'
        )
        odd = work(license="by-nc-nd", license_url=address, attribution=sentence)

        assert plugin._credit(odd, plugin._license(odd)) == (
            '"A fox" by Ada Lind is licensed under CC BY-NC-ND 2.0. '
            "To view a copy of this license, visit https://creativecommons.org/licenses/by-nc-nd/2.0/."
        )

    def test_its_title_is_the_one_that_is_shown(self) -> None:
        title = "<div class='fn'> Silver penny</div>"
        odd = work(title=title, provider="wikimedia", attribution=f' "{title}" by Ada Lind. ')

        assert plugin._credit(odd, plugin._license(odd)) == '"Silver penny" by Ada Lind.'

    def test_a_title_that_is_not_shown_still_names_the_work(self) -> None:
        odd = work(title="DSC_0228.JPG", attribution='"DSC_0228.JPG" by Ada Lind.')

        assert plugin._credit(odd, plugin._license(odd)) == '"DSC_0228.JPG" by Ada Lind.'

    def test_without_a_sentence_the_gateway_makes_one(self) -> None:
        assert plugin._credit(work(attribution=None), plugin._license(work())) is None

    def test_a_hostile_sentence_takes_linear_time(self) -> None:
        """And does not grow: its parts are replaced once."""
        odd = work(title="a", license_url="a", attribution="a" * 100_000)

        credit = plugin._credit(odd, plugin._license(odd))

        assert credit is not None
        assert len(credit) <= 2 * plugin.MAX_ATTRIBUTION


class TestFile:
    @pytest.mark.parametrize(
        ("url", "width", "height"),
        [
            ("https://cdn.stocksnap.io/img-thumbs/960w/INVENTED01.jpg", 6016, 4016),
            ("https://cdn.stocksnap.io/img-thumbs/960w/INVENTED01.jpg", 900, 1600),
            ("https://cdn.stocksnap.io/img-thumbs/960w/INVENTED01.jpg", None, None),
            ("https://images.rawpixel.com/editor_1024/invented.jpg", 4000, 4000),
            ("https://images.rawpixel.com/image_png_1300/invented.png", 4000, 2000),
            ("https://images.rawpixel.com/dark_image_png_1300/invented.png", 4000, 2000),
            ("https://iip.smk.dk/iiif/jp2/invented.tif.jp2/full/!2048,/0/default.jpg", 3076, 5141),
            ("https://upload.wikimedia.org/wikipedia/commons/thumb/0/0f/A.jpg/1024px-A.jpg", 4000, 3000),
            ("https://live.staticflickr.com/7/7_0123456789_b.jpg", 6016, 4016),
            ("https://live.staticflickr.com/7/7_0123456789.jpg", 501, 300),
            ("https://live.staticflickr.com/7/7_0123456789_b.jpg", None, None),
        ],
    )
    def test_a_reduced_file_has_no_size_of_another(self, url: str, width: int | None, height: int | None) -> None:
        """The record states the size of the original. `large` is the largest file that Openverse names."""
        assert plugin._file(work(url=url, width=width, height=height, filetype="png")) == Rendition(
            name="large", url=url
        )

    @pytest.mark.parametrize(
        ("url", "width", "height"),
        [
            ("https://live.staticflickr.com/7/7_0123456789_o.jpg", 6016, 4016),
            ("https://upload.wikimedia.org/wikipedia/commons/0/0f/Invented_960w.jpg", 4000, 3000),
            ("https://pd.w.org/2026/03/invented-2048x1536.jpg", 2048, 1536),
            ("https://cdn.stocksnap.io/img-thumbs/960w/INVENTED01.jpg", 800, 600),
        ],
    )
    def test_any_other_file_has_the_size_of_the_record(self, url: str, width: int, height: int) -> None:
        original = plugin._file(work(url=url, width=width, height=height))
        assert original == Rendition(name="original", url=url, width=width, height=height)

    @pytest.mark.parametrize(
        ("url", "width", "height"),
        [
            ("https://live.staticflickr.com/7/7_0123456789_b.jpg", 1024, 683),
            ("https://live.staticflickr.com/7/7_0123456789_b.jpg", 600, 800),
            ("https://live.staticflickr.com/7/7_0123456789.jpg", 333, 500),
        ],
    )
    def test_a_copy_at_flickr_is_no_original_though_its_size_is_known(self, url: str, width: int, height: int) -> None:
        """Flickr's own record of the photo may have a larger file."""
        copy = plugin._file(work(url=url, width=width, height=height, filetype="png"))
        assert copy == Rendition(name="large", url=url, width=width, height=height)

    @pytest.mark.parametrize(
        ("filetype", "type"),
        [("jpg", "image/jpeg"), ("SVG", "image/svg+xml"), ("tiff", "image/tiff"), ("eps", None), (None, None)],
    )
    def test_its_type_is_the_one_that_openverse_states(self, filetype: str | None, type: str | None) -> None:
        assert plugin._file(work(url="https://x.example/7", filetype=filetype)).type == type

    @pytest.mark.parametrize("piece", ["/960w", "/editor_", "/image_png_1", "/full/!1", "/1", "/1_1"])
    @pytest.mark.parametrize("start", ["https://x.example", "https://live.staticflickr.com/1/1_"])
    def test_a_hostile_address_takes_linear_time(self, start: str, piece: str) -> None:
        assert is_linear(lambda size: plugin._file(work(url=start + piece * size)), 20_000)


class TestThumbnail:
    @pytest.mark.parametrize(
        ("width", "height", "size"),
        [
            (2048, 1536, (600, 450)),
            (683, 1024, (600, 900)),
            (600, 400, (600, 400)),
            (599, 400, (None, None)),  # whether a small work is scaled up is not known
            (None, None, (None, None)),
            (1024, None, (None, None)),
        ],
    )
    def test_its_size_follows_from_the_width_of_thumbnails(
        self, width: int | None, height: int | None, size: tuple[int | None, int | None]
    ) -> None:
        thumbnail = plugin._thumbnail(work(width=width, height=height), "https://x.example/thumb/")
        assert (thumbnail.name, thumbnail.width, thumbnail.height) == ("thumbnail", *size)

    @pytest.mark.parametrize(
        "url",
        [
            "https://upload.wikimedia.org/wikipedia/commons/0/0f/Invented.SVG",
            "https://iip.smk.dk/iiif/jp2/invented.tif.jp2/full/!2048,/0/default.jpg",
        ],
    )
    def test_two_kinds_of_works_have_thumbnails_of_another_size(self, url: str) -> None:
        assert plugin._thumbnail(work(url=url), "https://x.example/thumb/").width is None


class TestIdentities:
    @pytest.mark.parametrize(
        ("provider", "page", "file", "key"),
        [
            ("flickr", "https://www.flickr.com/photos/ada@N00/2385230430", "x", "flickr:2385230430"),
            ("flickr", "https://www.flickr.com/photos/ada/2385230430/", "x", "flickr:2385230430"),
            ("wikimedia", "https://commons.wikimedia.org/w/index.php?curid=74540907", "x", "commons:p74540907"),
            ("europeana", "https://www.europeana.eu/item/90402/SK_A_4118", "x", "eu:90402/SK_A_4118"),
            ("europeana", "http://www.europeana.eu/portal/record/90402/SK_A_4118.html", "x", "eu:90402/SK_A_4118"),
            ("europeana", "https://www.europeana.eu/en/item/90402/SK_A_4118?utm=1", "x", "eu:90402/SK_A_4118"),
            (
                "met",
                "https://www.metmuseum.org/art/collection/search/45734",
                "https://images.metmuseum.org/CRDImages/as/original/DP251139.jpg",
                "met:45734:DP251139",
            ),
            (
                "met",
                "http://www.metmuseum.org/art/collection/search/45734",
                "https://images.metmuseum.org/CRDImages/as/original/A%20Quiet.Lid.jpg?x=1",
                "met:45734:A Quiet.Lid",
            ),
            (
                "smithsonian",
                "https://collection.si.edu/x",
                "https://ids.si.edu/ids/deliveryService?id=NMAH-AHB2019q031442",
                "si:NMAH-AHB2019q031442",
            ),
        ],
    )
    def test_a_work_has_the_key_of_its_source(self, provider: str, page: str, file: str, key: str) -> None:
        assert plugin._identities(work(provider=provider, foreign_landing_url=page, url=file)) == [key]

    def test_a_collection_at_flickr_has_flickr_numbers(self) -> None:
        """Works of `nasa` are photos of its accounts there, not of its own library."""
        page = "https://www.flickr.com/photos/24662369@N07/7"
        assert plugin._identities(work(provider="flickr", source="nasa", foreign_landing_url=page)) == ["flickr:7"]

    @pytest.mark.parametrize(
        ("provider", "page", "file"),
        [
            ("flickr", None, "x"),
            ("flickr", "https://www.flickr.com/photos/ada/albums/7", "x"),
            ("flickr", "https://www.flickr.com/photos/ada/7x", "x"),
            ("flickr", "https://x.example/?https://www.flickr.com/photos/ada/7", "x"),
            ("wikimedia", "https://commons.wikimedia.org/wiki/File:A.jpg", "x"),
            ("europeana", "https://museum.example/item/90402/SK_A_4118", "x"),
            ("met", "https://www.metmuseum.org/art/collection/search/45734", "x"),
            ("met", "https://www.metmuseum.org/", "https://images.metmuseum.org/DP251139.jpg"),
            ("smithsonian", "https://n2t.net/ark:/65665/x", "https://collections.nmnh.si.edu/media/?irn=1"),
            ("rawpixel", "https://www.rawpixel.com/image/7/x", "https://images.rawpixel.com/7.jpg"),
            ("stocksnap", "https://stocksnap.io/photo/XNVBVXO3B7", "https://cdn.stocksnap.io/XNVBVXO3B7.jpg"),
            (None, "https://www.flickr.com/photos/ada/7", "x"),
        ],
    )
    def test_there_is_no_key_where_none_is_known(self, provider: str | None, page: str | None, file: str) -> None:
        assert plugin._identities(work(provider=provider, foreign_landing_url=page, url=file)) == []

    @pytest.mark.parametrize("provider", ["flickr", "wikimedia", "europeana", "met", "smithsonian"])
    @pytest.mark.parametrize("piece", ["/", "7", "/a.", ".a", "a/"])
    def test_a_hostile_address_takes_linear_time(self, provider: str, piece: str) -> None:
        pages = {
            "flickr": "https://www.flickr.com/photos/",
            "wikimedia": "https://commons.wikimedia.org/w/index.php?curid=",
            "europeana": "https://www.europeana.eu/item/",
            "met": "https://www.metmuseum.org/art/collection/search/7",
            "smithsonian": "x",
        }
        page = pages[provider]

        def identify(size: int) -> object:
            tail = piece * size
            return plugin._identities(work(provider=provider, foreign_landing_url=page, url=f"https://x.example{tail}"))

        assert is_linear(identify, 20_000)
        assert is_linear(
            lambda size: plugin._identities(work(provider=provider, foreign_landing_url=page + piece * size)), 20_000
        )


class TestFlags:
    @pytest.mark.parametrize(
        ("mature", "sensitivity", "sensitive"),
        [
            (False, [], False),
            (None, [], False),
            (None, None, None),  # as in 2022
            (True, [], True),
            (False, ["sensitive_text"], True),
            (None, {"an odd form": 1}, True),
        ],
    )
    def test_a_work_says_whether_it_is_sensitive(
        self, mature: bool | None, sensitivity: object, sensitive: bool | None
    ) -> None:
        assert plugin._flags(work(mature=mature, unstable__sensitivity=sensitivity)) == Flags(sensitive=sensitive)


class TestTags:
    @pytest.mark.parametrize(
        ("tags", "names"),
        [
            ([{"name": "fox"}, {"name": "red", "accuracy": None}, {"name": "fox", "accuracy": 0.97}], ["fox", "red"]),
            ([{"name": "fox"}, "red", None, {"name": 7}, {"name": ""}, {}], ["fox"]),
            ("fox", []),
            ([], []),
            (None, []),
        ],
    )
    def test_an_odd_tag_is_left_out(self, tags: object, names: list[str]) -> None:
        assert plugin._tags(work(tags=tags).tags) == names


class TestWords:
    @pytest.mark.parametrize(
        ("typed", "sent"),
        [
            ("-dog cat", "dog cat"),
            ("cat -dog --bird", "cat dog bird"),
            ("cat +-dog", "cat +dog"),
            ('"red fox" den', "red fox den"),
            ('-"red fox"', "red fox"),
            ('5" pipe', "5 pipe"),
            ("black-and-white", "black-and-white"),
            ("cat - dog", "cat dog"),
            ("cat AND dog NOT bird", "cat AND dog NOT bird"),
            ("title:fox", "title:fox"),
            ("c+d C++", "c+d C++"),
            ("fo* (red | blue) fox~1 a\\b", "fo* (red | blue) fox~1 a\\b"),
            ("LEGO™ Buße ½ 日本", "LEGO™ Buße ½ 日本"),
        ],
    )
    def test_words_are_words(self, typed: str, sent: str) -> None:
        assert plugin._words(typed) == sent

    async def test_operators_alone_find_nothing_and_cost_no_call(
        self, openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
    ) -> None:
        assert await search(http, keep, '"- --"') == Page([], total=0, last=True)
        assert openverse.calls == []

    @pytest.mark.parametrize("piece", ["-", "a-", "+-", '"-', "- "])
    def test_a_hostile_query_takes_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._words(piece * size), 20_000)


def test_it_is_a_plugin() -> None:
    manager = pluggy.PluginManager("imagevault")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    (info,) = manager.hook.provider_info()
    assert (info.title, info.base_url, info.page_size) == ("Openverse", "https://api.openverse.org/v1/", 20)
    assert "size" not in info.filters
    assert (info.max_results, info.cache_for, info.max_text) == (240, 4 * 3600, 200)
    assert (info.aggregator, info.declares) == (True, {"sensitive"})


def test_nobody_needs_a_key(tmp_path: Path) -> None:
    openverse = provider({}, tmp_path)
    assert (openverse.state, openverse.info.page_size) == ("ok", 20)
    assert [(quota.limit, quota.period) for quota in openverse.info.quotas] == [(20, "minute"), (200, "day")]


def test_an_application_gets_more(tmp_path: Path) -> None:
    openverse = provider({"OPENVERSE_CLIENT_ID": "one", "OPENVERSE_CLIENT_SECRET": "two"}, tmp_path)
    assert (openverse.state, openverse.settings) == ("ok", Settings(client_id="one", client_secret="two"))
    assert [(quota.limit, quota.period) for quota in openverse.info.quotas] == [(100, "minute"), (10_000, "day")]
    assert openverse.info.page_size <= 50
    assert openverse.info.max_results % openverse.info.page_size == 0  # a page that reaches further is refused whole


@pytest.mark.parametrize("half", ["client_id", "client_secret"])
def test_half_of_the_credentials_is_a_mistake(tmp_path: Path, half: str) -> None:
    (other,) = {"client_id", "client_secret"} - {half}
    openverse = provider({f"OPENVERSE_{half.upper()}": "x"}, tmp_path)
    assert openverse.state == "unconfigured"
    assert openverse.reason == f"OPENVERSE_{other.upper()} is not set (or {other} in [providers.openverse])"


async def test_the_quotas_name_the_headers_that_come(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    for settings in (ANYBODY, APPLICATION):
        headers = {}
        if settings.client_id:
            await search(http, keep, settings=settings)
            headers = {"Authorization": openverse.calls[-1].headers["authorization"]}
        answer = await http.get("images/", params={"q": "few"}, headers=headers)
        for quota in configure(provider_info(), settings).quotas:
            assert quota.remaining
            assert int(answer.headers[quota.remaining]) < quota.limit


async def test_search_asks_as_documented(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    page = await search(http, keep, page=2, native={"orientation": "wide", "license": "cc0,pdm"}, text="nature")
    (call,) = openverse.calls
    assert (call.method, call.path) == ("GET", "/v1/images/")
    asked = {"q": "nature", "page": "2", "page_size": "20", "aspect_ratio": "wide", "license": "cc0,pdm"}
    assert dict(call.query) == asked  # and no `mature`, whose every value switches sensitive works on
    assert "authorization" not in call.headers
    assert page.images


@pytest.mark.parametrize("settings", [ANYBODY, APPLICATION], ids=["anybody", "application"])
@pytest.mark.parametrize("text", ["red fox", "few", "nature"])
async def test_a_walk_ends_where_the_window_does(
    http: httpx.AsyncClient, keep: PluginCache, text: str, settings: Settings
) -> None:
    pages: list[Page] = []
    while not pages or not pages[-1].last:
        pages.append(await search(http, keep, text, len(pages) + 1, settings=settings))
    expected = [work.id for work in find(text)][:240]
    assert [image.id for page in pages for image in page.images] == expected
    assert {page.total for page in pages} == {len(expected)}


async def test_no_results(http: httpx.AsyncClient, keep: PluginCache) -> None:
    assert await search(http, keep, "nothing") == Page([], total=0, last=True)


async def test_an_empty_page_behind_others_says_nothing_of_the_total(
    http: httpx.AsyncClient, keep: PluginCache
) -> None:
    assert await search(http, keep, "few", page=2) == Page([], total=None, last=True)


@pytest.mark.parametrize(
    ("told", "page", "last"),
    [
        ({"result_count": 10_000, "page_count": 250}, 12, False),  # as in 2022
        ({"result_count": 240, "page_count": 12}, 11, False),
        ({"result_count": 240, "page_count": 12}, 12, True),
        ({"result_count": 240, "page_count": 2}, 2, True),  # a short page is the last one
    ],
)
async def test_the_end_without_page_and_page_size(
    openverse: SimulatedOpenverse,
    http: httpx.AsyncClient,
    keep: PluginCache,
    told: dict[str, int],
    page: int,
    last: bool,
) -> None:
    openverse.fail(Answer({**told, "results": [WORK]}))
    found = await search(http, keep, page=page)
    assert (found.total, found.last, len(found.images)) == (told["result_count"], last, 1)


@pytest.mark.parametrize(("uniform", "sign"), [("landscape", 1), ("portrait", -1), ("square", 0)])
async def test_orientation(http: httpx.AsyncClient, keep: PluginCache, uniform: str, sign: int) -> None:
    native = {"orientation": provider_info().filters["orientation"][uniform]}
    images = (await search(http, keep, native=native)).images
    sides = [(image.width or 0) - (image.height or 0) for image in images]
    assert {(side > 0) - (side < 0) for side in sides} == {sign}


@pytest.mark.parametrize(
    ("uniform", "attribute", "codes"),
    [
        ("commercial", "commercial", {"by", "by-sa", "by-nd", "cc0", "pdm"}),
        ("modification", "modification", {"by", "by-sa", "by-nc", "by-nc-sa", "cc0", "pdm"}),
        ("public-domain", "public_domain", {"cc0", "pdm"}),
    ],
)
async def test_license(
    http: httpx.AsyncClient, keep: PluginCache, uniform: str, attribute: str, codes: set[str]
) -> None:
    native = {"license": provider_info().filters["license"][uniform]}
    licenses = {image.license for n in (1, 2, 3) for image in (await search(http, keep, "nature", n, native)).images}
    assert all(getattr(license, attribute) for license in licenses)
    assert len(licenses) >= 2
    assert {*native["license"].split(",")} == codes


async def test_the_record(openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache) -> None:
    image = await lookup(http, keep, openverse, {})
    assert openverse.calls[-1].path == f"/v1/images/{ID}/"
    assert (image.id, image.title, image.width, image.height) == (ID, "A fox", 1024, 683)
    assert image.alt is None  # nobody describes the picture
    assert image.extra == {"source": "flickr"}
    assert (image.flags, image.identities) == (Flags(sensitive=False), ["flickr:7"])
    assert image.author == Author("Ada Lind", "https://www.flickr.com/photos/ada")
    assert image.source_url == "https://www.flickr.com/photos/ada/7"
    assert image.tags == ["fox", "red"]
    assert image.credit == WORK["attribution"]
    assert (image.license.id, image.license.commercial, image.license.modification) == ("cc-by-nc-sa-2.0", False, True)
    assert [(one.name, one.url, one.width, one.height) for one in image.renditions] == [
        ("thumbnail", f"https://api.openverse.org/v1/images/{ID}/thumb/", 600, 400),
        ("large", "https://live.staticflickr.com/7/7_0123456789_b.jpg", 1024, 683),
    ]


async def test_what_works_lack_is_none(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    required = {"id": ID, "url": WORK["url"], "license": "by-nc-sa", "license_version": "2.0"}
    gaps = {name: None for name in WORK if name not in required}
    image = await lookup(http, keep, openverse, gaps)
    assert image == Image(
        id=ID,
        license=plugin._license(work()),
        declared=plugin._declared(work()),
        renditions=[Rendition(name="large", url=str(WORK["url"]))],
        tags=[],
        identities=[],
    )
    openverse.fail(Answer(required))
    assert await fetch_image(ID, http, ANYBODY, keep) == image


async def test_every_work_survives_the_gateway(http: httpx.AsyncClient, keep: PluginCache) -> None:
    given = await search(http, keep, "nature", settings=APPLICATION)
    info = msgspec.structs.replace(provider_info(), page_size=48)  # with credentials
    kept = sanitize.page(given, info, holds_files=False)
    lasting = [image.renditions[-1] for image in kept.images]
    assert [image.id for image in kept.images] == [image.id for image in given.images]
    assert [image.credit for image in kept.images] == [image.credit for image in given.images]
    assert None in {image.title for image in kept.images}
    assert {rendition.name for rendition in lasting} == {"large", "original"}
    elsewhere = [rendition for rendition in lasting if "staticflickr" not in (rendition.url or "")]
    assert all(rendition.width is None for rendition in elsewhere if rendition.name == "large")
    assert {rendition.type for rendition in lasting} == {"image/jpeg"}


@pytest.mark.parametrize(
    ("code", "version", "url", "expected"),
    [
        ("by", "4.0", "https://creativecommons.org/licenses/by/4.0/", ("cc-by-4.0", "CC BY 4.0", True, True, True)),
        ("by-nd", "2.0", None, ("cc-by-nd-2.0", "CC BY-ND 2.0", True, True, False)),
        ("by-nc-sa", "2.0", "https://x.example/", ("cc-by-nc-sa-2.0", "CC BY-NC-SA 2.0", True, False, True)),
        ("cc0", None, None, ("cc0-1.0", "CC0 1.0", False, True, True)),
        ("pdm", None, None, ("pdm-1.0", "Public Domain Mark 1.0", False, True, True)),
        ("pdm", "1.0", "https://creativecommons.org/publicdomain/mark/1.0/", ("pdm-1.0", "Public Domain Mark 1.0",
            False, True, True)),
        ("sampling+", "1.0", "https://creativecommons.org/licenses/sampling+/1.0/", ("cc-sampling+-1.0",
            "CC Sampling+ 1.0", True, False, True)),
        ("by", None, None, ("cc-by", "CC BY", True, False, False)),  # unknown version: promise nothing
        ("by", None, "https://creativecommons.org/licenses/by/4.0/", ("cc-by", "CC BY", True, False, False)),  # a guess
    ],
)  # fmt: skip
async def test_licenses(
    openverse: SimulatedOpenverse,
    http: httpx.AsyncClient,
    keep: PluginCache,
    code: str,
    version: str | None,
    url: str | None,
    expected: tuple[object, ...],
) -> None:
    change = {"license": code, "license_version": version, "license_url": url}
    license = (await lookup(http, keep, openverse, change)).license
    told = (license.id, license.name, license.attribution_required, license.commercial, license.modification)
    assert told == expected


@pytest.mark.parametrize("mark", [{"mature": True}, {"unstable__sensitivity": ["sensitive_text"]}])
async def test_sensitive_works_are_left_out(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, mark: dict[str, object]
) -> None:
    openverse.fail(faults.changed(lambda listing: listing["results"].insert(3, {**WORK, **mark})))
    page = await search(http, keep)
    assert [image.id for image in page.images] == [work.id for work in find("red fox")[:20]]
    openverse.heal()
    assert await lookup(http, keep, openverse, mark) is None


@pytest.mark.parametrize(
    "bad",
    [None, 7, {}, {**WORK, "id": None}, {**WORK, "url": None}, {**WORK, "license": None}, {**WORK, "license": 4}],
)
async def test_one_bad_record_is_dropped_and_the_page_stays(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, bad: object
) -> None:
    openverse.fail(faults.changed(lambda listing: listing["results"].insert(3, bad)))
    page = await search(http, keep)
    assert [image.id for image in page.images] == [work.id for work in find("red fox")[:20]]


async def test_a_page_of_which_no_work_can_be_read_is_an_error(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    listing = {"result_count": 2, "page_count": 1, "results": [{**WORK, "url": 1}, {**WORK, "url": 2}]}
    openverse.fail(Answer(listing))
    with pytest.raises(InvalidResponse, match="none of 2 records can be read"):
        await search(http, keep)


@pytest.mark.parametrize("absent", ["result_count", "page_count"])
async def test_a_number_that_is_missing_costs_no_page(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, absent: str
) -> None:
    listing = {"result_count": 1, "page_count": 1, "results": [WORK]}
    del listing[absent]
    openverse.fail(Answer(listing))
    page = await search(http, keep)
    assert [image.id for image in page.images] == [ID]
    assert (page.total, page.last) == ((None, True) if absent == "result_count" else (1, False))


async def test_bytes_that_are_no_text_cost_one_record(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    listing = {"result_count": 2, "page_count": 1, "results": [WORK, {**WORK, "title": "?!"}]}
    openverse.fail(Answer(json.dumps(listing).encode().replace(b"?!", b"\xff")))
    assert [image.title for image in (await search(http, keep)).images] == ["A fox"]


@pytest.mark.parametrize(
    "fault",
    [
        faults.html_page(),
        faults.cut_json(),
        faults.wrong_types(),
        Answer([]),
        Answer({}),
        Answer(b""),
        Answer(b'{"id": "\xff"}'),
    ],
    ids=["html", "cut", "types", "list", "nothing", "empty", "not text"],
)
async def test_an_answer_that_is_none(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, fault: Fault, tmp_path: Path
) -> None:
    host = provider({}, tmp_path)
    openverse.fail(fault)
    for asking in (search(http, keep), fetch_image(library()[0].id, http, ANYBODY, keep)):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  the gateway names it
            await asking
        assert isinstance(to_provider_error(caught.value, host), InvalidResponse)


@pytest.mark.parametrize("status", [301, 401, 404, 500, 503])
async def test_statuses_are_left_to_the_gateway(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, status: int
) -> None:
    openverse.fail(Answer({"detail": "no"}, status))
    with pytest.raises(httpx.HTTPStatusError):
        await search(http, keep)


async def test_a_page_too_large_is_no_matter_of_the_key(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    with pytest.raises(InvalidResponse, match="page_size may not exceed 20 for anonymous requests"):
        await search_images(SearchQuery(text="x", per_page=21), http, ANYBODY, keep)
    with pytest.raises(InvalidResponse, match="pagination depth may not exceed 240"):
        await search(http, keep, page=13)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": {"license": ["License 'xyz' does not exist."]}},
        {"error": "InputError", "detail": "License 'xyz' does not exist.", "fields": ["license"]},
    ],
)
async def test_a_bad_request_says_why(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, body: object
) -> None:
    openverse.fail(Answer(body, 400))
    with pytest.raises(InvalidResponse, match="License 'xyz' does not exist"):
        await search(http, keep)


async def test_the_throttle_tells_when_it_ends(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, tmp_path: Path
) -> None:
    host = provider({}, tmp_path)
    openverse.throttles["anon_burst"].limit = 0
    for openverse.retry_after in (True, False):
        with pytest.raises((RateLimited, httpx.HTTPStatusError)) as caught:
            await search(http, keep)
        error = to_provider_error(caught.value, host)
        assert isinstance(error, RateLimited)
        assert error.retry_after == 60


async def test_an_address_that_is_barred(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    openverse.fail(faults.html_page(403))
    with pytest.raises(Unauthorized, match="this server's address"):
        await search(http, keep)


async def test_one_token_for_many_calls(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    for text in ("red fox", "blue fox"):
        await search(http, keep, text, settings=APPLICATION)
    await fetch_image(find("red fox")[0].id, http, APPLICATION, keep)
    asked, *others = openverse.calls
    assert (asked.method, asked.path) == ("POST", "/v1/auth_tokens/token/")
    form = dict(httpx.QueryParams(asked.body.decode()))
    assert form == {"client_id": "test-client", "client_secret": "test-secret", "grant_type": "client_credentials"}
    (token,) = openverse.tokens
    assert [call.headers["authorization"] for call in others] == [f"Bearer {token}"] * 3


async def test_a_token_is_renewed_long_before_it_ends(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, clock: Clock
) -> None:
    for _ in range(12):
        await search(http, keep, settings=APPLICATION)
        clock.now += 3_599
    answers = [call for call in openverse.calls if call.method == "GET"]
    assert len(answers) == 12  # none had to be repeated
    assert 6 <= len(openverse.tokens) <= 12


async def test_a_token_that_is_over_is_renewed_at_once(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    expected = await search(http, keep, settings=APPLICATION)
    openverse.tokens.clear()
    assert await search(http, keep, settings=APPLICATION) == expected
    assert await search(http, keep, settings=APPLICATION) == expected
    assert len(openverse.tokens) == 1


async def test_a_token_that_counts_as_none_is_renewed_too(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    await search(http, keep, settings=APPLICATION)
    openverse.fail(Answer({"detail": "page_size may not exceed 20 for anonymous requests"}, 401), times=1)
    assert (await search(http, keep, settings=APPLICATION)).images


async def test_a_wrong_secret(openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache) -> None:
    wrong = Settings(client_id="test-client", client_secret="wrong")
    for _ in range(2):
        with pytest.raises(Unauthorized, match="OPENVERSE_CLIENT_SECRET"):
            await search(http, keep, settings=wrong)
    assert [call.method for call in openverse.calls] == ["POST", "POST"]


async def test_a_token_answer_that_is_none(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, tmp_path: Path
) -> None:
    openverse.fail(Answer({"token": "x"}))
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the gateway names it
        await search(http, keep, settings=APPLICATION)
    assert isinstance(to_provider_error(caught.value, provider({}, tmp_path)), InvalidResponse)


async def test_lookup(openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache) -> None:
    found = (await search(http, keep)).images[0]
    assert await fetch_image(found.id, http, ANYBODY, keep) == found
    assert await fetch_image(ID, http, ANYBODY, keep) is None
    assert await fetch_image("00000000-0000-1000-8000-000000000007", http, ANYBODY, keep) is None  # an HTML 404
    assert len(openverse.calls) == 4


@pytest.mark.parametrize("id", ["", "7", "../search", f"{ID}/thumb", f"{ID}?x=1", ID.replace("-", ""), f"{ID}\n"])
async def test_an_id_that_cannot_be_costs_no_call(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, id: str
) -> None:
    assert await fetch_image(id, http, ANYBODY, keep) is None
    assert openverse.calls == []


async def test_recorded_answers(openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache) -> None:
    """Invented answers in the documented form: three searches, a lookup and two errors."""
    for path in sorted(RECORDED.glob("search*.json")):
        openverse.fail(Answer(path.read_bytes()), times=1)
        told, page = json.loads(path.read_bytes()), await search(http, keep)
        assert [image.id for image in page.images] == [work["id"] for work in told["results"]]
        assert (page.total, page.last) == (told["result_count"], told["page_count"] == 0)
        assert all(image.license and image.author and len(image.renditions) == 2 for image in page.images)
        assert all(image.alt is None for image in page.images)
    detail = (RECORDED / "detail.json").read_bytes()
    told = json.loads(detail)
    openverse.fail(Answer(detail), times=1)
    image = await fetch_image(told["id"], http, ANYBODY, keep)
    assert image is not None
    assert (image.credit, image.width, image.tags) == (told["attribution"], told["width"], ["teapot"])
    openverse.fail(Answer((RECORDED / "error_400.json").read_bytes(), 400), times=1)
    with pytest.raises(InvalidResponse, match="EXAMPLE"):
        await search(http, keep)
    openverse.fail(Answer((RECORDED / "error_429.json").read_bytes(), 429), times=1)
    with pytest.raises(RateLimited) as caught:
        await search(http, keep)
    assert caught.value.retry_after == 1800


async def test_recorded_works_of_other_sources(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    """Invented works in the form of 2024: a reduced file, the Japanese address, and the name of a file as a title."""
    openverse.fail(Answer((RECORDED / "search_sources.json").read_bytes()))
    reduced, flickr, commons = (await search(http, keep)).images

    assert (reduced.width, reduced.height) == (6000, 4000)
    assert [(one.name, one.width) for one in reduced.renditions] == [("thumbnail", 600), ("large", None)]
    assert flickr.license is not None
    assert flickr.license.id == "cc-by-nc-nd-2.0"
    assert "/jp/" not in (flickr.credit or "")
    assert commons.title == "Emblem of an Invented Place"
    assert commons.credit == (
        '"Emblem of an Invented Place" by Cleo Example is marked with CC0 1.0. '
        "To view the terms, visit https://creativecommons.org/publicdomain/zero/1.0/."
    )
    assert [rendition.type for rendition in commons.renditions] == [None, "image/svg+xml"]
    assert [list(image.identities) for image in (reduced, flickr, commons)] == [
        [],
        ["flickr:11111114"],
        ["commons:p999"],
    ]
