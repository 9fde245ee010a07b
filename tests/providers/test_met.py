"""Tests of The Met: its functions one by one, then its hooks against a simulated one over real HTTP."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagevault_met as plugin
import msgspec
import pytest
from piccolo.querystring import QueryString

from imagevault import Author, Declared, InvalidResponse, RateLimited, Rendition, Unauthorized, Unavailable
from imagevault.cache.keys import PageKey
from imagevault.cache.page_cache import make_page_cache
from imagevault.cache.page_digests import PageDigests
from imagevault.cache.result import CacheResult
from imagevault.cache.statistics import CacheStatistics
from imagevault.cache.store import CacheEntry
from imagevault.errors import ProviderError
from imagevault.images.attribution import attribution
from imagevault.plugins.decoding import count_records
from imagevault.testing import Answer, Call, Fault, Upstream, faults
from imagevault.testing.bench import Bench
from imagevault.testing.contract import ProviderContract
from imagevault.testing.upstreams.met import FIREWALL, SimulatedMet, as_json, find, has_picture, is_withdrawn
from imagevault.upstream.clients import Clients
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.models import State
from imagevault.upstream.store import UnreadableState
from tests.support.linear_time import is_linear

RECORDED = Path(__file__).parent / "recorded" / "met"
BASE = "/public/collection/"
CAT = list(find("cat"))
OBJECT = as_json(next(id for id in CAT if id % 10 == 1))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def met() -> Iterator[SimulatedMet]:
    with SimulatedMet() as met:
        yield met


@pytest.fixture
async def bench(met: SimulatedMet) -> Any:
    async with Bench(plugin, {}, met) as bench:
        yield bench


def shown(ids: Sequence[int]) -> list[str]:
    """Those of the ids that have a picture to show."""
    return [str(id) for id in ids if has_picture(id) and not is_withdrawn(id)]


def paths(upstream: Upstream) -> list[str]:
    return [call.path.removeprefix(BASE) for call in upstream.calls]


def work(**changes: object) -> plugin._Object:
    """The decoded OBJECT with these changes."""
    return msgspec.convert({**OBJECT, **changes}, plugin._Object)


async def lookup(bench: Bench, **change: object) -> Any:
    """An object with these changes, fetched through the plugin."""
    assert bench.upstream is not None
    bench.configure({})  # forgets what it kept
    bench.upstream.fail(Answer({**OBJECT, **change}), times=1)
    return await bench.fetch(str(OBJECT["objectID"]))


class TestContract(ProviderContract):
    plugin = plugin

    def upstream(self) -> SimulatedMet:
        return SimulatedMet()


class TestAuthor:
    @pytest.mark.parametrize(
        ("prefix", "name", "author"),
        [
            ("", "Ada Lind", "Ada Lind"),
            ("Attributed to", "Ada Lind", "Attributed to Ada Lind"),
            (" Issued by ", " Lind  & Daughters ", "Issued by Lind & Daughters"),
            (None, "<Ann/> &amp; Ben", "<Ann/> &amp; Ben"),  # plain text, whatever it looks like
        ],
    )
    def test_the_name_says_how_sure_it_is(self, prefix: str | None, name: str, author: str) -> None:
        found = plugin._author(work(artistPrefix=prefix, artistDisplayName=name))
        assert found is not None
        assert found.name == author

    @pytest.mark.parametrize("name", ["", " ", None])
    def test_neither_a_culture_nor_a_prefix_is_an_artist(self, name: str | None) -> None:
        assert plugin._author(work(artistDisplayName=name, artistPrefix="After", culture="China")) is None

    @pytest.mark.parametrize(
        ("ulan", "wikidata", "url"),
        [
            (
                "http://vocab.getty.edu/page/ulan/7",
                "https://www.wikidata.org/wiki/Q7",
                "https://vocab.getty.edu/page/ulan/7",
            ),
            ("(not assigned)", "https://www.wikidata.org/wiki/Q7", "https://www.wikidata.org/wiki/Q7"),
            ("", "http://www.wikidata.org/wiki/Q7", "https://www.wikidata.org/wiki/Q7"),
            (None, "https://www.wikidata.org/wiki/Q7", "https://www.wikidata.org/wiki/Q7"),
            ("(not assigned)", "(not assigned)", None),
            ("", "", None),
        ],
    )
    def test_the_page_is_the_first_value_that_is_an_address(
        self, ulan: str | None, wikidata: str, url: str | None
    ) -> None:
        assert plugin._author_url(work(artistULAN_URL=ulan, artistWikidata_URL=wikidata)) == url


class TestTags:
    @pytest.mark.parametrize(
        ("tags", "terms"),
        [
            ([{"term": "Lids", "AAT_URL": "http://x.example/7"}, {"term": "Clay"}], ["Lids", "Clay"]),
            (["Lids", "Clay"], ["Lids", "Clay"]),
            (["Lids", {"term": "Clay"}, {"term": None}, {}, None, 7, ""], ["Lids", "Clay"]),
            ("Lids", []),
            ({"term": "Lids"}, []),
            ([], []),
            (None, []),
        ],
    )
    def test_an_odd_tag_is_left_out(self, tags: object, terms: list[str]) -> None:
        assert plugin._tags(work(tags=tags).tags) == terms


class TestDate:
    @pytest.mark.parametrize(
        ("words", "date"),
        [("1889", "1889"), (" ca. 1830\r\n ", "ca. 1830"), ("n.d.", None), ("", None), (None, None)],
    )
    def test_the_date_is_in_the_museums_words(self, words: str | None, date: str | None) -> None:
        assert plugin._date(work(objectDate=words)) == date


class TestCredit:
    @pytest.mark.parametrize(
        ("changes", "credit"),
        [
            ({}, "Ada Lind, A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936"),
            (
                {"title": "A Lid.", "objectDate": ""},
                "Ada Lind, A Lid. The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
            (
                {"artistDisplayName": "Lind & Co.", "objectDate": "n.d."},
                "Lind & Co., A Lid. The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
            (
                {"title": "What Lid?", "objectDate": ""},
                "Ada Lind, What Lid? The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
            (
                {"title": " A\u00a0 Lid\r\n", "creditLine": " Invented Fund, 1936. "},
                "Ada Lind, A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936.",
            ),
            (
                {"title": "The Great Wave.", "creditLine": ""},
                "Ada Lind, The Great Wave, 1667. The Metropolitan Museum of Art.",
            ),
            ({"title": None, "creditLine": None}, "Ada Lind, Untitled, 1667. The Metropolitan Museum of Art."),
        ],
    )
    def test_parts_are_cleaned_before_they_are_joined(self, changes: dict[str, object], credit: str) -> None:
        """No blank at an end, and no full stop after another."""
        known = {"artistDisplayName": "Ada Lind", "artistPrefix": "", "title": "A Lid", "objectDate": "1667"}
        assert plugin._credit(work(**{**known, "creditLine": "Invented Fund, 1936", **changes})) == credit


class TestIdentities:
    @pytest.mark.parametrize(
        ("file", "key"),
        [
            ("https://images.metmuseum.org/CRDImages/as/original/DP251139.jpg", "met:7:DP251139"),
            ("https://images.metmuseum.org/CRDImages/ep/original/ep26.168.33.R.jpg", "met:7:ep26.168.33.R"),
            ("https://images.metmuseum.org/CRDImages/as/original/A Quiet Lid.jpg", "met:7:A Quiet Lid"),
            ("https://images.metmuseum.org/CRDImages/as/original/A%20Quiet%20Lid.jpg?x=1", "met:7:A Quiet Lid"),
        ],
    )
    def test_the_key_is_of_the_file_and_not_of_the_object(self, file: str, key: str) -> None:
        assert plugin._identities(work(objectID=7, primaryImage=file)) == [key]

    def test_a_file_without_a_name_has_no_key(self) -> None:
        assert plugin._identities(work(primaryImage="https://images.metmuseum.org/")) == []

    @pytest.mark.parametrize("piece", ["/", "/a", ".a", "/a.", "a/."])
    def test_a_hostile_address_takes_linear_time(self, piece: str) -> None:
        assert is_linear(lambda size: plugin._identities(work(primaryImage="https://x.example" + piece * size)), 20_000)


class TestSearch:
    async def test_asks_the_search_that_is_still_there(self, bench: Bench, met: SimulatedMet) -> None:
        """v1.1, in small letters, for a hundred ids; then each object of the page once."""
        await bench.search("red fox")

        call = met.calls[0]
        asked = {"q": "red fox", "hasImages": "true", "offset": "0", "limit": "100"}
        assert (call.path, dict(call.query)) == (BASE + "v1.1/search", asked)
        assert sorted(paths(met)[1:]) == sorted(f"v1/objects/{id}" for id in find("red fox")[:10])

    async def test_drops_what_has_no_picture_or_is_gone(self, bench: Bench) -> None:
        """In the order of the list; what the list counts is told as it is."""
        pages = [await bench.search("cat", number) for number in (1, 2, 3, 4)]

        assert [image.id for page in pages for image in page.images] == shown(CAT)
        assert len(shown(CAT)) < len(CAT)
        assert {page.total for page in pages} == {len(CAT)}
        assert [page.last for page in pages] == [False, False, False, True]

    async def test_further_pages_cost_lookups_only(self, bench: Bench, met: SimulatedMet) -> None:
        """The ids of ten pages come with one search; the eleventh page asks for the next hundred."""
        for number in (1, 2, 10):
            await bench.search("everything", number)
        assert len([path for path in paths(met) if "search" in path]) == 1

        eleventh = await bench.search("everything", 11)

        searches = [call.query for call in met.calls if "search" in call.path]
        assert [query["offset"] for query in searches] == ["0", "100"]
        assert [image.id for image in eleventh.images] == shown(find("everything")[100:110])

    async def test_lists_end_at_the_ten_thousandth(self, bench: Bench, met: SimulatedMet) -> None:
        """Nothing is asked beyond it, also where pages do not come out even, and the last page says so."""
        bench.configure({"page_size": 7})
        page = await bench.search("everything", 1429)

        assert (page.total, page.last) == (12_000, True)
        query = met.calls[0].query
        assert int(query["offset"]) + int(query["limit"]) == 10_000
        assert bench.provider.info.max_results == 10_000

    async def test_ids_may_be_null(self, bench: Bench) -> None:
        """That is how the Met says none."""
        page = await bench.search("nothing")

        assert (page.images, page.total, page.last) == ([], 0, True)

    async def test_an_id_that_is_none_is_left_out(self, bench: Bench, met: SimulatedMet) -> None:
        """The others stay."""
        met.fail(Answer({"total": 3, "objectIDs": [CAT[1], "x", None]}), times=1)

        assert [image.id for image in (await bench.search("cat")).images] == shown([CAT[1]])

    async def test_a_total_that_is_missing_costs_no_page(self, bench: Bench, met: SimulatedMet) -> None:
        """A short page then ends the list."""
        met.fail(Answer({"objectIDs": CAT[:14]}), times=1)
        first, second = await bench.search("cat", 1), await bench.search("cat", 2)

        assert (first.total, first.last, second.total, second.last) == (None, False, None, True)
        assert [image.id for image in [*first.images, *second.images]] == shown(CAT[:14])

    async def test_words_go_as_they_are_typed(self, bench: Bench, met: SimulatedMet) -> None:
        """Nobody knows whether the search has operators."""
        await bench.search('-dog "Red Fox" AND c+d')

        assert met.calls[0].query["q"] == '-dog "Red Fox" AND c+d'

    @pytest.mark.parametrize(
        "fault",
        [Answer({}), Answer({**OBJECT, "isPublicDomain": None}), faults.html_page(), Answer(b'{"title": "\xff"}')],
        ids=["no fields", "null", "html", "no text"],
    )
    async def test_an_object_that_cannot_be_read_is_left_out(
        self, bench: Bench, met: SimulatedMet, fault: Fault
    ) -> None:
        """And is asked again the next time."""
        met.fail(fault, times=1, path=f"v1/objects/{CAT[0]}")
        page, again = await bench.search("cat"), await bench.search("cat")

        assert [image.id for image in page.images] == shown(CAT[1:10])
        assert [image.id for image in again.images] == shown(CAT[:10])
        assert len(met.calls) == 12

    async def test_a_page_of_which_nothing_can_be_read_is_an_error(self, bench: Bench, met: SimulatedMet) -> None:
        """It is not kept as an empty one."""
        met.fail(faults.html_page(), path="v1/objects/{id}")

        with pytest.raises(InvalidResponse, match="none of 10 records can be read"):
            await bench.search("cat")

    @pytest.mark.parametrize(
        "body",
        [
            b'{"objectID": 1, "isPublicDomain": true, "primaryImage": "x", "more": '
            + b"[" * 90_000
            + b"]" * 90_000
            + b"}",
            json.dumps({**OBJECT, "objectID": 0}).encode(),
        ],
        ids=["deep JSON", "another object"],
    )
    async def test_so_does_one_that_is_too_deep_or_another(self, bench: Bench, met: SimulatedMet, body: bytes) -> None:
        met.fail(Answer(body, headers={"Content-Type": "application/json"}), times=1, path=f"v1/objects/{CAT[1]}")

        shown = [image.id for image in (await bench.search("cat")).images]

        assert str(CAT[0]) in shown
        assert not {"0", str(CAT[1])} & set(shown)

    async def test_so_is_a_page_of_which_the_rest_is_gone(self, bench: Bench, met: SimulatedMet) -> None:
        """A withdrawn object is no record that could be read."""
        for number in CAT[:9]:
            met.fail(Answer({"message": "Not a valid object"}, 404), path=f"v1/objects/{number}")
        met.fail(Answer({**OBJECT, "isPublicDomain": "yes"}), path=f"v1/objects/{CAT[9]}")

        with pytest.raises(InvalidResponse, match="none of 1 records can be read"):
            await bench.search("cat")

    async def test_what_is_lost_is_counted(self, bench: Bench, met: SimulatedMet) -> None:
        """For the log and for `providers check`: an object in another form, and an id that is none."""
        met.fail(Answer({"total": 4, "objectIDs": [CAT[0], CAT[1], "x", CAT[2]]}), times=1, path="v1.1/search")
        met.fail(Answer({**OBJECT, "primaryImage": None}), times=1, path=f"v1/objects/{CAT[1]}")

        with count_records() as count:
            page = await bench.search("cat")

        assert [image.id for image in page.images] == shown([CAT[0], CAT[2]])
        assert (count.records, count.dropped) == (4, 2)
        assert "primaryImage" in (count.reason or "")

    async def test_withdrawn_objects_are_no_losses(self, bench: Bench) -> None:
        """Nor are those without a picture."""
        with count_records() as count:
            await bench.search("cat")

        assert count.dropped == 0
        assert count.records == len([id for id in CAT[:10] if not is_withdrawn(id)])


class TestOneObjectPerCall:
    async def test_at_most_two_at_once(self, bench: Bench, met: SimulatedMet) -> None:
        """More are cut off by the firewall sooner (sheet: concurrency 1 or 2)."""
        met.fail(faults.hang(), path="v1/objects/{id}")
        search = asyncio.create_task(bench.search("cat"))
        await asyncio.to_thread(met.wait_for_calls, 3)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(met.wait_for_calls, 4, timeout=0.2)
        met.heal()

        assert [image.id for image in (await search).images] == shown(CAT[:10])

    @pytest.mark.parametrize(
        ("fault", "error"),
        [(FIREWALL, RateLimited), (Answer("<h1>Bad Gateway</h1>", 502), Unavailable), (faults.reset(), ProviderError)],
        ids=["throttle", "502", "reset"],
    )
    async def test_a_page_cut_short_goes_on_where_it_stopped(
        self, bench: Bench, met: SimulatedMet, fault: Fault, error: type[ProviderError]
    ) -> None:
        """The second search costs only the lookups that are missing, and no search."""
        met.fail(fault, times=1, path=f"v1/objects/{CAT[6]}")
        with pytest.raises(error):
            await bench.search("cat")
        assert len(met.calls) == 9  # the search, and four pairs: none is begun after the one that failed
        met.calls.clear()

        page = await bench.search("cat")

        assert [image.id for image in page.images] == shown(CAT[:10])
        assert sorted(paths(met)) == sorted(f"v1/objects/{id}" for id in [CAT[6], *CAT[8:10]])

    async def test_an_object_is_looked_up_once(self, bench: Bench, met: SimulatedMet) -> None:
        """Whatever asks for it: another page, a download; also that it cannot be shown is remembered."""
        await bench.search("cat")
        met.calls.clear()

        assert [await bench.fetch(str(id)) is not None for id in CAT[:10]] == [str(id) in shown(CAT) for id in CAT[:10]]
        assert met.calls == []

    async def test_the_firewall_is_a_limit_and_not_a_wrong_key(self) -> None:
        """Its page of HTML means a minute's wait; then the page goes on."""
        now = [0.0]
        with SimulatedMet(clock=lambda: now[0]) as met:
            async with Bench(plugin, {}, met) as bench:
                await bench.search("everything", 1)
                await bench.search("everything", 2)
                with pytest.raises(RateLimited) as caught:
                    await bench.search("everything", 3)
                assert caught.value.retry_after == 60
                now[0] += 60
                page = await bench.search("everything", 3)

                assert [image.id for image in page.images] == shown(find("everything")[20:30])
                assert len(met.calls) == 32  # 31 for all three pages, and one that was answered 403

    async def test_a_403_of_the_api_itself_is_none_of_the_firewall(self, bench: Bench, met: SimulatedMet) -> None:
        """JSON comes from behind the firewall."""
        met.fail(Answer({"message": "Forbidden"}, 403))

        with pytest.raises(Unauthorized):
            await bench.search("cat")


