"""The Openverse plugin against the simulated one, over real HTTP, and against invented recordings."""

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

from imagevault import Author, Image, InvalidResponse, License, Page, RateLimited, Rendition, SearchQuery, Unauthorized
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

ANYBODY = Settings()
APPLICATION = Settings(client_id="test-client", client_secret="test-secret")
RECORDED = Path(__file__).parent / "recorded" / "openverse"
ID = "00000000-0000-4000-8000-000000000007"
WORK = {
    "id": ID,
    "title": "A fox",
    "foreign_landing_url": "https://www.flickr.com/photos/ada/7",
    "url": "https://live.staticflickr.com/7/7_b.jpg",
    "creator": "Ada Lind",
    "creator_url": "https://www.flickr.com/photos/ada",
    "license": "by-nc-sa",
    "license_version": "2.0",
    "license_url": "https://creativecommons.org/licenses/by-nc-sa/2.0/",
    "attribution": '"A fox" by Ada Lind is licensed under CC BY-NC-SA 2.0. To view a copy of this license, visit ...',
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


def test_it_is_a_plugin() -> None:
    manager = pluggy.PluginManager("imagevault")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    (info,) = manager.hook.provider_info()
    assert (info.title, info.base_url, info.page_size) == ("Openverse", "https://api.openverse.org/v1/", 20)
    assert "size" not in info.filters
    assert (info.max_results, info.cache_for) == (240, 4 * 3600)


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
    assert image.author == Author("Ada Lind", "https://www.flickr.com/photos/ada")
    assert image.source_url == "https://www.flickr.com/photos/ada/7"
    assert image.tags == ["fox", "red"]
    assert image.credit == WORK["attribution"]
    assert (image.license.id, image.license.commercial, image.license.modification) == ("cc-by-nc-sa-2.0", False, True)
    assert [(one.name, one.url, one.width, one.height) for one in image.renditions] == [
        ("thumbnail", f"https://api.openverse.org/v1/images/{ID}/thumb/", None, None),
        ("original", "https://live.staticflickr.com/7/7_b.jpg", 1024, 683),
    ]


async def test_what_works_lack_is_none(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache
) -> None:
    gaps = ("title", "creator", "creator_url", "foreign_landing_url", "attribution", "width", "height", "tags")
    image = await lookup(http, keep, openverse, {**dict.fromkeys(gaps), "thumbnail": None, "mature": None})
    license = License.from_url(str(WORK["license_url"]))
    url = str(WORK["url"])
    assert image == Image(id=ID, license=license, tags=[], renditions=[Rendition(name="original", url=url)])
    openverse.fail(Answer({"id": ID, "url": url, "license": "by-nc-sa", "license_version": "2.0"}))
    assert await fetch_image(ID, http, ANYBODY, keep) == image


async def test_every_work_survives_the_gateway(http: httpx.AsyncClient, keep: PluginCache) -> None:
    given = await search(http, keep, "nature", settings=APPLICATION)
    info = msgspec.structs.replace(provider_info(), page_size=48)  # with credentials
    kept = sanitize.page(given, info, holds_files=False)
    assert kept.images == given.images
    assert None in {image.title for image in kept.images}
    assert any((image.title or "").endswith(".JPG") for image in kept.images)


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
            "CC SAMPLING+ 1.0", True, False, True)),
        ("by", None, None, ("cc-by", "CC BY", True, False, False)),  # unknown version: promise nothing
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
    [None, 7, {}, {**WORK, "id": None}, {**WORK, "url": None}, {**WORK, "license": None}, {**WORK, "width": "wide"},
        {**WORK, "tags": "fox"}],
)  # fmt: skip
async def test_one_bad_record_is_dropped_and_the_page_stays(
    openverse: SimulatedOpenverse, http: httpx.AsyncClient, keep: PluginCache, bad: object
) -> None:
    openverse.fail(faults.changed(lambda listing: listing["results"].insert(3, bad)))
    page = await search(http, keep)
    assert [image.id for image in page.images] == [work.id for work in find("red fox")[:20]]


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
    """Invented answers in the documented form: two searches, a lookup and two errors."""
    for path in sorted(RECORDED.glob("search*.json")):
        openverse.fail(Answer(path.read_bytes()), times=1)
        told, page = json.loads(path.read_bytes()), await search(http, keep)
        assert [image.id for image in page.images] == [work["id"] for work in told["results"]]
        assert (page.total, page.last) == (told["result_count"], told["page_count"] == 0)
        assert all(image.license and image.author and len(image.renditions) == 2 for image in page.images)
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
