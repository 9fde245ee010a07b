"""The contract suite itself: a correct provider passes all of it, and each fault is found and told in helpful words.

The provider is a small one of an invented API. A variant of it is its source with one piece replaced.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import imagevault_pexels
import msgspec
import pytest

from imagevault.testing import Answer, Call, Recorded, Upstream
from imagevault.testing.checks.failures import FAILURES, RAISED
from imagevault.testing.contract import ProviderContract
from imagevault.testing.recorded import Recording
from imagevault.testing.upstreams.pexels import SimulatedPexels

Change = tuple[str, str]  # a piece of the source, and what stands there instead

SETTINGS = {"api_key": "test-key"}
PLUGIN = """
import logging, math, time
from urllib.parse import quote

import httpx
import msgspec

from imagevault import (
    Author, Image, InvalidResponse, License, NotFound, Page, ProviderInfo, Quota, RateLimited, Rendition, decode,
    decode_each, hookimpl,
)

log = logging.getLogger("tiny")


class Settings(msgspec.Struct, frozen=True):
    api_key: str


class _Photo(msgspec.Struct):
    id: str
    title: str
    by: str
    rights: str
    width: int
    height: int


class _Listing(msgspec.Struct):
    photos: list[msgspec.Raw]
    total: int
    more: bool


@hookimpl
def provider_info():
    return ProviderInfo(
        title="Tiny",
        homepage="https://tiny.example",
        base_url="https://api.tiny.example/v1/",
        settings=Settings,
        page_size=10,
        max_results=None,
        filters={"orientation": {"landscape": "wide"}, "color": {"red": "rot"}, "locale": {"de-DE": "de"}},
        quotas=[Quota(100, "hour", remaining="X-Left", reset="X-Reset")],
        credit="{title} by {author}, {license}",
        file_hosts={"files.tiny.example"},
    )


@hookimpl
async def search_images(query, http, settings):
    offset = (query.page - 1) * query.per_page
    params = {"q": query.text, "offset": offset, "size": query.per_page, **query.native}
    response = await http.get("find", params=params, headers={"X-Key": settings.api_key})
    listing = decode(response, _Listing)
    photos = decode_each(listing.photos, _Photo)
    images = [_image(photo) for photo in photos]
    return Page(images, total=listing.total, last=not listing.more)


@hookimpl
async def fetch_image(image_id, http, settings):
    response = await http.get(f"photos/{quote(image_id, safe='')}", headers={"X-Key": settings.api_key})
    return _image(decode(response, _Photo))


@hookimpl
async def image_downloaded(image, http, settings):
    response = await http.post(image.ref, headers={"X-Key": settings.api_key})
    response.raise_for_status()


def _image(photo):
    size = photo.width, photo.height
    return Image(
        id=photo.id,
        title=photo.title,
        width=photo.width,
        height=photo.height,
        color="#102030",
        tags=["cat"],
        author=Author(photo.by, f"https://tiny.example/people/{quote(photo.by)}"),
        source_url=f"https://tiny.example/photos/{photo.id}",
        license=License.from_url(photo.rights),
        ref=f"photos/{photo.id}/taken",
        renditions=[
            Rendition.within("small", f"https://files.tiny.example/{photo.id}/s", size, (320, math.inf)),
            Rendition.within("original", f"https://files.tiny.example/{photo.id}.jpg", size, size),
        ],
    )