class States:
    """The provider states of one worker."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[State, int]] = {}

    async def read(self, provider: str) -> tuple[State, int]:
        return self.states.get(provider, (State(), 0))

    async def changes(self, known: Mapping[str, int]) -> list[tuple[str, State | UnreadableState, int]]:
        raise AssertionError("no flight needs this")

    async def clear(self, provider: str) -> None:
        raise AssertionError("no flight does this")

    async def swap(self, provider: str, version: int, state: State, before: Sequence[QueryString] = ()) -> bool:
        self.states[provider] = (state, version + 1)
        return True


class StoredPages:
    """No page: those of one worker stay in its memory."""

    async def read(self, key: str) -> CacheEntry | None:
        return None

    async def read_digests(self, keys: Sequence[str]) -> dict[str, PageDigests]:
        return {}

    def writes_of(self, key: str, provider: str, entry: CacheEntry, ids: Sequence[str]) -> list[QueryString]:
        return []

    async def find(self, provider: str, id: str, revision: str) -> tuple[str, CacheEntry] | None:
        return None

    async def mark_used(self, keys: Sequence[str], now: float) -> None:
        return None


class TestQuota:
    """The gateway's own bookkeeping against a Met with its firewall, in a time that only waiting takes."""

    @pytest.fixture
    def now(self) -> list[float]:
        return [1_000_000.0]

    @pytest.fixture
    def met(self, now: list[float]) -> Iterator[SimulatedMet]:
        with SimulatedMet(clock=lambda: now[0]) as met:
            yield met

    @pytest.fixture
    async def read(self, bench: Bench, now: list[float]) -> Any:
        async def wait(seconds: float) -> None:
            until = now[0] + seconds
            await asyncio.sleep(0)
            now[0] = max(now[0], until)

        limiter = CallLimiter(States(), lambda: now[0], wait)
        pages = make_page_cache(StoredPages(), limiter, CacheStatistics(), Clients(limiter))

        async def read(number: int) -> CacheResult:
            size = bench.provider.info.page_size
            try:
                return await pages.read(bench.provider, PageKey("met", "everything", (), size, number), 3.0)
            finally:
                await pages.drain()

        async with pages.running():
            yield read

    async def test_a_page_waits_for_its_lookups_less_than_a_search_may_take(
        self, read: Callable[[int], Any], now: list[float], met: SimulatedMet
    ) -> None:
        """Eleven calls with one wait between; the other second is for the answers."""
        begun = now[0]
        got = await read(1)

        assert (len(got.page.images), got.calls, len(met.calls)) == (len(shown(find("everything")[:10])), 11, 11)
        assert 1 < now[0] - begun < 2

    async def test_the_gateway_never_meets_the_firewall(
        self, read: Callable[[int], Any], now: list[float], met: SimulatedMet
    ) -> None:
        """The third page in a minute stops at the thirtieth call, and later costs only the one that is missing."""
        await read(1)
        await read(2)
        with pytest.raises(RateLimited) as caught:
            await read(3)
        assert (len(met.calls), met.blocked_until) == (30, 0)
        assert caught.value.retry_after is not None
        assert 0 < caught.value.retry_after < 65
        now[0] += caught.value.retry_after

        got = await read(3)

        assert (got.calls, len(met.calls), met.blocked_until) == (1, 31, 0)
        assert [image.id for image in got.page.images] == shown(find("everything")[20:30])


