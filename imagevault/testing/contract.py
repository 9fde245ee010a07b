"""The contract of a provider, as tests: subclass `ProviderContract`, name the plugin and an upstream, and run pytest.

    from imagevault.testing import Recorded
    from imagevault.testing.contract import ProviderContract
    import imagevault_acme

    class TestAcme(ProviderContract):
        plugin = imagevault_acme
        settings = {"api_key": "test-key"}

        def upstream(self):
            return Recorded(Path(__file__).with_name("answers.json"))

Each test runs the plugin behind the gateway's own transport and sanitizing, against a real HTTP server on loopback. The
message of a failed test says what is wrong, then what to change. The rules themselves are in
`imagevault.testing.checks`, one module a subject.

A simulated upstream (`imagevault.testing.Upstream`) can show more than recorded answers: whether pages follow each
other to the end, and whether the provider understands the answer to an unknown id.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from imagevault.testing.bench import Bench, benched
from imagevault.testing.checks import calls, declaration, expressions, failures, lookups, pages, records, tokens
from imagevault.testing.checks.outcomes import is_recorded
from imagevault.testing.upstream import Upstream

Test = TypeVar("Test", bound=Callable[..., None])


def needs_upstream(test: Test) -> Test:
    """Mark a test that a provider without an upstream leaves out."""
    test.needs_upstream = True  # type: ignore[attr-defined]
    return test


class ProviderContract:
    """What every provider keeps to. Set `plugin` and `upstream`, and the other attributes where they differ.

    Attributes:
        plugin: the module or object with the hooks.
        settings: the provider's own settings, with test values.
        query: words that find more than one page and at most forty.
        nothing: words that find nothing.
        hosts_of_strangers: whether the provider links to files on hosts that nobody can list. One declared host for
            each image is enough then.
        has_lookup: False for an API without a call for one image by its id: a plugin without `fetch_image`, a TOML file
            without `[lookup]`.
        may_find_nothing: the keys of a TOML file that find nothing in the answers of this upstream, though they do in
            others: `{"image.description"}`.
        has_upstream: False for a provider that holds its files itself. The tests that need an upstream are left out.
    """

    plugin: Any
    settings: Mapping[str, Any] = {}
    query: str = "cat"
    nothing: str = "nothing"
    hosts_of_strangers: bool = False
    has_lookup: bool = True
    may_find_nothing: Collection[str] = ()
    has_upstream: bool = True

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Leave out the tests that the provider cannot have: pytest collects no test that is None."""
        super().__init_subclass__(**arguments)
        if cls.has_upstream:
            return
        for name in dir(ProviderContract):
            if getattr(getattr(ProviderContract, name), "needs_upstream", False):
                setattr(cls, name, None)

    def upstream(self) -> Upstream | None:
        """Return a new upstream for each test, not started; None for a provider that holds its files itself."""
        if self.has_upstream:
            raise AssertionError("the test class has no upstream: add def upstream(self): return Recorded(path)")
        return None

    # Declaration

    @benched
    async def test_loads_with_these_settings(self, bench: Bench) -> None:
        """Each hook has a known name and the right kind, and no required setting is missing."""
        declaration.check_loads(bench)

    @benched
    async def test_names_a_setting_that_is_missing(self, bench: Bench) -> None:
        """The error names the environment variable to set; a setting without which nothing works has no default."""
        await declaration.check_missing_settings(bench, self.settings, self.query)

    @benched
    async def test_declares_what_the_gateway_must_know(self, bench: Bench) -> None:
        """Quotas, file hosts, filters by their uniform values, and a credit line with known fields."""
        await declaration.check_declaration(bench, self.query)

    # Records and pages

    @benched
    async def test_every_record_is_whole(self, bench: Bench) -> None:
        """Id, renditions, licence and credit are present; text is plain; links are https and lead to declared hosts."""
        await records.check_records(bench, self.query, hosts_of_strangers=self.hosts_of_strangers)

    @benched
    async def test_every_expression_finds_something(self, bench: Bench) -> None:
        """Of a TOML file: each expression finds something in at least one of the records. Others have none."""
        await expressions.check_expressions(bench, self.query, self.may_find_nothing)

    @benched
    async def test_keys_and_refs_are_not_shown(self, bench: Bench) -> None:
        """No record holds a secret, and no other field holds the `ref`."""
        await records.check_secrets(bench, self.query, self.settings)

    @benched
    async def test_pages_follow_without_repeat(self, bench: Bench) -> None:
        """Pages follow each other from the first of the upstream to the one that says `last`; none is too large."""
        await pages.check_pages(bench, self.query, self.settings)

    @benched
    async def test_a_token_leads_to_its_page(self, bench: Bench) -> None:
        """Of a provider that pages by token: the token alone leads to its page, and an unknown one is an error."""
        await tokens.check_tokens(bench, self.query, self.settings)

    @benched
    async def test_pages_are_as_large_as_asked(self, bench: Bench) -> None:
        """A smaller `page_size`, which an admin may set, gives smaller pages: compute offsets from `per_page`."""
        if is_recorded(bench):
            pytest.skip("recorded answers have only one page size")
        await pages.check_page_size(bench, self.query, self.settings)

    @benched
    async def test_nothing_found_is_an_answer(self, bench: Bench) -> None:
        """A search that finds nothing gives an empty last page, and no error."""
        if is_recorded(bench):
            pytest.skip("recorded answers know no other words")
        await pages.check_empty_search(bench, self.nothing)

    # Lookups

    @benched
    async def test_ids_are_stable(self, bench: Bench) -> None:
        """The same search gives the same ids: consumers store an id, and look the image up by it months later."""
        await lookups.check_stable_ids(bench, self.query, self.settings)

    @benched
    async def test_an_image_is_looked_up_again_by_its_id(self, bench: Bench) -> None:
        """`fetch_image` gives the same id, source page, licence and author as the search."""
        await lookups.check_lookup(bench, self.query, self.settings, has_lookup=self.has_lookup)

    @benched
    async def test_an_unknown_id_is_none(self, bench: Bench) -> None:
        """An unknown id of any form gives None, and never calls another path of the upstream."""
        await lookups.check_unknown_ids(bench)

    @benched
    async def test_its_files_can_be_opened(self, bench: Bench, tmp_path: Path) -> None:
        """Of a provider that holds its files itself: each rendition is a file, and no other id or name is."""
        await lookups.check_files(bench, self.query, tmp_path)

    # Calls

    @needs_upstream
    @benched
    async def test_words_arrive_as_they_are(self, bench: Bench) -> None:
        """Letters beyond ASCII and characters with a meaning in URLs arrive: use `params`, not an f-string."""
        await calls.check_words(bench, _upstream(bench), self.query)

    @needs_upstream
    @benched
    async def test_native_filters_are_sent(self, bench: Bench) -> None:
        """Each value of each declared filter is sent, and orientations find images of that shape."""
        await calls.check_filters(bench, _upstream(bench), self.query)

    @needs_upstream
    @benched
    async def test_sorts_and_parameters_are_sent(self, bench: Bench) -> None:
        """Each declared order and each value of a declared parameter makes a call of its own."""
        await calls.check_sorts(bench, self.query)
        await calls.check_parameters(bench, self.query)

    @needs_upstream
    @benched
    async def test_calls_no_other_host(self, bench: Bench) -> None:
        """The gateway refuses other hosts: use paths relative to `base_url`, and no client but `http`."""
        await calls.check_hosts(bench, _upstream(bench), self.query)

    @benched
    async def test_nothing_else_waits_for_it(self, bench: Bench) -> None:
        """A hook that blocks stops every request of the server: await `http`, or use asyncio.to_thread."""
        await calls.check_blocking(bench, self.query, self.settings)

    @benched
    async def test_a_download_is_told(self, bench: Bench) -> None:
        """Of a provider with the hook `image_downloaded`: it makes a call, and raises if the call fails."""
        await calls.check_download_event(bench, self.query)

    # Failures of the upstream

    @needs_upstream
    @pytest.mark.parametrize("kind", [*failures.FAILURES, *failures.RAISED])
    @benched
    async def test_every_failure_has_its_name(self, bench: Bench, kind: str, caplog: pytest.LogCaptureFixture) -> None:
        """A search and a lookup raise the right error after one call, and no log line holds a secret."""
        caplog.set_level("DEBUG")
        await failures.check_failure(bench, _upstream(bench), self.query, kind, self.settings)
        failures.check_log(caplog.text, self.settings)

    @needs_upstream
    @benched
    async def test_a_bad_record_is_left_out_alone(self, bench: Bench) -> None:
        """One bad record does not lose the page: decode lists as `list[msgspec.Raw]`, then use `decode_each`."""
        checked = await failures.check_bad_record(bench, _upstream(bench), self.query, self.settings)
        if not checked:
            pytest.skip("the answers of this upstream hold no list of records")


def _upstream(bench: Bench) -> Upstream:
    if bench.upstream is None:
        pytest.skip("the provider has no upstream: set has_upstream = False in the test class to leave this test out")
    return bench.upstream
