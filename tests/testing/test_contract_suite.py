"""The contract suite itself: a correct provider passes all of it, and each fault is found and told in helpful words.

The provider is a small one of an invented API. A variant of it is its source with one piece replaced.
"""

import contextlib
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
        return {each: request.getfixturevalue(each) for each in wanted}

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
    row(SETTING, KEY, '    api_key: str = ""\n', "it does nothing without api_key, so give that no default"),
    row(INFO, QUOTA, "", "quotas: say how many calls it allows"),
    row(INFO, '"X-Left"', '"X-Lft"', "quotas: no answer had the header X-Lft, which that per hour names"),
    row(INFO, '"X-Reset"', '"X-Rest"', "quotas: no answer had the header X-Rest, which that per hour names"),
    row(INFO, QUOTA, QUOTA + ', Quota(9, "hour")', "quotas: there are two per hour; give the smaller one only"),
    row(INFO, '{"files.tiny.example"}', "frozenset()", "file_hosts: say on which hosts its files are"),
    row(INFO, '{"files.tiny', '{"https://files.tiny', "file_hosts: give the host name alone, in small letters, such"),
    row(INFO, 'page="https', 'page="http', "homepage: must begin with https://, not http://tiny.example"),
    row(INFO, '"https://api.tiny', '"http://api.tiny', "base_url: must begin with https://, not http://api.tiny"),
    row(INFO, "max_results=None", "max_results=5", "max_results: is 5, less than one page of 10"),
    row(INFO, "{title} by {author}", "{name}", "credit: there is no {name}; use {title}, {author} and {license}"),
    row(INFO, "{title} by {author}", "{}", "credit: there is no {}; use {title}, {author} and {license}"),
    row(INFO, "{title} by {author}, ", "{title", "credit: unexpected '{' in field name in '{title{license}'"),
    row(INFO, '{"landscape"', '{"wide"', "filters: orientation has no value wide; there are landscape, portrait, squ"),
    row(INFO, '"orientation": {', '"shape": {', "filters: there is no filter shape; there are orientation, size, lic"),
    row(INFO, '{"red"', '{"crimson"', "filters: color has no value crimson; there are black, white, gray, red"),
    row(INFO, '{"de-DE"', '{"german"', "filters: locale german must be a language tag such as de or de-DE"),
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
    row(RECORD, IMAGES, IMAGES + "    images[0] = {}\n", "a page holds a dict, not an Image"),
    row(RECORD, ID, "id='cat',", "two images of a page have the id cat"),
    row(RECORD, "width=photo.width", "width='wide'", "'cat0' was dropped: Expected int | null, got str - at width"),
    row(RECORD, "width=photo.width", "width=-1", "width -1 of cat0 was dropped: it has not the form it must have"),
    row(RECORD, ID, "id=' ' + photo.id,", "' cat0' was dropped: its id must be text of 1 to 200 characters"),
    row(RECORD, SMALL + ORIGINAL, "", "'cat0' was dropped: it has no renditions"),
    row(RECORD, SMALL, "", "no rendition has a link that is http(s): '1.jpg'", (ORIGINAL, ORIGINAL.replace(
        'f"https://files.tiny.example/{photo.id}.jpg"', '"1.jpg"'))),
    row(RECORD, '"https://files.tiny.example/{photo.id}.jpg"', '"1.jpg"', "dropped: the link of original is not http"),
    row(RECORD, '"#102030"', '"red"', "color 'red' of cat0 was dropped: it has not the form it must have"),
    row(RECORD, PAGE, '"/photos/1"', "source_url '/photos/1' of cat0 was dropped: it has not the form"),
    row(RECORD, PAGE, "None", "cat0 has no source_url: link to its page"),
    row(RECORD, PAGE, '"http://tiny.example/1"', "source_url of cat0 is not https: http://tiny.example/1"),
    row(RECORD, 'f"https://tiny.example/people', 'f"http://tiny.example/people', "author.url of cat0 is not https"),
    row(RECORD, TITLE, 'title="&lt;b&gt;Cat&lt;/b&gt;",', "title of cat0 holds markup: '<b>Cat</b>'; it was escaped"),
    row(RECORD, TITLE, "title='Cat', alt='&amp;amp;',", "alt of cat0 holds markup: '&amp;'; it was escaped twice"),
    row(RECORD, TITLE, "title=photo.title, alt=str(None),", "alt of cat0 is 'None': where there is none, give None"),
    row(RECORD, "Author(photo.by", 'Author("Ada &amp;amp; Bo"', "author of cat0 holds markup: 'Ada &amp; Bo'"),
    row(RECORD, "width=photo.width", "width=None", "cat0 has one side only: give width and height, or neither"),
    row(RECORD, '"small"', '"original"', "two renditions of cat0 have one name: original, original"),
    row(RECORD, ORIGINAL, "", "cat0 has no rendition `original`, nor `large`: give the largest there is"),
    row(RECORD, SMALL, FILE + "width=320),\n", "rendition small of cat0 has one side only: give width and height"),
    row(RECORD, SMALL, FILE + "width=320, height=4000),\n", "small of cat0 is larger than the image: 320 x 4000; see"),
    row(RECORD, SMALL, FILE + "width=4001, height=3),\n", "small of cat0 is larger than the image: 4001 x 3; see Rend"),
    row(RECORD, "size, size)", "size, (800, 800))", "original of cat0 is 800 x 600, the image 4000 x 3000: they are"),
    row(RECORD, "        height=photo.height,", "", "cat0 does not say its size, but its original does: give it width=",
        ("        width=photo.width,\n", "")),
    row(RECORD, '"https://files.tiny.example/{photo.id}.jpg"', '"https://a.example/1"', "lead to a.example: add it to"),
    row(RECORD, LICENSE, "", "cat0 has no licence: give License(...), or one for all as ProviderInfo.license"),
    row(RECORD, LICENSE, f"license={OTHER.replace('tiny', 'Ours', 1)},", "needs a stable id such as cc-by-4.0, not '"),
    row(RECORD, LICENSE, "license=License('tiny', 'Tiny'),", "the licence tiny of cat0 has no link"),
    row(RECORD, LICENSE, "license=License('cc-by-4.0', 'CC', photo.rights, True),", "cc-by-4.0 of cat0 links to cc0-"),
    row(RECORD, LICENSE, "license=License('cc0-1.0', 'CC0', photo.rights, commercial=False),", "says commercial=False"),
    row(RECORD, LICENSE, "license=License('cc-by-nc', 'CC BY-NC', 'https://a.example', True),", "says commercial=True"),
    row(RECORD, LICENSE, "license=License('cc-by-nd', 'CC BY-ND', 'https://a.example', True),", "says modification=T"),
    row(RECORD, LICENSE, "license=License('cc-by', 'CC BY', 'https://a.example'),", "cc-by of cat0 says attribution_"),
    row(RECORD, "by {author}", "of Tiny", "the credit of cat0 does not name its author: '"),
    row(RECORD, ", {license}", "", "the credit of cat1 does not name its licence, CC BY-NC 4.0: "),
    row(RECORD, LICENSE, "credit=f'{None} by {photo.by}',\n" + LICENSE, "the credit of cat0 holds None: 'None by Ada"),
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
    row(PAGES, OFFSET, '"offset": 0', "page 2 is asked for as page 1 was: send query.page on"),
    row(PAGES, OFFSET, '"offset": 0, "page": query.page', "page 2 repeats cat0, cat1, cat2: send query.page on"),
    row(PAGES, SIZE, '"size": 20', "page 1 has 19 images, and 10 were asked for: send query.per_page on"),
    row(PAGES, LAST, "last=len(photos) < query.per_page", "page 2 said last=True, but page 3 has images; a short page"),
    row(PAGES, LAST, "last=False", "no page of 'cat' said last=True; where does the upstream tell its end?"),
    row(PAGES, LAST, "last=None", "last of page 1 must be True or False, not None"),
    row(PAGES, TOTAL, "total=len(photos)", "total of page 2 is 9, but 19 images came: it is that of all pages, else"),
    row(PAGES, TOTAL, "total='25'", "total of page 1 must be a number or None, not '25'"),
    row(PAGES, TOTAL, "total=-1", "total of page 1 must be a number or None, not -1"),
    row(SIZES, SIZE, '"size": 10', "page 1 has 10 images, and 5 were asked for: send query.per_page on"),
    row(SIZES, "* query.per_page", "* 10", "has cat10, the first of twice the size has not: reckon offsets with query"),
    row(SIZES, "page_size=10", "page_size=30", "has cat20, the first of twice the size has not: reckon offsets with "),
    row(SIZES, OFFSET, '"offset": 0', "page 2 repeats cat0, cat1, cat2"),
    row(NOTHING, IMAGES, IMAGES + "    images[0]\n", "must give Page([], last=True), not raise ProviderError('the pl"),
    row(NOTHING, LAST, "last=bool(photos) and not listing.more", "a search that finds nothing must say last=True"),
    row(LOOKUP, "@hookimpl\nasync def fetch_image", "async def _fetch_image", "add the hook fetch_image: without it"),
    row(LOOKUP, FETCH, "    return None\n", "fetch_image('cat0') of an image of the search: None"),
    row(LOOKUP, FETCH, "    raise NotFound('no')\n", "fetch_image('cat0') of an image of the search: NotFound('no')"),
    row(LOOKUP, FETCHED, f"    return {ANY}\n", "id of cat0 is cat0 in the search and x in fetch_image"),
    row(LOOKUP, FETCHED, "    return msgspec.structs.replace(_image(decode(response, _Photo)), author=None)\n",
        "author of cat0 is Author(name='Ada & Bo', url='https://tiny.example/people/Ada%20%26%20Bo') in the search a"),
    row(UNKNOWN, "quote(image_id, safe='')", "image_id", "fetch_image('../search') called /v1/search: in a path it m"),
    row(UNKNOWN, FETCH, FETCH + "    response.json()['id']\n", "must answer None for 'no such id', not ProviderError"),
    row(UNKNOWN, FETCHED, f"    if response.status_code == 404:\n        return {ANY}\n{FETCHED}",
        "fetch_image must answer None for 'no such id', not Image(id='x'"),
    row(DOWNLOAD, TAKEN, "    pass\n", "image_downloaded made no call"),
    row(DOWNLOAD, RAISE, "", "image_downloaded must raise where the call fails"),
    row(DOWNLOAD, "image.ref,", "image.id,", "image_downloaded with an image of the search raised NotFound("),
]  # fmt: skip