"""


class Tiny(Upstream):
    """25 photos for any words, 7 for `few`, none for `nothing`. The second ten are nine, and more follow."""

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.before(lambda call: None if call.headers.get("x-key") == "test-key" else Answer({"error": "key"}, 401))
        self.get("find")(self._find)
        self.get("photos/{id}")(self._photo)
        self.post("photos/{id}/taken")(lambda _, **taken: taken)

    def _find(self, call: Call) -> Answer:
        offset, size = int(call.query.get("offset", "0")), min(int(call.query.get("size", "10")), 20)
        count = {"nothing": 0, "few": 7}.get(call.query.get("q", ""), 25)
        photos = [photo(number) for number in range(count)[offset : offset + size] if number != 14]
        body = {"photos": photos, "total": count, "more": offset + size < count}
        return Answer(body, headers={"X-Left": "99", "X-Reset": "60"})

    def _photo(self, call: Call, id: str) -> object:
        number = next((number for number in range(25) if photo(number)["id"] == id), None)
        return Answer({"error": "no such photo"}, 404) if number is None else photo(number)


def photo(number: int) -> dict[str, object]:
    rights = ("publicdomain/zero/1.0", "licenses/by-nc/4.0")[number % 2]
    return {
        "id": f"cat{number}",
        "title": f"<b>Cat</b> &amp; mouse {number}",
        "by": "Ada & Bo",
        "rights": f"https://creativecommons.org/{rights}/",
        "width": 4000,
        "height": 3000,
    }


def tiny(*changes: Change) -> Any:
    """The provider as a module, with these pieces of its source replaced."""
    source = PLUGIN
    for old, new in changes:
        assert source.count(old) == 1, f"{old!r} is {source.count(old)} times in the source"
        source = source.replace(old, new)
    module = types.ModuleType("imagevault_tiny")
    exec(source, module.__dict__)  # noqa: S102  the source above
    return module


def contract(plugin: Any, upstream: Callable[[], Upstream | None] = Tiny, **changes: Any) -> ProviderContract:
    """The contract of a plugin; `changes` are attributes of the class."""
    attributes = {"plugin": plugin, "settings": SETTINGS, **changes, "upstream": lambda _: upstream()}
    made: ProviderContract = type("Contract", (ProviderContract,), attributes)()
    return made


CHECKS = {name: each for name, each in inspect.getmembers(ProviderContract) if name.startswith("test_")}
KINDS = [*FAILURES, *RAISED]


def runs(name: str) -> Iterator[Mapping[str, str]]:
    """The arguments that a check is run with."""
    many = "kind" in inspect.signature(CHECKS[name]).parameters
    yield from ({"kind": kind} for kind in KINDS) if many else [{}]


@pytest.fixture
def given(request: pytest.FixtureRequest) -> Callable[[str], Mapping[str, object]]:
    """The fixtures of pytest that a check asks for."""

    def given(name: str) -> Mapping[str, object]:
        wanted = inspect.signature(CHECKS[name]).parameters.keys() & {"caplog", "tmp_path"}
        return {fixture: request.getfixturevalue(fixture) for fixture in wanted}

    return given


Given = Callable[[str], Mapping[str, object]]


def complaint(given: Given, contract: ProviderContract, name: str, **arguments: object) -> str:
    """What the check says when it fails, as it must."""
    with pytest.raises((AssertionError, pytest.fail.Exception)) as failed:
        getattr(contract, name)(**arguments, **given(name))
    return str(failed.value)


class TestACorrectProvider:
    @pytest.mark.parametrize("name", CHECKS)
    def test_passes(self, name: str, given: Given) -> None:
        for arguments in runs(name):
            getattr(contract(tiny()), name)(**arguments, **given(name))

    def test_every_check_has_its_words(self) -> None:
        """So that `pytest -v` and the reference tell what each is for."""
        assert all(check.__doc__ for check in CHECKS.values())
        assert len({check.__doc__ for check in CHECKS.values()}) == len(CHECKS)


Row = tuple[str, tuple[Change, ...], str]  # the check, what is broken, and what the author is told


def row(check: str, old: str, new: str, told: str, *more: Change) -> Row:
    return check, ((old, new), *more), told


LOADS, SETTING = "test_loads_with_these_settings", "test_names_a_setting_that_is_missing"
KEY = "    api_key: str\n"
QUOTA = 'Quota(100, "hour", remaining="X-Left", reset="X-Reset")'
INFO = "test_declares_what_the_gateway_must_know"
DECLARED = [
    row(LOADS, KEY, KEY + "    secret: str\n", "with the `settings` of this test: TINY_SECRET is not set"),
    row(LOADS, "async def fetch_image", "async def fetch_imag", "no hook fetch_imag. Did you mean fetch_image?"),
    row(LOADS, "def provider_info", "async def provider_info", "provider_info must be a plain function: def provider"),
    row(SETTING, KEY, '    api_key: str = ""\n', "settings: api_key has a default, but every search without it is"),
    row(INFO, QUOTA, "", "quotas: none is declared: add a Quota with the number of calls that"),
    row(INFO, '"X-Left"', '"X-Lft"', "quotas: no answer had the header X-Lft of the quota per hour: corr"),
    row(INFO, '"X-Reset"', '"X-Rest"', "quotas: no answer had the header X-Rest of the quota per hour: co"),
    row(INFO, QUOTA, QUOTA + ', Quota(9, "hour")', "quotas: 2 are declared per hour: keep only the smallest"),
    row(INFO, '{"files.tiny.example"}', "frozenset()", "file_hosts: none is declared: add the hosts that the links"),
    row(INFO, '{"files.tiny', '{"https://files.tiny', "file_hosts: https://files.tiny.example is not a host name: g"),
    row(INFO, 'page="https', 'page="http', "homepage: http://tiny.example does not start with https://: c"),
    row(INFO, '"https://api.tiny', '"http://api.tiny', "base_url: http://api.tiny.example/v1/ does not start with"),
    row(INFO, "max_results=None", "max_results=5", "max_results: 5 is less than page_size, which is 10: "),
    row(INFO, "{title} by {author}", "{name}", "credit: there is no field {name}: use {title}, {author} and "),
    row(INFO, "{title} by {author}", "{}", "credit: there is no field {}: use {title}, {author} and {l"),
    row(INFO, "{title} by {author}, ", "{title", "'{title{license}' is not a template (unexpected '{' in field n"),
    row(INFO, '{"landscape"', '{"wide"', "filters: orientation has no value wide: use landscape, portrait, square"),
    row(INFO, '"orientation": {', '"shape": {', "filters: there is no filter shape: use orientation, size, lic"),
    row(INFO, '{"red"', '{"crimson"', "filters: color has no value crimson: use black, white, gray, red"),
    row(INFO, '{"de-DE"', '{"german"', "filters: locale german is not a language tag: use a tag like de"),
]  # fmt: skip

RECORD = "test_every_record_is_whole"
IMAGES = "    images = [_image(photo) for photo in photos]\n"
ID, PAGE, TITLE = "id=photo.id,", 'f"https://tiny.example/photos/{photo.id}"', "title=photo.title,"
SMALL = '            Rendition.within("small", f"https://files.tiny.example/{photo.id}/s", size, (320, math.inf)),\n'
ORIGINAL = '            Rendition.within("original", f"https://files.tiny.example/{photo.id}.jpg", size, size),\n'
FILE = '            Rendition(name="small", url="https://files.tiny.example/1", '
LICENSE = "        license=License.from_url(photo.rights),\n"
OTHER = 'License("tiny", "Tiny", "https://tiny.example/licence")'
RECORDS = [
    row(RECORD, IMAGES, IMAGES + "    images[0] = {}\n", "a page holds a dict, not an Image: put"),
    row(RECORD, ID, "id='cat',", "two images of a page have the id cat"),
    row(RECORD, "width=photo.width", "width='wide'", "'cat0' was dropped: Expected int | null, got str - at width"),
    row(RECORD, "width=photo.width", "width=-1", "width -1 of cat0 was dropped: it is not valid; see Image.width"),
    row(RECORD, ID, "id=' ' + photo.id,", "' cat0' was dropped: its id must be 1 to 200 printable charac"),
    row(RECORD, SMALL + ORIGINAL, "", "'cat0' was dropped: it has no renditions"),
    row(RECORD, SMALL, "", "no rendition has an http(s) link; '1.jpg' is none", (ORIGINAL, ORIGINAL.replace(
        'f"https://files.tiny.example/{photo.id}.jpg"', '"1.jpg"'))),
    row(RECORD, '"https://files.tiny.example/{photo.id}.jpg"', '"1.jpg"', "dropped: original has no http(s) link; giv"),
    row(RECORD, '"#102030"', '"red"', "color 'red' of cat0 was dropped: it is not valid; see Image.color"),
    row(RECORD, PAGE, '"/photos/1"', "source_url '/photos/1' of cat0 was dropped: it is not valid"),
    row(RECORD, PAGE, "None", "cat0 has no source_url: give the address of its page"),
    row(RECORD, PAGE, '"http://tiny.example/1"', "source_url of cat0 is not https: http://tiny.example/1"),
    row(RECORD, 'f"https://tiny.example/people', 'f"http://tiny.example/people', "author.url of cat0 is not https"),
    row(RECORD, TITLE, 'title="&lt;b&gt;Cat&lt;/b&gt;",', "title of cat0 holds markup: '<b>Cat</b>'; the service e"),
    row(RECORD, TITLE, "title='Cat', alt='&amp;amp;',", "alt of cat0 holds markup: '&amp;'; the service escapes it"),
    row(RECORD, TITLE, "title=photo.title, alt=str(None),", "alt of cat0 is the text 'None': give None where the"),
    row(RECORD, "Author(photo.by", 'Author("Ada &amp;amp; Bo"', "author of cat0 holds markup: 'Ada &amp; Bo'"),
    row(RECORD, "width=photo.width", "width=None", "cat0 has one side only: give both width and height, or ne"),
    row(RECORD, '"small"', '"original"', "two renditions of cat0 have the same name: original, orig"),
    row(RECORD, ORIGINAL, "", "cat0 has neither a rendition `original` nor `large`: give the largest f"),
    row(RECORD, SMALL, FILE + "width=320),\n", "rendition small of cat0 has one side only: give both width and"),
    row(RECORD, SMALL, FILE + "width=320, height=4000),\n", "small of cat0 is larger than the image: 320 x 4000; use"),
    row(RECORD, SMALL, FILE + "width=4001, height=3),\n", "small of cat0 is larger than the image: 4001 x 3; use Rend"),
    row(RECORD, "size, size)", "size, (800, 800))", "original of cat0 is 800 x 600, but the image is 4000 x 3000: "),
    row(RECORD, "        height=photo.height,", "", "cat0 has no size, but its original has: give the image width=4000",
        ("        width=photo.width,\n", "")),
    row(RECORD, '"https://files.tiny.example/{photo.id}.jpg"', '"https://a.example/1"', "lead to a.example, which is"),
    row(RECORD, LICENSE, "", "cat0 has no licence: give it a License(...), or give one for all images as Pro"),
    row(RECORD, LICENSE, f"license={OTHER.replace('tiny', 'Ours', 1)},", "has the id 'Ours': give it a stable id, for"),
    row(RECORD, LICENSE, "license=License('tiny', 'Tiny'),", "the licence tiny of cat0 has no link"),
    row(RECORD, LICENSE, "license=License('cc-by-4.0', 'CC', photo.rights, True),", "cc-by-4.0 of cat0 links to cc0-"),
    row(RECORD, LICENSE, "license=License('cc0-1.0', 'CC0', photo.rights, commercial=False),", "has commercial=False"),
    row(RECORD, LICENSE, "license=License('cc-by-nc', 'CC BY-NC', 'https://a.example', True),", "has commercial=True,"),
    row(RECORD, LICENSE, "license=License('cc-by-nd', 'CC BY-ND', 'https://a.example', True),", "has modification=Tru"),
    row(RECORD, LICENSE, "license=License('cc-by', 'CC BY', 'https://a.example'),", "cc-by of cat0 has attribution_r"),
    row(RECORD, "by {author}", "of Tiny", "the credit of cat0 does not name its author: '"),
    row(RECORD, ", {license}", "", "the credit of cat1 does not name its licence, CC BY-NC 4.0: "),
    row(RECORD, LICENSE, "credit=f'{None} by {photo.by}',\n" + LICENSE, "the credit of cat0 holds the word None: '"),
]  # fmt: skip

PAGES, SIZES = "test_pages_follow_without_repeat", "test_pages_are_as_large_as_asked"
NOTHING, LOOKUP = "test_nothing_found_is_an_answer", "test_an_image_is_looked_up_again_by_its_id"
UNKNOWN, DOWNLOAD = "test_an_unknown_id_is_none", "test_a_download_is_told"
OFFSET, SIZE, LAST, TOTAL = '"offset": offset', '"size": query.per_page', "last=not listing.more", "total=listing.total"
FETCH = """    response = await http.get(f"photos/{quote(image_id, safe='')}", headers={"X-Key": settings.api_key})\n"""
FETCHED = "    return _image(decode(response, _Photo))\n"
RAISE = "    response.raise_for_status()\n"
TAKEN = '    response = await http.post(image.ref, headers={"X-Key": settings.api_key})\n' + RAISE
ANY = "_image(_Photo('x', '', 'Cy', '', 9, 9))"
ANSWERS = [
    row(PAGES, OFFSET, '"offset": 0', "page 2 makes the same call as page 1: send query.page"),
    row(PAGES, OFFSET, '"offset": 0, "page": query.page', "page 2 repeats cat0, cat1, cat2: send query.page"),
    row(PAGES, SIZE, '"size": 20', "page 1 has 19 images, but 10 were asked for: send query.per_page"),
    row(PAGES, LAST, "last=len(photos) < query.per_page", "page 2 says last=True, but page 3 has images: take the end"),
    row(PAGES, LAST, "last=False", "no page of 'cat' says last=True: set last on the page where the upst"),
    row(PAGES, LAST, "last=None", "last of page 1 is None: give True or False"),
    row(PAGES, TOTAL, "total=len(photos)", "total of page 2 is 9, but 19 images were found: give the total of all"),
    row(PAGES, TOTAL, "total='25'", "total of page 1 is '25': give a number of 0 or more, or None"),
    row(PAGES, TOTAL, "total=-1", "total of page 1 is -1: give a number of 0 or more, or None"),
    row(SIZES, SIZE, '"size": 10', "page 1 has 10 images, but 5 were asked for: send query.per_page"),
    row(SIZES, "* query.per_page", "* 10", "has cat10, but one page of twice the size has not: compute offsets from q"),
    row(SIZES, "page_size=10", "page_size=30", "has cat20, but one page of twice the size has not: compute offsets"),
    row(SIZES, OFFSET, '"offset": 0', "page 2 repeats cat0, cat1, cat2"),
    row(NOTHING, IMAGES, IMAGES + "    images[0]\n", "a search that finds nothing raised ProviderError('the plugin"),
    row(NOTHING, LAST, "last=bool(photos) and not listing.more", "a search that finds nothing says last=False: retur"),
    row(LOOKUP, "@hookimpl\nasync def fetch_image", "async def _fetch_image", "there is no hook fetch_image, so an i"),
    row(LOOKUP, FETCH, "    return None\n", "that the search found, but its outcome is None"),
    row(LOOKUP, FETCH, "    raise NotFound('no')\n", "that the search found, but its outcome is NotFound('no')"),
    row(LOOKUP, FETCHED, f"    return {ANY}\n", "id of cat0 is cat0 in the search, but x in fetch_image"),
    row(LOOKUP, FETCHED, "    return msgspec.structs.replace(_image(decode(response, _Photo)), author=None)\n",
        "author of cat0 is Author(name='Ada & Bo', url='https://tiny.example/people/Ada%20%26%20Bo') in the search, "),
    row(UNKNOWN, "quote(image_id, safe='')", "image_id", "fetch_image('../search') called /v1/search: put quote(imag"),
    row(UNKNOWN, FETCH, FETCH + "    response.json()['id']\n", "must return None for the unknown id 'no such id', "),
    row(UNKNOWN, FETCHED, f"    if response.status_code == 404:\n        return {ANY}\n{FETCHED}",
        "fetch_image must return None for the unknown id 'no such id', not Image("),
    row(DOWNLOAD, TAKEN, "    pass\n", "image_downloaded made no call: r"),
    row(DOWNLOAD, RAISE, "", "image_downloaded must raise if its call fails: cal"),
    row(DOWNLOAD, "image.ref,", "image.id,", "image_downloaded raised NotFound("),
]  # fmt: skip

WORDS, FILTERS, CALLS = "test_words_arrive_as_they_are", "test_native_filters_are_sent", "test_calls_no_other_host"
WAITS, BAD = "test_nothing_else_waits_for_it", "test_a_bad_record_is_left_out_alone"
FAILS, KEYS = "test_every_failure_has_its_name", "test_keys_and_refs_are_not_shown"
GET = 'await http.get("find", params=params, headers={"X-Key": settings.api_key})'
BLOCKING = 'httpx.get(f"{http.base_url}find", params=params, headers={"X-Key": settings.api_key})'
EACH = "    photos = decode_each(listing.photos, _Photo)\n"
CONDUCT = [
    row(WORDS, GET, GET.replace('"find", params=params', 'f"find?q={query.text}"'), "the word a&b did not arrive unc"),
    row(WORDS, "query.text", 'query.text.encode("ascii", "ignore").decode()', "the word 日本 did not arrive unc"),
    row(WORDS, GET, GET.replace("http.get(", "keep('page', lambda: http.get(").replace("})", "}), 60)"),
        "the word 日本 did not arrive unc", ("images(query, http, settings", "images(query, http, settings, keep")),
    row(FILTERS, ", **query.native}", "}", "color: 'rot' of query.native was not sent: add it to the parameters"),
    row(CALLS, '"find"', '"https://other.example/find"', "other.example'): call paths relative to base_url"),
    row(CALLS, GET, BLOCKING, "the provider calls its API with a client of its own, or not at all: make"),
    row(WAITS, GET, BLOCKING, "search_images blocks the server for 0."),
    row(WAITS, LAST, LAST + " or time.sleep(0.12)", "search_images blocks the server for 0."),
    row(BAD, EACH, "    photos = [msgspec.json.decode(each, type=_Photo) for each in listing.photos]\n",
        "one bad record loses the whole page: declare the list as list[msgspec.Raw] and use decode_each (Tiny sent"),
    row(BAD, EACH, EACH + "    photos = photos[len(photos) < len(listing.photos) :]\n", "one bad record loses 2 rec"),
    row(BAD, EACH, "    photos = []\n    for each in listing.photos:\n"
        "        known = msgspec.json.decode(each)\n        known.setdefault('id', 'cat0')\n"
        "        photos.append(msgspec.convert({'title': '', 'by': '', 'width': 9, 'height': 9, 'rights': '', **known},"
        " _Photo))\n", "a record without any of its fields is still on the page: give the fields"),
    row(KEYS, '/s"', '/s?key=test-key"', "the record cat0 holds the secret 'test-key'"),
    row(KEYS, '"photos/{photo.id}/taken"', '"https://tiny.example/photos/{photo.id}"', "holds its ref https://tiny.ex"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [*DECLARED, *RECORDS, *ANSWERS, *CONDUCT],
    ids=[f"{name.removeprefix('test_')}-{told[:40]}" for name, _, told in [*DECLARED, *RECORDS, *ANSWERS, *CONDUCT]],
)
def test_a_fault_is_found_and_told(name: str, changes: tuple[Change, ...], told: str, given: Given) -> None:
    assert told in complaint(given, contract(tiny(*changes)), name)


def test_no_check_is_without_a_fault_that_it_finds() -> None:
    tried = {name for name, *_ in [*DECLARED, *RECORDS, *ANSWERS, *CONDUCT]} | {FAILS}
    assert tried == CHECKS.keys() - {"test_its_files_can_be_opened"}  # this one is below


SEARCHED = f"    response = {GET}\n    listing = decode(response, _Listing)\n"


def guarded(hook: str, answer: str) -> Any:
    """The provider whose hook does this whenever anything goes wrong."""
    piece = SEARCHED if hook == "search_images" else FETCH + FETCHED
    indented = piece.replace("    ", "        ")
    return tiny((piece, f"    try:\n{indented}    except Exception as error:\n        {answer}\n"))


class TestFailures:
    @pytest.mark.parametrize("kind", KINDS)
    def test_an_error_may_not_become_an_empty_page(self, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded("search_images", "return Page([], last=True)")), FAILS, kind=kind)
        assert re.fullmatch(f"{kind}: search_images must raise .*, but it returned a page of 0 images: .*", told)

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "404"])
    def test_an_error_may_not_become_an_unknown_image(self, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded("fetch_image", "return None")), FAILS, kind=kind)
        assert re.fullmatch(f"{kind}: fetch_image must raise .*, but it returned None: do not hide the failure", told)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("hook", ["search_images", "fetch_image"])
    def test_an_error_may_not_become_another(self, hook: str, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded(hook, "raise ValueError('no') from None")), FAILS, kind=kind)
        assert re.fullmatch(rf"{kind}: {hook} must raise \w+( or \w+)*, not ProviderError\(.*ValueError.*", told)

    @pytest.mark.parametrize("answer", ["return None", "raise NotFound('no')"])
    def test_an_unknown_image_is_none_or_not_found(self, answer: str, given: Given) -> None:
        contract(guarded("fetch_image", answer)).test_every_failure_has_its_name(kind="404", **given(FAILS))

    def test_the_time_to_wait_is_passed_on(self, given: Given) -> None:
        plugin = guarded("search_images", "raise RateLimited('slow down')")
        told = complaint(given, contract(plugin), FAILS, kind="429 for a while")
        assert told == (
            "429 for a while: search_images raised an error with retry_after=None: "
            "set it to 37, the value of Retry-After"
        )

    def test_a_failed_call_is_not_repeated(self, given: Given) -> None:
        """The gateway does so, and counts the second call."""
        plugin = tiny((f"    response = {GET}\n", f"    for _ in range(2):\n        response = {GET}\n"))
        told = complaint(given, contract(plugin), FAILS, kind="500")
        assert (
            told == "500: search_images called /v1/find twice: call once, because the gateway retries and counts calls"
        )

    def test_no_log_tells_a_key(self, given: Given) -> None:
        plugin = guarded("fetch_image", "log.debug('with %s', settings.api_key); raise")
        assert (
            complaint(given, contract(plugin), FAILS, kind="500") == "a log line holds the secret 'test-key': remove it"
        )


@pytest.mark.parametrize(
    ("word", "told"),
    [("portrait", r"\d+ x \d+: correct the word for landscape"), ("wide", "nothing: correct the word for landscape")],
)
def test_a_shape_in_the_wrong_word_is_found(given: Given, word: str, told: str) -> None:
    """The upstream gives what that word means to it, or nothing."""
    source = inspect.getsource(imagevault_pexels)
    right = '"landscape": "landscape"'
    assert source.count(right) == 1
    plugin = types.ModuleType("imagevault_pexels")
    exec(source.replace(right, f'"landscape": "{word}"'), plugin.__dict__)  # noqa: S102  our own provider

    found = complaint(given, contract(plugin, SimulatedPexels, settings={"api_key": "test-key"}), FILTERS)

    assert re.search(f"orientation=landscape, sent as '{word}', finds {told}", found)


class TestWhatTheAuthorSets:
    def test_an_upstream(self) -> None:
        class Contract(ProviderContract):
            plugin = tiny()

        with pytest.raises(AssertionError, match=r"the test class has no upstream: add def upstream"):
            Contract().test_every_record_is_whole()

    @pytest.mark.parametrize(
        ("name", "changes", "told"),
        [
            (RECORD, {"query": "nothing"}, "'nothing' found nothing: set `query` of the test class to words that"),
            (LOOKUP, {"query": "nothing"}, "'nothing' found nothing: set `query` of the test class to words that"),
            (PAGES, {"query": "few"}, "'few' found only one page: set `query` of the test class to words that"),
            (NOTHING, {"nothing": "cat"}, "'cat' found something: set `nothing` of the test class to wo"),
            (LOADS, {"settings": {}}, "with the `settings` of this test: TINY_API_KEY is not set (or api_key in"),
            (LOOKUP, {"settings": {"api_key": "other"}}, "search_images raised Unauthorized('Tiny does not accept th"),
        ],
    )
    def test_words_and_settings(self, name: str, changes: dict[str, Any], told: str, given: Given) -> None:
        assert told in complaint(given, contract(tiny(), **changes), name)

    def test_hosts_of_strangers(self, given: Given) -> None:
        """One rendition on a declared host is enough then, but all must be https."""
        file = "https://files.tiny.example/{photo.id}.jpg"
        plugin = tiny((file, "https://elsewhere.example/1.jpg"))
        assert "elsewhere.example, which is not declared: add it to file_hosts" in complaint(
            given, contract(plugin), RECORD
        )
        contract(plugin, hosts_of_strangers=True).test_every_record_is_whole()
        plugin = tiny((file, "http://elsewhere.example/1.jpg"))
        told = complaint(given, contract(plugin, hosts_of_strangers=True), RECORD)
        assert "rendition original of cat0 is not https: http://elsewhere.example/1.jpg" in told

    def test_the_name_of_the_key(self, given: Given) -> None:
        """So that the variable of every provider is NAME_API_KEY."""
        plugin = tiny((KEY, "    access_key: str\n"), (SEARCHED, SEARCHED.replace("api_key", "access_key")))
        told = complaint(given, contract(plugin, settings={"access_key": "test-key"}), INFO)
        assert told == "settings: the only key is named access_key: name it api_key, as every provider does"

    def test_a_key_that_configure_misses(self, given: Given) -> None:
        hook = "@hookimpl\ndef configure(info, settings):\n    if settings.api_key:\n        return info\n"
        optional, place = (KEY, '    api_key: str = ""\n'), "\ndef _image(photo):\n"
        named, unnamed = (
            tiny(optional, (place, f"{hook}    raise ValueError('{reason}')\n\n{place}"))
            for reason in ("set TINY_API_KEY", "no key")
        )
        contract(named).test_names_a_setting_that_is_missing()
        told = complaint(given, contract(unnamed), SETTING)
        assert told == (
            "configure: the error for a missing api_key does not name its variable: "
            "add TINY_API_KEY to the message 'no key'"
        )

    def test_a_window(self) -> None:
        """Behind it the upstream may give what it likes."""
        with pytest.raises(AssertionError, match="page 3 has images"):
            contract(tiny((LAST, "last=query.page == 2"))).test_pages_follow_without_repeat()
        contract(tiny((LAST, "last=query.page == 2"), ("=None,\n", "=20,\n"))).test_pages_follow_without_repeat()


class IdsOnly(Tiny):
    """A search tells the ids of its photos and nothing else of them."""

    def _find(self, call: Call) -> Answer:
        answer = super()._find(call)
        assert isinstance(answer.content, dict)
        ids = [photo["id"] for photo in answer.content["photos"]]
        return Answer({**answer.content, "photos": ids}, headers=answer.headers)


LOOK_UP = "await fetch_image(msgspec.json.decode(each), http, settings)"
CARELESS = f"    images = [{LOOK_UP} for each in listing.photos]\n"
CAREFUL = f"""\
    images = []
    for each in listing.photos:
        try:
            images.append({LOOK_UP})
        except msgspec.MsgspecError:
            pass
