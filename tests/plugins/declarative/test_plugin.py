"""A declarative provider behind the gateway's own transport: its calls, its pages, and hostile answers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from imagevault import InvalidResponse, NotFound, RateLimited, SearchQuery, Unauthorized, Unavailable
from imagevault.errors import PluginError
from imagevault.plugins.declarative import answer
from imagevault.plugins.decoding import count_records
from imagevault.testing import Answer, Upstream
from imagevault.testing.bench import Bench
from tests.support.declarative_file import acme, item

KEY = {"api_key": "test-key"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream("/v1/") as upstream:
        yield upstream


@pytest.fixture
async def bench(upstream: Upstream) -> AsyncIterator[Bench]:
    async with Bench(acme(), KEY, upstream) as bench:
        yield bench


def items(count: int, start: int = 1) -> list[dict[str, Any]]:
    return [item(ref=f"fox-{number}") for number in range(start, start + count)]


def found(upstream: Upstream, records: object, **others: object) -> None:
    """The next call finds these records."""
    upstream.fail(Answer({"items": records, **others}), times=1)


class TestCalls:
    async def test_sends_what_the_file_says(self, bench: Bench, upstream: Upstream) -> None:
        """Words as they are; what has no value is left out."""
        found(upstream, [])
        await bench.search("Red fox & 日本", 3)
        found(upstream, [])
        await bench.search("fox", native={"orientation": "wide"})

        first, second = upstream.calls
        assert dict(first.query) == {"words": "Red fox & 日本", "start": "60", "count": "30"}
        assert first.headers["x-key"] == "test-key"
        assert second.query["layout"] == "wide"

    async def test_a_lookup(self, bench: Bench, upstream: Upstream) -> None:
        upstream.fail(Answer(item()), times=1)

        image = await bench.fetch("fox-1")

        assert image is not None
        assert image.title == "A fox in snow"
        assert upstream.calls[0].path == "/v1/items/fox-1"

    @pytest.mark.parametrize("id", ["", "x", "fox-1/../2", "fox-1\n", "a" * 300 + "-1"])
    async def test_an_id_that_cannot_be_costs_no_call(self, bench: Bench, upstream: Upstream, id: str) -> None:
        assert await bench.fetch(id) is None
        assert upstream.calls == []

    async def test_a_lookup_that_answers_with_a_list(self, upstream: Upstream) -> None:
        """An empty list is no image; something else is a failure."""
        plugin = acme(('path = "items/{id}"', 'path = "items/{id}"\nrecords = "items"'))
        async with Bench(plugin, KEY, upstream) as bench:
            found(upstream, [item()])
            image = await bench.fetch("fox-1")
            found(upstream, [])
            assert await bench.fetch("fox-1") is None
            found(upstream, {})
            with pytest.raises(InvalidResponse, match=r"lookup.records: `items` found an object"):
                await bench.fetch("fox-1")

        assert image is not None

    async def test_an_id_in_another_letter_case_is_none(self, bench: Bench, upstream: Upstream) -> None:
        upstream.fail(Answer(item(ref="FOX-1")), times=1)

        assert await bench.fetch("fox-1") is None

    @pytest.mark.parametrize("status", [404, 410])
    async def test_no_such_image(self, bench: Bench, upstream: Upstream, status: int) -> None:
        upstream.fail(Answer({}, status), times=1)

        assert await bench.fetch("fox-1") is None

    async def test_without_a_lookup(self, upstream: Upstream) -> None:
        plugin = acme(('[lookup]\nid = "[a-z]+-[0-9]+"\npath = "items/{id}"\n', ""))

        async with Bench(plugin, KEY, upstream) as bench:
            with pytest.raises(NotFound, match="cannot look up"):
                await bench.fetch("fox-1")

    async def test_a_post_with_a_body(self, upstream: Upstream) -> None:
        """Numbers stay numbers, and what has no value is left out."""
        plugin = acme(
            ('path = "find"', 'path = "find"\nmethod = "POST"'),
            ("[search.query]", "[search.json]"),
            ('words = "{text}"', 'words = { all = ["{text}", "x {page}"], exact = false }'),
        )
        async with Bench(plugin, KEY, upstream) as bench:
            found(upstream, [])
            await bench.search("fox")

        [call] = upstream.calls
        assert call.method == "POST"
        assert json.loads(call.body) == {"words": {"all": ["fox", "x 1"], "exact": False}, "start": 0, "count": 30}

    async def test_words_that_cannot_be_sent_cost_no_call(self, upstream: Upstream) -> None:
        plugin = acme(
            ('path = "find"', 'path = "find"\nwhen = "letters_only(text)"'), ('"{text}"', '"{letters_only(text)}"')
        )
        async with Bench(plugin, KEY, upstream) as bench:
            assert (await bench.search("?!")).last
            assert upstream.calls == []
            found(upstream, [])
            await bench.search("[fox]: den")

        assert upstream.calls[0].query["words"] == "fox den"


class TestPages:
    @pytest.mark.parametrize(
        ("page", "count", "total", "last"),
        [
            (1, 30, 72, False),
            (2, 28, 72, False),
            (3, 12, 72, True),
            (1, 0, 0, True),
            (1, 3, None, False),
            (2, 0, None, True),
        ],
    )
    async def test_the_last_page(
        self, bench: Bench, upstream: Upstream, page: int, count: int, total: int | None, last: bool
    ) -> None:
        """By the total where it is known; a page without a record is the last one."""
        found(upstream, items(count), matches=total)

        returned = await bench.given("fox", page)

        assert (len(returned.images), returned.total, returned.last) == (count, total, last)

    @pytest.mark.parametrize(("more", "last"), [("/next", False), (None, True)])
    async def test_the_answer_says_it(self, upstream: Upstream, more: object, last: bool) -> None:
        plugin = acme(('total = "matches"', 'total = "matches"\nlast = "!next"'))
        async with Bench(plugin, KEY, upstream) as bench:
            found(upstream, items(30), matches=3000, next=more)
            assert (await bench.given("fox")).last is last

    async def test_nothing_behind_the_last_result(self, upstream: Upstream) -> None:
        """A page that reaches behind `max_results` is cut, where the upstream counts results."""
        plugin = acme(("page_size = 30", "page_size = 30\nmax_results = 70"))
        async with Bench(plugin, KEY, upstream) as bench:
            found(upstream, items(10), matches=900)
            assert (await bench.given("fox", 3)).last
            assert upstream.calls[0].query["count"] == "10"
            assert (await bench.given("fox", 4)).last
        assert len(upstream.calls) == 1

    async def test_nothing_behind_the_last_page(self, upstream: Upstream) -> None:
        """Where it counts pages, such a page is not asked for."""
        plugin = acme(("page_size = 30", "page_size = 30\nmax_results = 70"), ("{offset}", "{page}"))
        async with Bench(plugin, KEY, upstream) as bench:
            assert (await bench.given("fox", 3)).last
        assert upstream.calls == []

    async def test_pages_may_be_counted_from_0(self, upstream: Upstream) -> None:
        async with Bench(acme(("{offset}", "{page_from_0}")), KEY, upstream) as bench:
            found(upstream, items(30), matches=900)
            await bench.given("fox", 1)
            found(upstream, items(30), matches=900)
            await bench.given("fox", 2)
        assert [call.query["start"] for call in upstream.calls] == ["0", "1"]


class TestTokens:
    TOKEN = (
        ("page_size = 30", 'page_size = 30\npaging = "token"'),
        ('total = "matches"', 'total = "matches"\nnext = "more.cursor"'),
        ('start = "{offset}"', 'cursor = "{token}"'),
    )

    async def test_a_walk(self, upstream: Upstream) -> None:
        """The first page is asked for without a token."""
        async with Bench(acme(*self.TOKEN), KEY, upstream) as bench:
            found(upstream, items(30), more={"cursor": "a b"})
            first = await bench.given("fox")
            found(upstream, items(3), more=None)
            query = SearchQuery(text="fox", page=2, per_page=30, token=first.next)
            second = await bench.provider.search_images(query, bench.http)

        assert (first.next, second.next) == ("a b", None)
        assert [call.query.get("cursor") for call in upstream.calls] == [None, "a b"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (('cursor = "{token}"', 'cursor = "x"'), r"acme.toml, line \d+: search: sends no {token}"),
            (('next = "more.cursor"', ""), r"search: needs next where paging = \"token\""),
            (('paging = "token"', ""), r"search: sends neither {page} nor {offset}"),
        ],
    )
    def test_what_goes_together(self, change: tuple[str, str], message: str) -> None:
        with pytest.raises(PluginError, match=message):
            acme(*self.TOKEN, change)


class TestOwnParameters:
    OWN = (
        (
            "[provider]",
            '[provider]\nsorts.newest = "date"\nparameters.year = { description = "Year.", values = ["1900"] }',
        ),
        ('words = "{text}"', 'words = "{text}"\norder = "{sort}"\nyear = "{parameters.year}"'),
    )

    async def test_they_are_sent(self, upstream: Upstream) -> None:
        async with Bench(acme(*self.OWN), KEY, upstream) as bench:
            found(upstream, [])
            query = SearchQuery(text="fox", per_page=30, native={"sort": "date"}, parameters={"year": "1900"})
            await bench.provider.search_images(query, bench.http)

        [call] = upstream.calls
        assert (call.query["order"], call.query["year"]) == ("date", "1900")

    @pytest.mark.parametrize(
        ("written", "remedy"),
        [
            ("year || '1900'", "Write {parameters.year || '1900'}."),
            ("orientation", "Write {filters.orientation}."),
            ("api_key", "Write {settings.api_key}."),
            ("tokn", "Did you mean token? It knows: text, page, page_from_0, per_page, offset, "),
        ],
    )
    def test_a_name_in_a_table_is_written_with_it(self, written: str, remedy: str) -> None:
        with pytest.raises(PluginError, match=r"a request knows no ") as raised:
            acme(*self.OWN, ('"{parameters.year}"', f'"{{{written}}}"'))

        assert remedy in str(raised.value)

    def test_a_default_of_a_parameter_stands_where_it_is_sent(self) -> None:
        with pytest.raises(
            PluginError, match=r"parameters.era.default: there is no such key. Give it where .* is sent: "
        ):
            acme(("[settings", '[provider.parameters.era]\ndescription = "x"\ndefault = "old"\n[settings'))

    @pytest.mark.parametrize("name", ["sort", "parameters.year"])
    def test_what_is_declared_must_be_sent(self, name: str) -> None:
        with pytest.raises(PluginError, match=f"search: sends no {{{name}}}"):
            acme(*self.OWN, (f'"{{{name}}}"', '"x"'))


class TestBadAnswers:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"results": []}, r"search.records: `items` found nothing; it has no items; it has: results \(list of 0\)"),
            ({"items": {"a": {"ref": "a"}}}, r"a list is needed: a \(object\); write values\(items\) if each record"),
            ('<?xml version="1.0"?><items/>', r"the answer is XML, which a TOML file cannot read; .* or write Python"),
            (" <!DOCTYPE html><p>", "the answer is a page of HTML, and no JSON"),
            ({"items": {}}, r"search.records: `items` found an object, and a list is needed"),
            ([], r"search.records: `items` found nothing; .* a list of 0"),
            (7, "search.records: `items` found nothing"),
        ],
    )
    async def test_says_what_was_there(self, bench: Bench, upstream: Upstream, content: object, message: str) -> None:
        upstream.fail(Answer(content), times=1)

        with pytest.raises(InvalidResponse, match=message):
            await bench.search("fox")

    async def test_records_by_key(self, upstream: Upstream) -> None:
        async with Bench(acme(('records = "items"', 'records = "values(items)"')), KEY, upstream) as bench:
            found(upstream, {"a": item(), "b": item(ref="fox-2")})

            assert [image.id for image in (await bench.search("fox")).images] == ["fox-1", "fox-2"]

    async def test_a_bad_record_is_left_out(self, bench: Bench, upstream: Upstream) -> None:
        found(upstream, [*items(2), {"ref": "odd"}, "x", item(caption=[1]), item(caption="x" * 300_000)])

        assert [image.id for image in (await bench.search("fox")).images] == ["fox-1", "fox-2"]

    @pytest.mark.parametrize(
        "odd",
        [b'"caf\xe9"', rb'"\ud83d"', b"9" * 5000, b"1e400", b"-1e400", b"NaN", b'"\xed\xa0\xbd"'],
        ids=["latin-1", "half an emoji", "5000 digits", "1e400", "-1e400", "NaN", "surrogate"],
    )
    async def test_an_odd_value_costs_no_answer(self, bench: Bench, upstream: Upstream, odd: bytes) -> None:
        """Of the record, no more than the value is lost."""
        body = json.dumps({"matches": 2, "items": [*items(1), item(ref="fox-9", note="ODD")]}).encode()
        body = body.replace(b'"ODD"', odd)
        upstream.fail(Answer(body, headers={"Content-Type": "application/json"}), times=1)

        assert len((await bench.search("fox")).images) == 2

    async def test_an_unknown_licence_is_counted_as_dropped(self, bench: Bench, upstream: Upstream) -> None:
        """With its word; also where no record is left, which is no failure."""
        for records, images in [([*items(2), item(licence="ours")], 2), ([item(licence="ours")], 0)]:
            found(upstream, records)
            with count_records() as count:
                assert len((await bench.given("fox")).images) == images
            assert (count.records, count.dropped) == (len(records), 1)
            assert f"{count.reason}".startswith("image.license: 'ours' is neither in values nor")

    async def test_what_the_file_leaves_out_is_not_dropped(self, upstream: Upstream) -> None:
        async with Bench(acme(('id = "ref"', 'when = "public"\nid = "ref"')), KEY, upstream) as bench:
            found(upstream, [item(public=True), item(ref="fox-2", licence="ours")])
            with count_records() as count:
                assert len((await bench.given("fox")).images) == 1
            assert (count.records, count.dropped) == (2, 0)

    async def test_no_good_record(self, bench: Bench, upstream: Upstream) -> None:
        """The author reads which key found nothing."""
        found(upstream, [item(ref=..., number=n) for n in range(3)])

        with pytest.raises(InvalidResponse, match=r"none of 3 records can be read: image.id: `ref` found nothing"):
            await bench.search("fox")

    async def test_a_record_without_an_id_is_not_left_out_in_silence(self, upstream: Upstream) -> None:
        """Also where it has no licence, and is not to be shown by `when`."""
        plugin = acme(('id = "ref"', 'when = "public"\nid = "ref"'))
        async with Bench(plugin, KEY, upstream) as bench:
            found(upstream, [{"number": 1}, {"number": 2}])
            with pytest.raises(InvalidResponse, match=r"none of 2 records can be read: image.id: `ref` found nothing"):
                await bench.search("fox")

    @pytest.mark.parametrize(
        ("lookup", "content", "message"),
        [
            ("", [], r"^lookup.record: a record must be an object; found a list: a list of 0"),
            ("", {}, r"^image.id: `ref` found nothing"),
            (
                'record = "item"',
                {"item": [1]},
                r"^lookup.record: a record must be an object; found a list: a list of",
            ),
            ('records = "items"', {"items": ["x"]}, r"^lookup.records: a record must be an object; found a text: 'x'"),
            ('records = "items"', {"items": {}}, r"^lookup.records: `items` found an object, and a list is needed"),
            ('record = "before(item, `1`)"', {"item": "x"}, r"^lookup.record: `before\(item, `1`\)` failed"),
        ],
    )
    async def test_a_fault_of_a_lookup_names_its_key(
        self, upstream: Upstream, lookup: str, content: object, message: str
    ) -> None:
        async with Bench(acme(('path = "items/{id}"', f'path = "items/{{id}}"\n{lookup}')), KEY, upstream) as bench:
            upstream.fail(Answer(content), times=1)
            with pytest.raises(InvalidResponse, match=message):
                await bench.fetch("fox-1")

    @pytest.mark.parametrize(
        ("key", "change"),
        [
            ("when", ('path = "find"', 'path = "find"\nwhen = "before(page, \'x\')"')),
            ("path", ('path = "find"', "path = \"find/{before(page, 'x')}\"")),
            ("query", ('start = "{offset}"', 'start = "{before(page, \'x\')}"\npage = "{page}"')),
            ("headers", ('records = "items"', 'records = "items"\nheaders.a = "{before(page, \'x\')}"')),
            ("json", ('records = "items"', 'records = "items"\njson.a = "{before(page, \'x\')}"')),
        ],
    )
    async def test_a_request_that_cannot_be_made_names_its_key(
        self, upstream: Upstream, key: str, change: tuple[str, str]
    ) -> None:
        """`before` takes no number."""
        async with Bench(acme(change), KEY, upstream) as bench:
            with pytest.raises(InvalidResponse, match=rf"^search.{key}: `before\(page, 'x'\)` failed"):
                await bench.search("fox")

    async def test_a_path_without_a_value_names_its_placeholder(self, upstream: Upstream) -> None:
        async with Bench(acme(('path = "find"', 'path = "find/{sort}"')), KEY, upstream) as bench:
            with pytest.raises(InvalidResponse, match=r"^search.path: the placeholder \{sort\} has no value$"):
                await bench.search("fox")

    async def test_a_lookup_without_an_id(self, bench: Bench, upstream: Upstream) -> None:
        upstream.fail(Answer(item(ref=None)), times=1)

        with pytest.raises(InvalidResponse, match=r"image.id: `ref` found nothing"):
            await bench.fetch("fox-1")


class TestErrorsWithStatus200:
    ERRORS = """