WORDS, FILTERS, CALLS = "test_words_arrive_as_they_are", "test_native_filters_are_sent", "test_calls_no_other_host"
WAITS, BAD = "test_nothing_else_waits_for_it", "test_a_bad_record_is_left_out_alone"
FAILS, KEYS = "test_every_failure_has_its_name", "test_keys_and_refs_are_not_shown"
GET = 'await http.get("find", params=params, headers={"X-Key": settings.api_key})'
BLOCKING = 'httpx.get(f"{http.base_url}find", params=params, headers={"X-Key": settings.api_key})'
EACH = "    photos = decode_each(listing.photos, _Photo)\n"
CONDUCT = [
    row(WORDS, GET, GET.replace('"find", params=params', 'f"find?q={query.text}"'), "a&b of the words did not arrive"),
    row(WORDS, "query.text", 'query.text.encode("ascii", "ignore").decode()', "日本 of the words did not arrive"),
    row(WORDS, GET, GET.replace("http.get(", "keep('page', lambda: http.get(").replace("})", "}), 60)"),
        "日本 of the words did not arrive", ("images(query, http, settings", "images(query, http, settings, keep")),
    row(FILTERS, ", **query.native}", "}", "orientation: 'wide' of query.native was not sent\ncolor: 'rot' of query."),
    row(CALLS, '"find"', '"https://other.example/find"', "other.example'): call paths relative to base_url"),
    row(CALLS, GET, BLOCKING, "it calls its API past the `http` that its hooks are given, or not at all"),
    row(WAITS, GET, BLOCKING, "search_images blocks the server for 0."),
    row(WAITS, LAST, LAST + " or time.sleep(0.12)", "search_images blocks the server for 0."),
    row(BAD, EACH, "    photos = [msgspec.json.decode(each, type=_Photo) for each in listing.photos]\n",
        "one bad record cost the page: decode a list[msgspec.Raw] by decode_each (Tiny sent an answer of another form"),
    row(BAD, EACH, EACH + "    photos = photos[len(photos) < len(listing.photos) :]\n", "one bad record cost 2"),
    row(BAD, EACH, "    photos = []\n    for each in listing.photos:\n"
        "        known = msgspec.json.decode(each)\n        known.setdefault('id', 'cat0')\n"
        "        photos.append(msgspec.convert({'title': '', 'by': '', 'width': 9, 'height': 9, 'rights': '', **known},"
        " _Photo))\n", "a record without any of its fields is still there: type what you read of it"),
    row(KEYS, '/s"', '/s?key=test-key"', "'test-key' is in the record cat0"),
    row(KEYS, '"photos/{photo.id}/taken"', '"https://tiny.example/photos/{photo.id}"', "the ref https://tiny.example"),
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
        assert re.fullmatch(f"{kind}: search_images must raise .*, not hide it: it answered a page of 0 images", told)

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "404"])
    def test_an_error_may_not_become_an_unknown_image(self, kind: str, given: Given) -> None:
        told = complaint(given, contract(guarded("fetch_image", "return None")), FAILS, kind=kind)
        assert re.fullmatch(f"{kind}: fetch_image must raise .*, not hide it: it answered None", told)

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
            "429 for a while: search_images must raise it with retry_after=37, as Retry-After says, not None"
        )

    def test_a_failed_call_is_not_repeated(self, given: Given) -> None:
        """The gateway does so, and counts the second call."""
        plugin = tiny((f"    response = {GET}\n", f"    for _ in range(2):\n        response = {GET}\n"))
        told = complaint(given, contract(plugin), FAILS, kind="500")
        assert told == "500: search_images called /v1/find again: leave that to the gateway, which counts"

    def test_no_log_tells_a_key(self, given: Given) -> None:
        plugin = guarded("fetch_image", "log.debug('with %s', settings.api_key); raise")
        assert complaint(given, contract(plugin), FAILS, kind="500") == "'test-key' is in the log"