class TestRecord:
    async def test_is_whole(self, bench: Bench) -> None:
        """Every field that the Met has; it tells no sizes and no colour."""
        image = await lookup(
            bench, artistDisplayName="Ada Lind", artistPrefix="Attributed to", objectDate="1667", culture="Invented"
        )

        id = OBJECT["objectID"]
        folder = "https://images.metmuseum.org/CRDImages/xx"
        assert (image.id, image.title, image.date) == (str(id), OBJECT["title"], "1667")
        assert image.alt is None  # nobody describes the picture
        assert image.author == Author("Attributed to Ada Lind", f"https://vocab.getty.edu/page/ulan/{id}")
        assert image.source_url == f"https://www.metmuseum.org/art/collection/search/{id}"
        assert image.tags == ["Lids", "Clay"]
        assert image.renditions == [
            Rendition(name="small", url=f"{folder}/web-large/DP{id}.jpg", type="image/jpeg"),
            Rendition(name="original", url=f"{folder}/original/DP{id}.jpg", type="image/jpeg"),
        ]
        assert image.extra == {
            "object": "Vessel",
            "medium": "Clay",
            "culture": "Invented",
            "department": "Invented Art",
            "accession number": f"36.100.{id}",
        }
        assert image.declared == Declared("isPublicDomain", "true")
        assert image.identities == [f"met:{id}:DP{id}"]
        assert (image.width, image.height, image.color) == (None, None, None)

    async def test_is_cc0(self, bench: Bench) -> None:
        """No right is reserved, and no credit is demanded."""
        license = (await lookup(bench)).license

        assert (license.id, license.is_public_domain, license.attribution_required) == ("cc0-1.0", True, False)
        assert (license.commercial, license.modification) == (True, True)

    @pytest.mark.parametrize(
        "change",
        [{"isPublicDomain": False}, {"primaryImage": ""}, {"isPublicDomain": False, "primaryImage": ""}],
        ids=["not open access", "no picture", "neither"],
    )
    async def test_is_not_shown_unless_open_access(self, bench: Bench, change: dict[str, object]) -> None:
        """`isPublicDomain` is no filter of the search: only the object tells."""
        assert await lookup(bench, **change) is None

    @pytest.mark.parametrize(
        ("change", "credit"),
        [
            ({}, "Ada Lind, A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936"),
            ({"objectDate": ""}, "Ada Lind, A Lid. The Metropolitan Museum of Art. Invented Fund, 1936"),
            (
                {"artistPrefix": "After"},
                "After Ada Lind, A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
            (
                {"artistDisplayName": "", "culture": "Invented"},
                "A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
            ({"artistDisplayName": ""}, "A Lid, 1667. The Metropolitan Museum of Art. Invented Fund, 1936"),
            ({"creditLine": ""}, "Ada Lind, A Lid, 1667. The Metropolitan Museum of Art."),
            (
                {"title": "A Lid & more", "artistDisplayName": "Lind & Daughters"},
                "Lind & Daughters, A Lid & more, 1667. The Metropolitan Museum of Art. Invented Fund, 1936",
            ),
        ],
        ids=["all", "no date", "prefix", "culture", "nobody", "no credit line", "ampersand"],
    )
    async def test_is_credited_as_the_museum_asks(self, bench: Bench, change: dict[str, object], credit: str) -> None:
        """Artist, title, date, museum and the credit line of the gift, as far as they are known."""
        known = {"artistDisplayName": "Ada Lind", "artistPrefix": "", "title": "A Lid", "objectDate": "1667"}
        image = await lookup(bench, **{**known, "culture": "", "creditLine": "Invented Fund, 1936", **change})

        assert attribution(bench.provider.info, image).text == credit

    async def test_has_no_author_where_none_is_known(self, bench: Bench) -> None:
        """A prefix alone names nobody, and a culture is no artist."""
        nobody = {"artistDisplayName": "", "artistPrefix": "After", "artistULAN_URL": "", "artistWikidata_URL": ""}

        assert (await lookup(bench, **nobody, culture="")).author is None
        assert (await lookup(bench, **nobody, culture="Invented")).author is None

    async def test_links_its_author_by_wikidata_where_the_getty_has_none(self, bench: Bench) -> None:
        """Both by https."""
        image = await lookup(
            bench, artistULAN_URL="(not assigned)", artistWikidata_URL="https://www.wikidata.org/wiki/Q7"
        )

        assert image.author.url == "https://www.wikidata.org/wiki/Q7"

    async def test_links_to_files_whose_names_hold_blanks(self, bench: Bench) -> None:
        """Encoded."""
        url = "https://images.metmuseum.org/CRDImages/xx/original/A Quiet Lid.jpg"

        assert (await lookup(bench, primaryImage=url)).renditions[-1].url == url.replace(" ", "%20")

    async def test_links_to_the_public_site(self, bench: Bench) -> None:
        """Whatever host `objectURL` names."""
        image = await lookup(bench, objectURL="https://wwwtest.metmuseum.org/art/collection/search/1")

        assert image.source_url.startswith("https://www.metmuseum.org/")

    async def test_takes_null_for_tags(self, bench: Bench) -> None:
        """And constituents and measurements, which it does not read."""
        image = await lookup(bench, tags=None, constituents=None, measurements=None)

        assert image.tags == []

    async def test_takes_null_for_any_text(self, bench: Bench) -> None:
        """It is documented as empty, and costs nothing."""
        texts = [name for name, value in OBJECT.items() if isinstance(value, str) and name != "primaryImage"]
        image = await lookup(bench, **dict.fromkeys(texts))

        assert (image.title, image.author, image.date, image.extra) == (None, None, None, {})
        assert [rendition.name for rendition in image.renditions] == ["original"]


class TestErrors:
    @pytest.mark.parametrize("id", ["", "abc", "../search", "7/../8", "7?x=1", "²", "٣", "-7", "0", "07", " 7"])
    async def test_an_id_that_cannot_be_costs_no_call(self, bench: Bench, met: SimulatedMet, id: str) -> None:
        """Ids are numbers as they are written."""
        assert await bench.fetch(id) is None
        assert met.calls == []

    @pytest.mark.parametrize("message", ["ObjectID not found", "Not a valid object"])
    async def test_an_unknown_object_is_none(self, bench: Bench, met: SimulatedMet, message: str) -> None:
        """One that never was, and one that is withdrawn."""
        met.fail(Answer({"message": message}, 404), times=1)

        assert await bench.fetch("7") is None

    @pytest.mark.parametrize("body", [{"message": "could not parse objectID"}, b'"Bad Request"'])
    async def test_a_400_is_an_invalid_response(self, bench: Bench, met: SimulatedMet, body: object) -> None:
        """Also where it is a bare string."""
        met.fail(Answer(body, 400))

        with pytest.raises(InvalidResponse):
            await bench.search("cat")
        with pytest.raises(InvalidResponse):
            await bench.fetch("7")

    async def test_a_retired_search_says_so(self, bench: Bench, met: SimulatedMet) -> None:
        """410 is about the API and not about an image."""
        met.fail(Answer({"message": "search was retired on 2026-10-01"}, 410))

        with pytest.raises(InvalidResponse, match="retired on 2026-10-01"):
            await bench.search("cat")
        with pytest.raises(InvalidResponse, match="retired"):
            await bench.fetch("7")

    async def test_nothing_is_kept_of_a_search_that_failed(self, bench: Bench, met: SimulatedMet) -> None:
        """The next one asks again."""
        met.fail(Answer("<h1>Service Unavailable</h1>", 503), times=1)
        with pytest.raises(Unavailable):
            await bench.search("cat")

        assert (await bench.search("cat")).images


class TestRecorded:
    """Invented answers in the documented form."""

    @pytest.fixture
    def met(self) -> Any:
        with Upstream(BASE) as met:
            yield met

    async def test_object(self, bench: Bench, met: Upstream) -> None:
        """A hanging scroll, whose `objectURL` names a host that is internal to the museum."""
        answer = (RECORDED / "object_900045.json").read_bytes()
        met.fail(Answer(answer))
        image = await bench.fetch("900045")
        told = json.loads(answer)

        assert image is not None
        assert (image.id, image.title) == ("900045", told["title"])
        assert image.author == Author(told["artistDisplayName"], told["artistULAN_URL"].replace("http:", "https:"))
        assert [one.url for one in image.renditions] == [told["primaryImageSmall"], told["primaryImage"]]
        assert image.source_url == "https://www.metmuseum.org/art/collection/search/900045"
        assert image.tags == ["Teapots", "Lids"]
        assert attribution(bench.provider.info, image).text == (
            f"{told['artistDisplayName']}, {told['title']}, {told['objectDate']}. "
            f"The Metropolitan Museum of Art. {told['creditLine']}"
        )

    async def test_list_of_ids(self, bench: Bench, met: Upstream) -> None:
        """Its objects are all the recorded one."""
        listed = json.loads((RECORDED / "search.json").read_bytes())
        scroll = msgspec.json.decode((RECORDED / "object_900045.json").read_bytes())
        met.get("v1.1/search")(lambda _: listed)

        @met.get("v1/objects/{id}")
        def scroll_of(_call: Call, id: str) -> object:
            return {**scroll, "objectID": int(id)}

        page = await bench.search("scroll", 6)

        assert [image.id for image in page.images] == [str(id) for id in listed["objectIDs"][50:60]]
        assert (page.total, page.last) == (71, False)

    async def test_errors(self, bench: Bench, met: Upstream) -> None:
        """An unknown id is none; the end of a search is named."""
        unknown, retired = (
            Answer((RECORDED / f"error_{name}.json").read_bytes(), int(name[:3])) for name in ("404", "410")
        )
        met.fail(unknown, path="v1/objects/{id}")
        met.fail(retired, path="v1.1/search")

        assert await bench.fetch("999999999") is None
        with pytest.raises(InvalidResponse, match=r"use /public/collection/v1\.1/search"):
            await bench.search("scroll")


class TestSimulation:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("HEAD", "v1/objects/7000001", 405),
            ("GET", "v1/search?q=cat", 410),
            ("GET", "v1/objects/7", 404),
            ("GET", "v1/objects/abc", 400),
            ("GET", "v1.1/search?q=cat&offset=-1", 400),
        ],
    )
    async def test_refuses_as_the_met_does(self, bench: Bench, method: str, path: str, status: int) -> None:
        """Statuses as measured."""
        assert (await bench.http.request(method, path)).status_code == status

    async def test_ignores_a_misspelt_filter(self, bench: Bench) -> None:
        """And lists what has no picture too."""
        found = [
            (await bench.http.get("v1.1/search", params={"q": "cat", "hasImages": value})).json()["total"]
            for value in ("true", "True")
        ]

        assert found == [len(CAT), 2 * len(CAT)]