[errors]
when = "error"
text = "error.text"
code = "error.code"
unauthorized = [1, "key"]
rate_limited = [2]
not_found = [3]
unavailable = [4]
"""
    IMAGE = ("[image]\n", f"{ERRORS}\n[image]\n")

    @pytest.mark.parametrize(
        ("code", "error"),
        [(1, Unauthorized), ("1", Unauthorized), ("key", Unauthorized), (2, RateLimited), (4, Unavailable)],
    )
    async def test_a_code_names_the_error(self, upstream: Upstream, code: object, error: type[Exception]) -> None:
        """In a look-up too, where it would be taken for an image that is gone."""
        async with Bench(acme(self.IMAGE), KEY, upstream) as bench:
            upstream.fail(Answer({"error": {"code": code, "text": "no"}}), times=2)
            for call in (bench.search("fox"), bench.fetch("fox-1")):
                with pytest.raises(error, match=f"Acme answered an error: {code}: no"):
                    await call

    @pytest.mark.parametrize("error", [{"code": 9, "text": "no"}, {"code": None}, "no", {"text": "no"}])
    async def test_any_other_error_is_an_invalid_response(self, upstream: Upstream, error: object) -> None:
        async with Bench(acme(self.IMAGE), KEY, upstream) as bench:
            upstream.fail(Answer({"error": error}), times=1)
            with pytest.raises(InvalidResponse, match="Acme answered an error"):
                await bench.fetch("fox-1")

    async def test_not_found(self, upstream: Upstream) -> None:
        """There is no such image; a search found nothing."""
        async with Bench(acme(self.IMAGE), KEY, upstream) as bench:
            upstream.fail(Answer({"error": {"code": 3}}), times=2)
            page = await bench.search("fox")
            assert await bench.fetch("fox-1") is None

        assert (list(page.images), page.last) == ([], True)

    async def test_results_are_read(self, upstream: Upstream) -> None:
        async with Bench(acme(self.IMAGE), KEY, upstream) as bench:
            found(upstream, items(2), matches=2, error=None)
            assert len((await bench.search("fox")).images) == 2

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (('code = "error.code"\n', ""), r"line \d+: errors: has codes, but no code; add the expression"),
            (("rate_limited = [2]", "rate_limited = [1]"), r"errors.rate_limited: the code 1 has another meaning"),
            (('when = "error"', 'when = "error["'), r"errors.when: `error\[` is not JMESPath"),
            (('when = "error"\n', ""), r"errors: has no when; add it"),
            (("not_found", "not_fund"), r"errors.not_fund: there is no such key. Did you mean not_found\?"),
        ],
    )
    def test_it_is_checked_at_load(self, change: tuple[str, str], message: str) -> None:
        with pytest.raises(PluginError, match=message):
            acme(self.IMAGE, change)


class TestHostileAnswers:
    @pytest.mark.parametrize(
        "body",
        [
            b'{"items": [' + b"[]," * 150_000 + b"0]}",
            b'{"items": [' + b"{}," * 150_000 + b"0]}",
            b'{"items": [' + b"1," * 600_000 + b"0]}",
        ],
        ids=["lists", "objects", "numbers"],
    )
    async def test_too_many_values_are_not_read(self, bench: Bench, upstream: Upstream, body: bytes) -> None:
        upstream.fail(Answer(body, headers={"Content-Type": "application/json"}), times=1)

        with pytest.raises(InvalidResponse, match="holds more values than are read"):
            await bench.search("fox")

    async def test_deep_nesting(self, bench: Bench, upstream: Upstream) -> None:
        upstream.fail(Answer(b'{"items": ' + b"[" * 90_000 + b"]" * 90_000 + b"}"), times=1)

        with pytest.raises(InvalidResponse):
            await bench.search("fox")

    async def test_the_budget_ends_the_work(self, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(answer.Work.__init__, "__defaults__", (0.0,))
        async with Bench(acme(), KEY, upstream) as bench:
            found(upstream, items(30))
            with pytest.raises(InvalidResponse, match="takes too long to read"):
                await bench.search("fox")

    async def test_work_that_nobody_waits_for_ends(self) -> None:
        """A cancelled search leaves no thread behind that reads on."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def read(work: answer.Work) -> None:
            try:
                while True:
                    work.check()
                    time.sleep(0)
            finally:
                loop.call_soon_threadsafe(ended.set)

        task = asyncio.create_task(answer.Work(budget=1e9).run(read))
        await asyncio.sleep(0)
        task.cancel()

        await asyncio.wait_for(ended.wait(), 30)
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_the_event_loop_goes_on(self) -> None:
        """While records are read, other tasks run: a count, not a time."""
        reader = acme().reader
        records = items(3000)
        rounds = 0

        async def count() -> None:
            nonlocal rounds
            while True:
                rounds += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await answer.Work(budget=60).run(lambda work: answer.images_of(records, reader, work, may_be_large=True))
        counting.cancel()

        assert rounds > 10
