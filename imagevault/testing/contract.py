"""The contract of a provider, as tests: subclass it, say where the answers come from, and run pytest.

    from imagevault.testing import Recorded
    from imagevault.testing.contract import ProviderContract
    import imagevault_acme

    class TestAcme(ProviderContract):
        plugin = imagevault_acme
        settings = {"api_key": "test-key"}

        def upstream(self):
            return Recorded(Path(__file__).with_name("answers.json"))

Each test runs the plugin behind the gateway's own transport and mending, against a real HTTP server on loopback. A test
that fails says what to change. A simulated upstream (`imagevault.testing.Upstream`) shows more than recorded answers
can: whether pages follow each other to the end, and whether an unknown id is understood.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
import pytest

from imagevault.config.settings import provider_variable
from imagevault.errors import NotFound, ProviderError, Unauthorized
from imagevault.images import sanitize as mend
from imagevault.records import Image
from imagevault.testing import faults
from imagevault.testing.bench import Bench, benched
from imagevault.testing.checks.failures import FAILURES, RAISED, of_failure
from imagevault.testing.checks.findings import changed_by_mending, of_image, of_info, of_page, of_quotas, of_shapes
from imagevault.testing.checks.probes import Spoiler, longest_pause, repeated, secrets, sent
from imagevault.testing.exchange import Answer
from imagevault.testing.recorded import Recorded
from imagevault.testing.upstream import Upstream

T = TypeVar("T")

MOST_PAGES = 40
FEW = 3  # images of a page, for a provider without an upstream
SLOW = 0.1  # seconds for which nothing may stop the event loop
ODD_WORDS = "naïve 100% 日本 a&b c+d e#f g=h"
ODD_IDS = ("no such id", "../search", "%2e%2e/x", "0", "ä", "a?b=c&d#e", "x" * 200)


class ProviderContract:
    """What every provider keeps to. `plugin` and `upstream` are yours to give, the rest where it differs.

    `settings`: the provider's own, with test values. `query`: words that find more than one page, and no more than
    forty. `nothing`: words that find nothing. `hosts_of_strangers`: it links to files on hosts that nobody can list.
    """

    plugin: Any
    settings: Mapping[str, Any] = {}
    query: str = "cat"
    nothing: str = "nothing"
    hosts_of_strangers: bool = False

    def upstream(self) -> Upstream | None:
        """A new upstream for each test, not started; None for a provider that holds its files itself."""
        raise AssertionError("say where the answers come from: def upstream(self): return Recorded(path)")

    # What it says of itself

    @benched
    async def test_loads_with_these_settings(self, bench: Bench) -> None:
        """Every hook is known and of its kind, and nothing is missing."""
        assert bench.provider.state == "ok", f"with the `settings` of this test: {bench.provider.reason}"

    @benched
    async def test_names_a_setting_that_is_missing(self, bench: Bench) -> None:
        """As an environment variable, so that an admin knows what to set; what it cannot do without has no default."""
        for field in msgspec.structs.fields(bench.provider.declared.settings):
            if field.name not in self.settings:
                continue
            bench.configure({name: value for name, value in self.settings.items() if name != field.name})
            reason, variable = bench.provider.reason or "", provider_variable(bench.name, field.name)
            if bench.provider.state == "ok":
                needed = isinstance(await _result_of(bench.given(self.query)), Unauthorized)
                assert not needed, f"settings: it does nothing without {field.name}, so give that no default"
            else:
                assert variable in reason, f"configure: without {field.name} name {variable}, not: {reason}"

    @benched
    async def test_declares_what_the_gateway_must_know(self, bench: Bench) -> None:
        """Its quotas and file hosts, filters by their uniform values, a credit line that can be filled."""
        await _result_of(bench.given(self.query))
        told = of_info(bench.provider, upstream=bench.upstream is not None)
        _none([*told, *of_quotas(bench.provider.info.quotas, bench.headers)])

    # What it answers

    @benched
    async def test_every_record_is_whole(self, bench: Bench) -> None:
        """Id, renditions, licence and credit are there; text is plain, links are https and lead to declared hosts."""
        info, files, problems = bench.provider.info, bench.provider.holds_files, list[str]()
        for number in (1, 2):
            given = await bench.given(self.query, number)
            problems += changed_by_mending(given, mended := mend.page(given, info, holds_files=files).images)
            for image in mended:
                problems += of_image(image, info, strangers=self.hosts_of_strangers, files=files)
            assert given.images or number > 1, f"{self.query!r} found nothing; set `query` to words that find something"
            if given.last:
                break
        _none(problems)

    @benched
    async def test_keys_and_refs_are_not_shown(self, bench: Bench) -> None:
        """No secret in any record; `ref` in no other field."""
        images, problems = await _images(bench, self.query), list[str]()
        for image in images:
            shown = msgspec.json.encode(msgspec.structs.replace(image, ref=None)).decode()
            problems += [f"{each!r} is in the record {image.id}" for each in secrets(self.settings) if each in shown]
            if image.ref and image.ref in shown:
                problems.append(f"the ref {image.ref} of {image.id} is in the record too")
        _none(problems)

    @benched
    async def test_pages_follow_without_repeat(self, bench: Bench) -> None:
        """From the first to the one that says `last`, none larger than `page_size`; recorded ones as far as they go."""
        recorded, ids, calls = _recorded(bench), list[str](), list[httpx.URL]()
        if bench.upstream is None:  # it may have few files
            bench.configure({**self.settings, "page_size": FEW})
        size, depth = bench.provider.info.page_size, bench.provider.info.max_results
        for number in range(1, 3 if recorded else MOST_PAGES + 1):
            bench.calls.clear()
            page = await bench.given(self.query, number)
            if calls and bench.calls == calls:
                pytest.fail(f"page {number} is asked for as page {number - 1} was: send query.page on")
            if recorded and ids and [image.id for image in page.images] == ids:
                break  # the second page was not recorded
            _none(of_page(page, number, size, ids))
            calls = list(bench.calls)
            ids += [image.id for image in page.images]
            if page.last:
                break
        else:
            assert recorded, f"no page of {self.query!r} said last=True; where does the upstream tell its end?"
        early = "set query to words of more, or last is said too early"
        assert recorded or len(ids) > size, f"{self.query!r} found one page only; {early}"
        if not recorded and (depth is None or number * size < depth):
            more = await _result_of(bench.given(self.query, number + 1))
            told = f"page {number} said last=True, but page {number + 1} has images; a short page need not be the last"
            assert isinstance(more, ProviderError) or not {image.id for image in more.images} - set(ids), told

    @benched
    async def test_pages_are_as_large_as_asked(self, bench: Bench) -> None:
        """An admin may set a smaller `page_size`: `per_page` is sent on, and offsets are reckoned with it."""
        if _recorded(bench):
            pytest.skip("recorded answers have one size")
        half = max(1, bench.provider.info.page_size // 2) if bench.upstream else FEW
        whole = await bench.given(self.query)
        bench.configure({**self.settings, "page_size": half})
        first, second = [await bench.given(self.query, number) for number in (1, 2)]
        _none(of_page(first, 1, half, []))
        _none(of_page(second, 2, half, [image.id for image in first.images]))
        known = {image.id for image in whole.images}
        stray = [image.id for image in second.images if image.id not in known]
        told = "reckon offsets with query.per_page, or lower page_size to what it gives"
        assert not stray, f"the second page of {half} has {stray[0]}, the first of twice the size has not: {told}"

    @benched
    async def test_nothing_found_is_an_answer(self, bench: Bench) -> None:
        """An empty page, the last; no error."""
        if _recorded(bench):
            pytest.skip("recorded answers know no other words")
        page = await _result_of(bench.given(self.nothing))
        told = f"a search that finds nothing must give Page([], last=True), not raise {page!r}"
        assert not isinstance(page, ProviderError), told
        assert not page.images, f"{self.nothing!r} found something; set `nothing` to words that do not"
        assert page.last, "a search that finds nothing must say last=True"

    @benched
    async def test_an_image_is_looked_up_again_by_its_id(self, bench: Bench) -> None:
        """The same one: source page, licence, author."""
        if "fetch_image" not in bench.provider.hooks:
            pytest.fail("add the hook fetch_image: without it an image that left the cache cannot be downloaded")
        looked_up = 0
        for image in (await _images(bench, self.query))[:3]:
            again = await _result_of(bench.fetch(image.id))
            if _recorded(bench) and not (isinstance(again, Image) and again.id == image.id):
                continue  # this one's lookup was not recorded
            assert isinstance(again, Image), f"fetch_image({image.id!r}) of an image of the search: {again!r}"
            looked_up += 1
            for field in ("id", "source_url", "license", "author"):
                one, other = getattr(image, field), getattr(again, field)
                assert one == other, f"{field} of {image.id} is {one} in the search and {other} in fetch_image"
        assert looked_up, "record the lookup of one of these images too: imagevault providers check NAME --record"

    @benched
    async def test_an_unknown_id_is_none(self, bench: Bench) -> None:
        """Whatever it looks like; and it never leads to another path of the upstream."""
        for id in ODD_IDS:
            calls = bench.upstream.calls if bench.upstream else []
            calls.clear()
            found = await _result_of(bench.fetch(id))
            astray = [call.path for call in calls if not any(id in text for text in sent(call))]
            assert not astray, f"fetch_image({id!r}) called {astray[0]}: in a path it must be quote(image_id, safe='')"
            if not isinstance(found, NotFound) and not (isinstance(found, Image) and _recorded(bench)):
                assert found is None, f"fetch_image must answer None for {id!r}, not {found!r:.200}"

    @benched
    async def test_its_files_can_be_opened(self, bench: Bench, tmp_path: Path) -> None:
        """Of a provider that holds its files itself: each rendition is a file, and nothing else is."""
        if not bench.provider.holds_files:
            return
        for image in (await _images(bench, self.query))[:3]:
            for name in [each.name for each in image.renditions if each.url is None]:
                path = bench.provider.open_file(image.id, name, tmp_path)
                is_file = path is not None and path.is_file()
                assert is_file, f"open_file({image.id!r}, {name!r}) must answer a file, not {path}"
        for id in ODD_IDS:
            path = bench.provider.open_file(id, "original", tmp_path)
            assert path is None, f"open_file must answer None for {id!r}, not {path}"

    # What it sends

    @benched
    async def test_words_arrive_as_they_are(self, bench: Bench) -> None:
        """Letters beyond ASCII and characters with a meaning in URLs too: use `params`, not an f-string."""
        upstream = _upstream(bench)
        await _result_of(bench.given(self.query))  # what is kept of it is no answer to other words
        await _result_of(bench.given(ODD_WORDS))
        arrived = " ".join(text for call in upstream.calls for text in sent(call))
        told = "of the words did not arrive as it is: give them to `params`"
        _none(f"{word} {told}" for word in ODD_WORDS.split() if word not in arrived)

    @benched
    async def test_native_filters_are_sent(self, bench: Bench) -> None:
        """Every value of every filter that it declares; and shapes are those that were asked for."""
        upstream, problems = _upstream(bench), list[str]()
        for name, values in bench.provider.info.filters.items():
            for value, native in values.items():
                upstream.calls.clear()
                page = await _result_of(bench.given(self.query, native={name: native}))
                if not any(native in text for call in upstream.calls for text in sent(call)):
                    problems.append(f"{name}: {native!r} of query.native was not sent")
                elif name == "orientation" and not isinstance(upstream, Recorded):
                    problems += of_shapes(page, value, native)
        _none(problems)

    @benched
    async def test_calls_no_other_host(self, bench: Bench) -> None:
        """The gateway refuses that: use paths relative to `base_url`, and no client but `http`."""
        upstream = _upstream(bench)
        page = await _result_of(bench.search(self.query))
        assert not isinstance(page, ProviderError), f"search_images raised {page!r}: call paths relative to base_url"
        for image in page.images[:1]:
            await _result_of(bench.fetch(image.id))
        past = len(upstream.calls) != len(bench.calls) or not bench.calls
        assert not past, "it calls its API past the `http` that its hooks are given, or not at all"

    @benched
    async def test_nothing_else_waits_for_it(self, bench: Bench) -> None:
        """A hook that blocks stops every request of the server: await what `http` does, use asyncio.to_thread."""
        for _ in range(3):  # a busy machine pauses too, though not each time
            bench.configure(self.settings)  # forgets what it kept
            if bench.upstream is not None:
                bench.upstream.fail(faults.delay(SLOW), times=1)
            pause = await longest_pause(_result_of(bench.given(self.query)))
            if pause < SLOW:
                return
        pytest.fail(f"search_images blocks the server for {pause:.2f} s: await `http`, and asyncio.sleep")

    @benched
    async def test_a_download_is_told(self, bench: Bench) -> None:
        """Of a provider with the hook `image_downloaded`: by a call, whose failure is not hidden."""
        if "image_downloaded" not in bench.provider.hooks or _recorded(bench):
            return
        image = (await _images(bench, self.query))[0]
        bench.calls.clear()
        error = await _result_of(bench.downloaded(image))
        assert error is None, f"image_downloaded with an image of the search raised {error!r}"
        assert bench.calls, "image_downloaded made no call"
        _upstream(bench).fail(Answer("", 500))
        assert await _result_of(bench.downloaded(image)), "image_downloaded must raise where the call fails"

    # What it makes of trouble

    @pytest.mark.parametrize("kind", [*FAILURES, *RAISED])
    @benched
    async def test_every_failure_has_its_name(self, bench: Bench, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        """In a search and in a lookup, after one call; and no log tells a key, as no message does by the gateway."""
        caplog.set_level("DEBUG")
        upstream = _upstream(bench)
        id = (await _images(bench, self.query))[0].id
        bench.configure(self.settings)  # forgets what it kept
        if kind in FAILURES:
            upstream.fail(FAILURES[kind][0])
        else:
            bench.fault = RAISED[kind][0]
        asks: dict[str, Callable[[], Awaitable[object]]]
        asks = {"search_images": lambda: bench.search(self.query), "fetch_image": lambda: bench.fetch(id)}
        for hook in [name for name in asks if name in bench.provider.hooks]:
            bench.calls.clear()
            found = await _result_of(asks[hook]())
            _none(of_failure(kind, hook, found))
            told = "again: leave that to the gateway, which counts"
            _none(f"{kind}: {hook} called {url.path} {told}" for url in repeated(bench.calls))
        _none(f"{secret!r} is in the log" for secret in secrets(self.settings) if secret in caplog.text)

    @benched
    async def test_a_bad_record_is_left_out_alone(self, bench: Bench) -> None:
        """Decode lists as `list[msgspec.Raw]`, then `decode_each`."""
        upstream = _upstream(bench)
        before = [image.id for image in await _images(bench, self.query)]
        spoiler = Spoiler(before)
        bench.configure(self.settings)
        upstream.fail(spoiler)
        found = await _result_of(bench.search(self.query))
        if not spoiler.done:
            pytest.skip("its answers hold no list of records")
        told = f"one bad record cost the page: decode a list[msgspec.Raw] by decode_each ({found})"
        assert not isinstance(found, ProviderError), told
        after = {image.id for image in found.images}
        assert after < set(before), "a record without any of its fields is still there: type what you read of it"
        assert len(after) == len(before) - 1, f"one bad record cost {len(before) - len(after)}"


def _upstream(bench: Bench) -> Upstream:
    if bench.upstream is None:
        pytest.skip("it has no upstream")
    return bench.upstream


def _recorded(bench: Bench) -> bool:
    return isinstance(bench.upstream, Recorded)


async def _images(bench: Bench, query: str) -> Sequence[Image]:
    """What a search finds on its first page, at least one image."""
    page = await _result_of(bench.search(query))
    assert not isinstance(page, ProviderError), f"search_images raised {page!r}"
    assert page.images, f"{query!r} found nothing; set `query` to words that find something"
    return page.images


async def _result_of(ask: Awaitable[T]) -> T | ProviderError:
    try:
        return await ask
    except ProviderError as error:
        return error


def _none(problems: Iterable[str]) -> None:
    found = list(dict.fromkeys(problems))
    assert not found, "\n".join(found[:20])
