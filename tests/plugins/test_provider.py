"""What each hook is given, and what comes of what it returns."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault import Image, InvalidResponse, NotFound, Page, SearchQuery
from imagevault.config.settings import load
from imagevault.plugins import hookspecs
from imagevault.plugins.provider import Provider
from imagevault.upstream.limiter import limits_of
from tests.support.plugin_sources import INFO, KEYED, SEARCH

QUERY = SearchQuery(text="fox", per_page=10)


def test_every_hook_has_a_test() -> None:
    """Each hook of hookspecs is tested here by a test that is named for it."""
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "imagevault_spec")]
    untested = [hook for hook in hooks if not any(name.startswith(f"test_{hook}_") for name in vars(TestHooks))]

    assert len(hooks) >= 5
    assert untested == []


class TestFileLinks:
    """Where files are, for an upstream at its own address and for one that an admin moved."""

    MOVED = {"ACME_API_KEY": "k", "ACME_BASE_URL": "http://127.0.0.1:9/v1/"}

    def test_are_the_upstreams_own(self, place: Any) -> None:
        """A moved API alone moves no files."""
        for environ in ({"ACME_API_KEY": "k"}, self.MOVED):
            provider = place.provider(KEYED + SEARCH, environ)

            assert provider.file_link("https://img.example/a/1.jpg?h=350") == "https://img.example/a/1.jpg?h=350"

    @pytest.mark.parametrize(("path", "base"), [("/files", "files/"), ("/a/b/", "a/b/"), ("/", "")])
    def test_move_below_a_path(self, place: Any, path: str, base: str) -> None:
        """Host, port, path and query stay. What is at that host already stays as it is."""
        provider = place.provider(KEYED + SEARCH, {**self.MOVED, "ACME_FILES_PATH": path})

        for url in ("http://img.example:8080/a/1.jpg?h=350&w=9", "https://img.example/a%20b~c.jpg"):
            assert provider.file_link(url) == f"http://127.0.0.1:9/{base}{url.partition('://')[2]}"
        for url in ("http://127.0.0.1:9/v1/thumb/7", "http://127.0.0.1:9/7.jpg"):
            assert provider.file_link(url) == url


class TestHooks:
    """What each hook is given, and what comes of its answer."""

    def test_provider_info_is_what_the_provider_can_do(self, place: Any) -> None:
        """It is asked once, at load, and needs no settings for it."""
        provider = place.provider(INFO + SEARCH)

        assert (provider.info.title, provider.info.page_size, provider.state) == ("Acme", 10, "ok")

    def test_configure_changes_the_info(self, place: Any) -> None:
        """By the provider's settings; what was declared stays known, for when the settings change again."""
        source = """
@hookimpl
def configure(info, settings):
    return msgspec.structs.replace(info, page_size=info.page_size * settings.tier)
"""
        provider = place.provider(KEYED + SEARCH + source, {"ACME_API_KEY": "k", "ACME_TIER": "3"})
        assert (provider.info.page_size, provider.declared.page_size) == (30, 10)

        provider = Provider(provider.plugin, load({"ACME_API_KEY": "k", "ACME_TIER": "2"}, place.folder))
        assert provider.info.page_size == 20

        provider = Provider(provider.plugin, load({}, place.folder))
        assert provider.info.page_size == 10

    @pytest.mark.parametrize(
        ("body", "state", "reason"),
        [
            ("raise ValueError('tier 7 does not exist')", "unconfigured", "tier 7 does not exist"),
            ("return info.no_such", "failed", "AttributeError: 'ProviderInfo' object has no attribute 'no_such' ("),
            ("raise SystemExit(3)", "failed", "SystemExit: 3 (acme.py, line"),
            ("return None", "failed", "configure must return a ProviderInfo, not NoneType"),
            ("return msgspec.structs.replace(info, page_size=0)", "failed", "configure: page_size: Expected int >= 1"),
        ],
    )
    def test_configure_that_fails_costs_its_own_provider_only(
        self, place: Any, body: str, state: str, reason: str
    ) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\ndef configure(info):\n    {body}\n")

        assert provider.state == state
        assert str(provider.reason).startswith(reason)

    async def test_search_images_is_given_all_it_needs(self, place: Any, http: httpx.AsyncClient) -> None:
        """The query, the provider's own client, its settings and its memory."""
        source = """
@hookimpl
async def search_images(query, http, settings, keep):
    seen.append((query, http, settings.api_key, keep))
    return Page([Image(id=query.text)], total=1, last=True)
seen = []
"""
        keyed = KEYED.replace("page_size=10", "page_size=10, base_url='https://acme.example/'")
        provider = place.provider(keyed + source, {"ACME_API_KEY": "k"})

        page = await provider.search_images(QUERY, http)

        assert page == Page([Image(id="fox")], total=1, last=True)
        assert provider.plugin.module.seen == [(QUERY, http, "k", provider.keep)]

    async def test_search_images_may_take_fewer_arguments(self, place: Any, http: httpx.AsyncClient) -> None:
        """An argument added one day breaks no plugin; a hook without any is fine too."""
        search = "\n@hookimpl\nasync def search_images():\n    return Page([])\n"

        assert await place.provider(INFO + SEARCH).search_images(QUERY, http) == Page([Image(id="fox")])
        assert await place.provider(INFO + search).search_images(QUERY, http) == Page([])

    @pytest.mark.parametrize("answer", ["None", "[]", "'page'", "Image(id='1')", "Page(None)", "Page(iter([]))"])
    async def test_search_images_must_return_a_page(self, place: Any, http: httpx.AsyncClient, answer: str) -> None:
        provider = place.provider(f"{INFO}\n@hookimpl\nasync def search_images():\n    return {answer}\n")

        with pytest.raises(InvalidResponse, match=r"^search_images of acme must return a Page.*, not "):
            await provider.search_images(QUERY, http)

    async def test_search_images_lets_errors_through(self, place: Any, http: httpx.AsyncClient) -> None:
        """The gateway names them."""
        provider = place.provider(f"{INFO}\n@hookimpl\nasync def search_images():\n    raise KeyError('x')\n")

        with pytest.raises(KeyError):
            await provider.search_images(QUERY, http)

    async def test_search_images_of_one_provider_calls_no_other(self, place: Any, http: httpx.AsyncClient) -> None:
        """Each call goes to one plugin."""
        place.write("other", f"{place.HEAD}{INFO}\n@hookimpl\nasync def search_images():\n    raise KeyError\n")

        assert await place.provider(INFO + SEARCH).search_images(QUERY, http) == Page([Image(id="fox")])

    async def test_fetch_image_finds_one_by_its_id(self, place: Any, http: httpx.AsyncClient) -> None:
        source = """
@hookimpl
async def fetch_image(image_id, settings):
    return Image(id=image_id + settings.api_key) if image_id == "7" else None
"""
        provider = place.provider(KEYED + SEARCH + source, {"ACME_API_KEY": "k"})

        assert await provider.fetch_image("7", http) == Image(id="7k")
        assert await provider.fetch_image("8", http) is None

    async def test_fetch_image_must_return_an_image(self, place: Any, http: httpx.AsyncClient) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\nasync def fetch_image():\n    return 'image'\n")

        with pytest.raises(InvalidResponse, match=r"^fetch_image of acme must return an Image or None, not str$"):
            await provider.fetch_image("7", http)

    async def test_fetch_image_may_be_left_out(self, place: Any, http: httpx.AsyncClient) -> None:
        """Such a provider searches, and cannot look up a single image."""
        with pytest.raises(NotFound, match=r"^acme cannot look up a single image$"):
            await place.provider(INFO + SEARCH).fetch_image("7", http)

    async def test_image_downloaded_gets_what_was_taken(self, place: Any, http: httpx.AsyncClient) -> None:
        """With the `ref` that the provider gave; nothing happens for a plugin without this hook."""
        source = """
@hookimpl
async def image_downloaded(image, keep):
    await keep(image.ref, report, 60)

async def report():
    return "reported"
"""
        image = Image(id="7", ref="where-to-report")
        provider = place.provider(INFO + SEARCH + source)

        await provider.image_downloaded(image, http)
        await place.provider(INFO + SEARCH).image_downloaded(image, http)

        assert "where-to-report" in provider.keep.values
        assert limits_of(provider).keeps_reserve

    def test_open_file_gives_the_file_of_a_rendition(self, place: Any) -> None:
        """A provider with this hook holds its files itself."""
        source = """
@hookimpl
def open_file(image_id, rendition, scratch):
    return scratch / rendition / image_id if image_id != "gone" else None
"""
        provider = place.provider(INFO + SEARCH + source)

        assert provider.holds_files
        assert provider.open_file("7", "small", Path("/s")) == Path("/s/small/7")
        assert provider.open_file("gone", "small", Path("/s")) is None
        assert not place.provider(INFO + SEARCH).holds_files

    def test_open_file_must_return_a_path(self, place: Any) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\ndef open_file():\n    return '/etc/passwd'\n")

        with pytest.raises(InvalidResponse, match=r"^open_file of acme must return a Path or None, not str$"):
            provider.open_file("7", "small", Path("/s"))