@pytest.mark.parametrize(
    ("word", "told"),
    [("portrait", r"\d+ x \d+: is that the right word\?"), ("wide", "nothing: is that the right word, and does the")],
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

        with pytest.raises(AssertionError, match=r"say where the answers come from: def upstream"):
            Contract().test_every_record_is_whole()

    @pytest.mark.parametrize(
        ("name", "changes", "told"),
        [
            (RECORD, {"query": "nothing"}, "'nothing' found nothing; set `query` to words that find something"),
            (LOOKUP, {"query": "nothing"}, "'nothing' found nothing; set `query` to words that find something"),
            (PAGES, {"query": "few"}, "'few' found one page only; set query to words of more, or last is said"),
            (NOTHING, {"nothing": "cat"}, "'cat' found something; set `nothing` to words that do not"),
            (LOADS, {"settings": {}}, "with the `settings` of this test: TINY_API_KEY is not set (or api_key in"),
            (LOOKUP, {"settings": {"api_key": "other"}}, "search_images raised Unauthorized('Tiny does not accept the"),
        ],
    )
    def test_words_and_settings(self, name: str, changes: dict[str, Any], told: str, given: Given) -> None:
        assert told in complaint(given, contract(tiny(), **changes), name)

    def test_hosts_of_strangers(self, given: Given) -> None:
        """One rendition on a declared host is enough then, but all must be https."""
        file = "https://files.tiny.example/{photo.id}.jpg"
        plugin = tiny((file, "https://elsewhere.example/1.jpg"))
        assert "elsewhere.example: add it to file_hosts" in complaint(given, contract(plugin), RECORD)
        contract(plugin, hosts_of_strangers=True).test_every_record_is_whole()
        plugin = tiny((file, "http://elsewhere.example/1.jpg"))
        told = complaint(given, contract(plugin, hosts_of_strangers=True), RECORD)
        assert "rendition original of cat0 is not https: http://elsewhere.example/1.jpg" in told

    def test_the_name_of_the_key(self, given: Given) -> None:
        """So that the variable of every provider is NAME_API_KEY."""
        plugin = tiny((KEY, "    access_key: str\n"), (SEARCHED, SEARCHED.replace("api_key", "access_key")))
        told = complaint(given, contract(plugin, settings={"access_key": "test-key"}), INFO)
        assert told == "settings: call the key api_key, not access_key, as with every provider"

    def test_a_key_that_configure_misses(self, given: Given) -> None:
        hook = "@hookimpl\ndef configure(info, settings):\n    if settings.api_key:\n        return info\n"
        optional, place = (KEY, '    api_key: str = ""\n'), "\ndef _image(photo):\n"
        named, unnamed = (
            tiny(optional, (place, f"{hook}    raise ValueError('{reason}')\n\n{place}"))
            for reason in ("set TINY_API_KEY", "no key")
        )
        contract(named).test_names_a_setting_that_is_missing()
        told = complaint(given, contract(unnamed), SETTING)
        assert told == "configure: without api_key name TINY_API_KEY, not: no key"

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
        ids = [each["id"] for each in answer.content["photos"]]
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
        assert told.startswith("one bad record cost the page")

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
        path.write_bytes(msgspec.json.encode([each for each in answers if wanted(each)]))

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
            SIZES: "recorded answers have one size",
        }

    def test_faults_are_found_with_them_too(self, recorded: Path, given: Given) -> None:
        for name, changes, told in [*RECORDS, *CONDUCT]:
            assert told in complaint(given, contract(tiny(*changes), lambda: Recorded(recorded)), name)

    def test_a_page_that_is_not_sent_on_is_found_too(self, recorded: Path, given: Given) -> None:
        told = complaint(given, contract(tiny((OFFSET, '"offset": 0')), lambda: Recorded(recorded)), PAGES)
        assert told == "page 2 is asked for as page 1 was: send query.page on"

    def test_one_page_will_do(self, recorded: Path) -> None:
        self.keep(recorded, lambda each: "offset=10" not in each.url)
        contract(tiny(), lambda: Recorded(recorded)).test_pages_follow_without_repeat()

    def test_a_look_up_is_missed(self, recorded: Path, given: Given) -> None:
        self.keep(recorded, lambda each: "photos/" not in each.url)
        told = complaint(given, contract(tiny(), lambda: Recorded(recorded)), LOOKUP)
        assert told == "record the lookup of one of these images too: imagevault providers check NAME --record"


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


