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

from collections.abc import Awaitable, Callable, Iterable, Mapping
from string import Formatter
from typing import Any, TypeVar

import msgspec
import pytest

from imagevault.errors import NotFound, ProviderError
from imagevault.gateway.filters import VALUES
from imagevault.records import Image, Page
from imagevault.settings import provider_variable
from imagevault.testing import faults
from imagevault.testing.bench import Bench, on_bench
from imagevault.testing.complaints import changed_by_mending, of_image
from imagevault.testing.failures import FAILURES, RAISED
from imagevault.testing.recorded import Recorded
from imagevault.testing.upstream import Upstream

T = TypeVar("T")

MOST_PAGES = 40
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

    def on_bench(self, work: Callable[[Bench], Awaitable[T]]) -> T:
        """Does the work with the provider on a bench."""
        return on_bench(self.plugin, self.settings, self.upstream(), work)

    # What it says of itself

    def test_loads_with_these_settings(self) -> None:
        """Every hook is known and of its kind, and nothing is missing."""

        async def work(bench: Bench) -> None:
            assert bench.provider.state == "ok", bench.provider.reason

        self.on_bench(work)

    def test_names_a_setting_that_is_missing(self) -> None:
        """As an environment variable, so that an admin knows what to set."""

        async def work(bench: Bench) -> None:
            for field in msgspec.structs.fields(bench.provider.declared.settings):
                if field.required:
                    bench.configure({name: value for name, value in self.settings.items() if name != field.name})
                    assert bench.provider.state == "unconfigured", f"without {field.name} it must be unconfigured"
                    assert provider_variable(bench.name, field.name) in (bench.provider.reason or "")

        self.on_bench(work)

    def test_declares_what_the_gateway_must_know(self) -> None:
        """Its quotas and file hosts, filters by their uniform values, a credit line that can be filled."""

        async def work(bench: Bench) -> None:
            info = bench.provider.info
            _none(
                [
                    *([] if bench.upstream is None or info.quotas else ["quotas: say how many calls it allows"]),
                    *([] if bench.upstream is None or info.file_hosts else ["file_hosts: say where its files are"]),
                    *_no_https("homepage", info.homepage),
                    *_no_https("base_url", bench.provider.declared.base_url),
                    *(
                        f"credit: there is no {{{field}}}; use {{title}}, {{author}} and {{license}}"
                        for _, field, _, _ in Formatter().parse(info.credit)
                        if field and field not in {"title", "author", "license"}
                    ),
                    *(
                        f"filters: {name} has no value {value}; there are {', '.join(VALUES[name])}"
                        for name in info.filters.keys() & VALUES
                        for value in info.filters[name]
                        if value not in VALUES[name]
                    ),
                ]
            )

        self.on_bench(work)

    # What it answers

    def test_every_record_is_whole(self) -> None:
        """Id, renditions, licence and credit are there; text is plain, links are https and lead to declared hosts."""

        async def work(bench: Bench) -> None:
            given = await bench.given(self.query)
            images = (await bench.search(self.query)).images
            assert images, f"{self.query!r} found nothing; set `query` to words that find something"
            info = bench.provider.info
            problems = list(changed_by_mending(given, images))
            for image in images:
                problems += of_image(image, info, strangers=self.hosts_of_strangers, files=bench.provider.holds_files)
            _none(problems)

        self.on_bench(work)

    def test_pages_follow_without_repeat(self) -> None:
        """From the first to the one that says `last`, none larger than `page_size`; recorded ones as far as they go."""

        async def work(bench: Bench) -> None:
            size, ids, recorded = bench.provider.info.page_size, list[str](), isinstance(bench.upstream, Recorded)
            for number in range(1, 3 if recorded else MOST_PAGES + 1):
                page = await bench.given(self.query, number)
                assert len(page.images) <= size, f"page {number} has {len(page.images)} images; page_size says {size}"
                repeated = {image.id for image in page.images} & set(ids)
                assert not repeated or recorded, f"page {number} repeats {sorted(repeated)[:3]}: is `page` sent on?"
                ids += [image.id for image in page.images]
                assert page.total is None or page.total >= len(set(ids)), f"total is {page.total}, but {len(ids)} came"
                if page.last:
                    break
            else:
                assert recorded, f"no page of {self.query!r} said last=True; where does the upstream tell its end?"
            assert recorded or len(ids) > size, f"{self.query!r} found one page only; set `query` to words of more"

        self.on_bench(work)

    def test_nothing_found_is_an_answer(self) -> None:
        """An empty page, the last; no error."""

        async def work(bench: Bench) -> None:
            if isinstance(bench.upstream, Recorded):
                pytest.skip("recorded answers know no other words")
            page = await bench.given(self.nothing)
            assert not page.images, f"{self.nothing!r} found something; set `nothing` to words that do not"
            assert page.last, "a search that finds nothing must say last=True"

        self.on_bench(work)

    def test_an_image_is_looked_up_again_by_its_id(self) -> None:
        """The same one: source page, licence, author."""

        async def work(bench: Bench) -> None:
            if "fetch_image" not in bench.provider.hooks:
                pytest.fail("add the hook fetch_image: without it an image that left the cache cannot be downloaded")
            images = (await bench.search(self.query)).images
            looked_up = 0
            for image in images[:3]:
                again = await bench.fetch(image.id)
                if again is None and isinstance(bench.upstream, Recorded):
                    continue  # this one's lookup was not recorded
                assert again is not None, f"fetch_image does not find {image.id}, which the search gave"
                looked_up += 1
                for field in ("id", "source_url", "license", "author"):
                    one, other = getattr(image, field), getattr(again, field)
                    assert one == other, f"{field} of {image.id} is {one} in the search and {other} in fetch_image"
            assert looked_up, "record the lookup of one of these images too: imagevault providers check NAME --record"

        self.on_bench(work)

    def test_an_unknown_id_is_none(self) -> None:
        """Whatever it looks like; and it never leads to another path of the upstream."""

        async def work(bench: Bench) -> None:
            for id in ODD_IDS:
                try:
                    found = await bench.fetch(id)
                except NotFound:
                    continue
                assert found is None, f"fetch_image must answer None for {id!r}"
            base = bench.upstream.base_path if bench.upstream else ""
            _none([f"it called {url}: quote the id" for url in bench.calls if not url.path.startswith(base)])

        self.on_bench(work)

    # What it sends

    def test_words_arrive_as_they_are(self) -> None:
        """Letters beyond ASCII and characters with a meaning in URLs too: use `params`, not an f-string."""

        async def work(bench: Bench) -> None:
            upstream = _upstream(bench)
            await _or_error(bench.given(ODD_WORDS))
            sent = " ".join(part for call in upstream.calls for part in [*call.query.values(), call.body.decode()])
            _none([f"{word} did not arrive" for word in ODD_WORDS.split() if word not in sent])

        self.on_bench(work)

    def test_native_filters_are_sent(self) -> None:
        """Every value of every filter that it declares."""

        async def work(bench: Bench) -> None:
            upstream, problems = _upstream(bench), []
            for name, values in bench.provider.info.filters.items():
                for native in dict.fromkeys(values.values()):
                    upstream.calls.clear()
                    await _or_error(bench.given(self.query, native={name: native}))
                    sent = [value for call in upstream.calls for value in [*call.query.values(), call.body.decode()]]
                    if not any(native in value for value in sent):
                        problems.append(f"{name}: {native!r} of query.native was not sent")
            _none(problems)

        self.on_bench(work)

    def test_calls_no_other_host(self) -> None:
        """The gateway refuses that: use paths relative to `base_url`."""

        async def work(bench: Bench) -> None:
            upstream = _upstream(bench)
            page = await bench.search(self.query)
            await _or_error(bench.fetch(page.images[0].id))
            hosts = {f"{url.host}:{url.port}" for url in bench.calls}
            assert hosts == {f"127.0.0.1:{upstream.port}"}

        self.on_bench(work)

    # What it makes of trouble

    @pytest.mark.parametrize("kind", [*FAILURES, *RAISED])
    def test_every_failure_has_its_name(self, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        """In a search and in a lookup; and no message or log tells a key."""

        async def work(bench: Bench) -> None:
            upstream = _upstream(bench)
            id = (await bench.search(self.query)).images[0].id
            bench.configure(self.settings)  # forgets what it kept
            if kind in FAILURES:
                fault, expected = FAILURES[kind]
                upstream.fail(fault)
            else:
                bench.fault, expected = RAISED[kind]
            for hook, ask in (("search_images", bench.search(self.query)), ("fetch_image", bench.fetch(id))):
                error = await _or_error(ask)
                if error is None and hook == "fetch_image" and kind == "404":
                    continue
                wanted = " or ".join(each.__name__ for each in expected)
                assert isinstance(error, expected), f"{kind} in {hook} must raise {wanted}, not: {error!r}"
                if kind == "429 for a while":
                    assert error.retry_after == 37, f"{hook}: `retry_after` must be what Retry-After says"
                _none([f"{hook}: {secret!r} is in {error}" for secret in self._secrets() if secret in str(error)])
            _none([f"{secret!r} is in the log" for secret in self._secrets() if secret in caplog.text])

        caplog.set_level("DEBUG")
        self.on_bench(work)

    def test_a_bad_record_is_left_out_alone(self) -> None:
        """Decode lists as `list[msgspec.Raw]`, then `decode_each`."""

        async def work(bench: Bench) -> None:
            upstream, spoiled = _upstream(bench), list[object]()
            before = {image.id for image in (await bench.given(self.query)).images}
            bench.configure(self.settings)
            upstream.fail(faults.changed(lambda content: spoiled.append(_spoil(content))), times=1)
            after = {image.id for image in (await bench.given(self.query)).images}
            if not any(spoiled):
                pytest.skip("its answers hold no list of records")
            assert after < before, "the record that was spoiled is still there"
            assert len(after) == len(before) - 1, f"one bad record cost {len(before) - len(after)}"

        self.on_bench(work)

    # What must stay inside

    def test_keys_and_refs_are_not_shown(self) -> None:
        """No secret in any record; `ref` in no other field."""

        async def work(bench: Bench) -> None:
            page = await bench.search(self.query)
            shown = [msgspec.json.encode(msgspec.structs.replace(image, ref=None)).decode() for image in page.images]
            _none([f"{secret!r} is in a record" for secret in self._secrets() if secret in "".join(shown)])
            refs = [image.ref for image in page.images if image.ref]
            _none([f"the ref {ref} is in a record too" for ref in refs if any(ref in text for text in shown)])

        self.on_bench(work)

    def _secrets(self) -> list[str]:
        words = ("key", "secret", "token", "password")
        return [str(value) for name, value in self.settings.items() if any(word in name for word in words)]


def _upstream(bench: Bench) -> Upstream:
    if bench.upstream is None:
        pytest.skip("it has no upstream")
    return bench.upstream


async def _or_error(ask: Awaitable[Page | Image | None]) -> ProviderError | None:
    try:
        await ask
    except ProviderError as error:
        return error
    return None


def _none(problems: Iterable[str]) -> None:
    found = list(dict.fromkeys(problems))
    assert not found, "\n".join(found[:20])


def _no_https(field: str, url: str | None) -> list[str]:
    return [] if url is None or url.startswith("https://") else [f"{field}: must begin with https://, not {url}"]


def _spoil(content: Any) -> bool:
    """Makes the first record of the longest list of objects, of those nearest to the root, no record any more."""
    level = [content]
    while level:
        lists = [each for each in level if isinstance(each, list) and len(each) > 1 and isinstance(each[0], dict)]
        if lists:
            max(lists, key=len)[0] = {"unexpected": True}
            return True
        objects = [each for each in level if isinstance(each, dict)]
        level = [value for each in objects for value in each.values()]
    return False