"""


class TestOneCallForEachImage:
    """Where a search tells ids only, the record that is spoiled is the answer to one look-up."""

    def test_passes(self) -> None:
        contract(tiny((EACH + IMAGES, CAREFUL)), IdsOnly).test_a_bad_record_is_left_out_alone()

    def test_is_told_what_to_change(self, given: Given) -> None:
        told = complaint(given, contract(tiny((EACH + IMAGES, CARELESS)), IdsOnly), BAD)
        assert told.startswith("one bad record loses the whole page")

    def test_no_record_at_all_is_no_fault(self) -> None:
        plugin = tiny((EACH + IMAGES, f"    images = [{ANY}]\n"))
        with pytest.raises(pytest.skip.Exception, match="no list of records"):
            contract(plugin, IdsOnly).test_a_bad_record_is_left_out_alone()


class TestRecordedAnswers:
    @pytest.fixture
    def recorded(self, cli: Callable[..., Any], tmp_path: Path) -> Path:
        """What the command records of a plugin in a folder."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "tiny.py").write_text(PLUGIN)
        with Tiny() as upstream:
            environ = {"TINY_API_KEY": "test-key", "TINY_BASE_URL": upstream.url, "IMAGEVAULT_PLUGINS_DIR": "plugins"}
            done = cli("providers", "check", "tiny", "-q", "red fox", "--record", "answers.json", environ=environ)
        assert done.returncode == 0, done.stderr
        assert "recorded in answers.json, without your keys: page 1, page 2, image cat0; calls: 3" in done.stderr
        return tmp_path / "answers.json"

    def keep(self, path: Path, wanted: Callable[[Recording], bool]) -> None:
        """Leaves only these answers in the file."""
        answers = msgspec.json.decode(path.read_bytes(), type=list[Recording])
        path.write_bytes(msgspec.json.encode([answer for answer in answers if wanted(answer)]))

    def test_pass(self, recorded: Path, given: Given) -> None:
        """All but the checks for which a recording of two pages and an image cannot do."""
        reasons = {}
        for name in CHECKS:
            for arguments in runs(name):
                try:
                    getattr(contract(tiny(), lambda: Recorded(recorded)), name)(**arguments, **given(name))
                except pytest.skip.Exception as skip:
                    reasons[name] = str(skip)
        assert reasons == {
            NOTHING: "recorded answers know no other words",
            SIZES: "recorded answers have only one page size",
        }

    def test_faults_are_found_with_them_too(self, recorded: Path, given: Given) -> None:
        for name, changes, told in [*RECORDS, *CONDUCT]:
            assert told in complaint(given, contract(tiny(*changes), lambda: Recorded(recorded)), name)

    def test_a_page_that_is_not_sent_on_is_found_too(self, recorded: Path, given: Given) -> None:
        told = complaint(given, contract(tiny((OFFSET, '"offset": 0')), lambda: Recorded(recorded)), PAGES)
        assert told == "page 2 makes the same call as page 1: send query.page"

    def test_one_page_will_do(self, recorded: Path) -> None:
        self.keep(recorded, lambda answer: "offset=10" not in answer.url)
        contract(tiny(), lambda: Recorded(recorded)).test_pages_follow_without_repeat()

    def test_a_look_up_is_missed(self, recorded: Path, given: Given) -> None:
        self.keep(recorded, lambda answer: "photos/" not in answer.url)
        told = complaint(given, contract(tiny(), lambda: Recorded(recorded)), LOOKUP)
        assert told == "no lookup of an image of the search is recorded: run imagevault providers check NAME --record"