class TestAProviderOfFiles:
    """It has no upstream: what there is to check of it is checked, the rest is skipped."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for number in range(5):
            (tmp_path / f"{number}cat.jpg").touch()
        return tmp_path

    def holder(self, folder: Path, old: str = "FOLDER", new: str = "FOLDER") -> ProviderContract:
        assert old in HOLDER
        module = types.ModuleType("imagevault_holder")
        exec(HOLDER.replace('Path("FOLDER")', repr(folder)).replace(old, new), module.__dict__)  # noqa: S102
        return contract(module, lambda: None, settings={})

    @pytest.mark.parametrize("name", CHECKS)
    def test_passes(self, name: str, folder: Path, given: Given) -> None:
        for arguments in runs(name):
            with contextlib.suppress(pytest.skip.Exception):
                getattr(self.holder(folder), name)(**arguments, **given(name))

    def test_only_what_needs_an_upstream_is_skipped(self, folder: Path, given: Given) -> None:
        reasons = {}
        for name in CHECKS:
            try:
                getattr(self.holder(folder), name)(**next(runs(name)), **given(name))
            except pytest.skip.Exception as skip:
                reasons[name] = str(skip)
        assert reasons == dict.fromkeys({WORDS, FILTERS, CALLS, BAD, FAILS}, "it has no upstream")

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("= FOLDER / f", "= FOLDER / 'x' / f", "open_file('0cat', 'original') must answer a file, not "),
            ("    return path if rendition", "    return None and path if rendition", "must answer a file, not None"),
            (" and image_id in {path.stem for path in FOLDER.glob(\"*.jpg\")} else None\n\n\ndef _image",
                " else None\n\n\ndef _image", "open_file must answer None for 'no such id', not "),
        ],
    )  # fmt: skip
    def test_is_told_what_is_wrong_with_its_files(
        self, old: str, new: str, told: str, folder: Path, given: Given
    ) -> None:
        assert told in complaint(given, self.holder(folder, old, new), "test_its_files_can_be_opened")

    def test_its_pages_are_walked_though_there_are_few(self, folder: Path, given: Given) -> None:
        told = complaint(given, self.holder(folder, "last=end >= len(ids)", "last=True"), PAGES)
        assert told.startswith("'cat' found one page only; set query to words of more, or last is said too early")