HOLDER = """
from pathlib import Path, PosixPath, WindowsPath

from imagevault import Author, Image, License, Page, ProviderInfo, Rendition, hookimpl

FOLDER = Path("FOLDER")
FREE = License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/")


@hookimpl
def provider_info():
    return ProviderInfo(title="Holder", page_size=50, license=FREE)


@hookimpl
async def search_images(query):
    ids = sorted(path.stem for path in FOLDER.glob("*.jpg")) if query.text == "cat" else []
    end = query.page * query.per_page
    return Page([_image(id) for id in ids[end - query.per_page : end]], total=len(ids), last=end >= len(ids))


@hookimpl
async def fetch_image(image_id):
    return _image(image_id) if image_id in {path.stem for path in FOLDER.glob("*.jpg")} else None


@hookimpl
def open_file(image_id, rendition):
    path = FOLDER / f"{image_id}.jpg"
    return path if rendition == "original" and image_id in {path.stem for path in FOLDER.glob("*.jpg")} else None


def _image(id):
    original = Rendition(name="original", width=4, height=3)
    return Image(id=id, title=id, width=4, height=3, author=Author("Ada"), renditions=[original])
"""


NEED_UPSTREAM = {WORDS, FILTERS, CALLS, BAD, FAILS}


class TestAProviderOfFiles:
    """It has no upstream: the tests that need one are left out, and all others run."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for number in range(5):
            (tmp_path / f"{number}cat.jpg").touch()
        return tmp_path

    def holder(self, folder: Path, old: str = "FOLDER", new: str = "FOLDER") -> ProviderContract:
        assert old in HOLDER
        module = types.ModuleType("imagevault_holder")
        exec(HOLDER.replace('Path("FOLDER")', repr(folder)).replace(old, new), module.__dict__)  # noqa: S102
        attributes = {"plugin": module, "has_upstream": False}
        made: ProviderContract = type("Contract", (ProviderContract,), attributes)()
        return made

    @pytest.mark.parametrize("name", [name for name in CHECKS if name not in NEED_UPSTREAM])
    def test_passes(self, name: str, folder: Path, given: Given) -> None:
        for arguments in runs(name):
            getattr(self.holder(folder), name)(**arguments, **given(name))

    def test_only_what_needs_an_upstream_is_left_out(self, folder: Path) -> None:
        """Pytest collects what is callable only."""
        holder = self.holder(folder)
        assert {name for name in CHECKS if not callable(getattr(holder, name))} == NEED_UPSTREAM

    @pytest.mark.parametrize("name", [WORDS, FILTERS, CALLS, BAD, FAILS])
    def test_a_class_that_does_not_say_so_is_told_how(self, name: str, folder: Path, given: Given) -> None:
        plugin = self.holder(folder).plugin
        with pytest.raises(pytest.skip.Exception, match="set has_upstream = False in the test class"):
            getattr(contract(plugin, lambda: None, settings={}), name)(**next(runs(name)), **given(name))

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("= FOLDER / f", "= FOLDER / 'x' / f", "open_file('0cat', 'original') must return the path of a file, "),
            ("    return path if rendition", "    return None and path if rendition", "the path of a file, not None"),
            (" and image_id in {path.stem for path in FOLDER.glob(\"*.jpg\")} else None\n\n\ndef _image",
                " else None\n\n\ndef _image", "open_file must return None for the unknown id 'no such id', not "),
        ],
    )  # fmt: skip
    def test_is_told_what_is_wrong_with_its_files(
        self, old: str, new: str, told: str, folder: Path, given: Given
    ) -> None:
        assert told in complaint(given, self.holder(folder, old, new), "test_its_files_can_be_opened")

    def test_its_pages_are_walked_though_there_are_few(self, folder: Path, given: Given) -> None:
        told = complaint(given, self.holder(folder, "last=end >= len(ids)", "last=True"), PAGES)
        assert told.startswith("'cat' found only one page: set `query` of the test class to words that find more")
