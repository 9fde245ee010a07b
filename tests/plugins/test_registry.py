"""Finding, isolating and configuring plugins; what one plugin gets wrong is said, and costs no other."""

import asyncio
import importlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault import Image, InvalidResponse, NotFound, Page, Quota, SearchQuery
from imagevault.config.settings import load
from imagevault.plugins import hookspecs
from imagevault.plugins.cache import PluginCache
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import Failure, PluginRegistry
from imagevault.upstream.limiter import limits_of

QUERY = SearchQuery(text="fox", per_page=10)
HEAD = """
from pathlib import Path
import msgspec
from imagevault import Image, Page, ProviderInfo, Quota, hookimpl
"""
INFO = """
@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10)
"""
SEARCH = """
@hookimpl
async def search_images(query):
    return Page([Image(id=query.text)])
"""
KEYED = """
class Settings(msgspec.Struct, frozen=True):
    api_key: str
    tier: int = 1

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, settings=Settings)
"""
GOOD = HEAD + INFO + SEARCH


class Place:
    """A working directory with plugin files, and installed packages of strangers."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.files = folder / "plugins"
        self.files.mkdir()
        self.site = folder / "site"
        self.site.mkdir()
        monkeypatch.syspath_prepend(self.site)
        self.before = set(sys.modules)

    def write(self, name: str, source: str) -> None:
        (self.files / f"{name}.py").write_text(source, encoding="utf-8")

    def install(self, package: str, entry_point: str, source: str) -> None:
        """What pip leaves of a stranger's package: a module, and metadata with an entry point `name = module`."""
        (self.site / f"{package}.py").write_text(source)
        metadata = self.site / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[imagevault]\n{entry_point}\n")
        importlib.invalidate_caches()

    def load(self, environ: Mapping[str, str] | None = None, toml: str = "") -> PluginRegistry:
        (self.folder / "imagevault.toml").write_text(toml)
        return PluginRegistry.load(load({"IMAGEVAULT_PLUGINS_DIR": "plugins", **(environ or {})}, self.folder))

    def provider(self, source: str, environ: Mapping[str, str] | None = None, toml: str = "") -> Provider:
        """The provider `acme` that this source makes."""
        self.write("acme", HEAD + source)
        self.plugins = self.load(environ, toml)
        assert self.plugins.failures == []
        return self.plugins.providers["acme"]

    def failure(self, source: str, name: str = "acme") -> str:
        """Why this source does not load; everything else is there as before."""
        self.write(name, source)
        self.write("other", GOOD)
        plugins = self.load()
        assert {"local", "other", "pexels"} <= set(plugins.providers)
        assert plugins.providers["other"].state == "ok"
        [failure] = plugins.failures
        assert (failure.name, failure.source) == (name, str(self.files / f"{name}.py"))
        return failure.reason


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path, monkeypatch)
    yield place
    for name in set(sys.modules) - place.before:
        if str(tmp_path) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def test_every_hook_has_a_test() -> None:
    """Each hook of hookspecs is tested here by a test that is named for it."""
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "imagevault_spec")]
    tests = [name for kind in (TestHooks,) for name in vars(kind)]
    untested = [hook for hook in hooks if not any(name.startswith(f"test_{hook}_") for name in tests)]

    assert len(hooks) >= 5
    assert untested == []


class TestHooks:
    """What each hook is given, and what comes of its answer."""

    def test_provider_info_is_what_the_provider_can_do(self, place: Place) -> None:
        """It is asked once, at load, and needs no settings for it."""
        provider = place.provider(INFO + SEARCH)

        assert (provider.info.title, provider.info.page_size, provider.state) == ("Acme", 10, "ok")

    def test_configure_changes_the_info(self, place: Place) -> None:
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
        self, place: Place, body: str, state: str, reason: str
    ) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\ndef configure(info):\n    {body}\n")

        assert provider.state == state
        assert str(provider.reason).startswith(reason)

    async def test_search_images_is_given_all_it_needs(self, place: Place, http: httpx.AsyncClient) -> None:
        """The query, the provider's own client, its settings and its memory."""
        source = """
@hookimpl
async def search_images(query, http, settings, keep):
    seen.append((query, http, settings.api_key, keep))
    return Page([Image(id=query.text)], total=1, last=True)
seen = []
"""
        provider = place.provider(KEYED + source, {"ACME_API_KEY": "k"})

        page = await provider.search_images(QUERY, http)

        assert page == Page([Image(id="fox")], total=1, last=True)
        assert provider.plugin.module.seen == [(QUERY, http, "k", provider.keep)]  # type: ignore[attr-defined]

    async def test_search_images_may_take_fewer_arguments(self, place: Place, http: httpx.AsyncClient) -> None:
        """So that an argument added one day breaks nobody; none at all will do."""
        search = "\n@hookimpl\nasync def search_images():\n    return Page([])\n"

        assert await place.provider(INFO + SEARCH).search_images(QUERY, http) == Page([Image(id="fox")])
        assert await place.provider(INFO + search).search_images(QUERY, http) == Page([])

    @pytest.mark.parametrize("answer", ["None", "[]", "'page'", "Image(id='1')", "Page(None)", "Page(iter([]))"])
    async def test_search_images_must_return_a_page(self, place: Place, http: httpx.AsyncClient, answer: str) -> None:
        provider = place.provider(f"{INFO}\n@hookimpl\nasync def search_images():\n    return {answer}\n")

        with pytest.raises(InvalidResponse, match=r"^search_images of acme must return a Page$"):
            await provider.search_images(QUERY, http)

    async def test_search_images_lets_errors_through(self, place: Place, http: httpx.AsyncClient) -> None:
        """The gateway names them."""
        provider = place.provider(f"{INFO}\n@hookimpl\nasync def search_images():\n    raise KeyError('x')\n")

        with pytest.raises(KeyError):
            await provider.search_images(QUERY, http)

    async def test_search_images_of_one_provider_asks_no_other(self, place: Place, http: httpx.AsyncClient) -> None:
        """Each call goes to one plugin."""
        place.write("other", f"{HEAD}{INFO}\n@hookimpl\nasync def search_images():\n    raise KeyError\n")

        assert await place.provider(INFO + SEARCH).search_images(QUERY, http) == Page([Image(id="fox")])

    async def test_fetch_image_finds_one_by_its_id(self, place: Place, http: httpx.AsyncClient) -> None:
        source = """
@hookimpl
async def fetch_image(image_id, settings):
    return Image(id=image_id + settings.api_key) if image_id == "7" else None
"""
        provider = place.provider(KEYED + SEARCH + source, {"ACME_API_KEY": "k"})

        assert await provider.fetch_image("7", http) == Image(id="7k")
        assert await provider.fetch_image("8", http) is None

    async def test_fetch_image_must_return_an_image(self, place: Place, http: httpx.AsyncClient) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\nasync def fetch_image():\n    return 'image'\n")

        with pytest.raises(InvalidResponse, match=r"^fetch_image of acme must return an Image or None$"):
            await provider.fetch_image("7", http)

    async def test_fetch_image_may_be_left_out(self, place: Place, http: httpx.AsyncClient) -> None:
        """Such a provider searches, and cannot look up a single image."""
        with pytest.raises(NotFound, match=r"^acme cannot look up a single image$"):
            await place.provider(INFO + SEARCH).fetch_image("7", http)

    async def test_image_downloaded_is_told_what_was_taken(self, place: Place, http: httpx.AsyncClient) -> None:
        """With the `ref` that the provider gave; a provider that does not want to know is not asked."""
        source = """
@hookimpl
async def image_downloaded(image, keep):
    await keep(image.ref, told, 60)

async def told():
    return "told"
"""
        image = Image(id="7", ref="where-to-tell")
        provider = place.provider(INFO + SEARCH + source)

        await provider.image_downloaded(image, http)
        await place.provider(INFO + SEARCH).image_downloaded(image, http)

        assert "where-to-tell" in provider.keep.kept
        assert limits_of(provider).keeps_reserve

    def test_open_file_gives_the_file_of_a_rendition(self, place: Place) -> None:
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

    def test_open_file_must_return_a_path(self, place: Place) -> None:
        provider = place.provider(f"{INFO}{SEARCH}\n@hookimpl\ndef open_file():\n    return '/etc/passwd'\n")

        with pytest.raises(InvalidResponse, match=r"^open_file of acme must return a Path or None$"):
            provider.open_file("7", "small", Path("/s"))


class TestFound:
    def test_ours_are_installed_like_a_strangers(self, place: Place) -> None:
        """By entry point, with the distribution they come from."""
        plugins = place.load()

        assert {"local", "pexels"} <= set(plugins.providers)
        assert plugins.providers["pexels"].source.startswith("imagevault ")
        assert plugins.failures == []
        assert plugins.problems == []

    async def test_a_strangers_package(self, place: Place, http: httpx.AsyncClient) -> None:
        place.install("imagevault_acme", "acme = imagevault_acme", GOOD)

        provider = place.load().providers["acme"]

        assert provider.source == "imagevault_acme 1.0"
        assert await provider.search_images(QUERY, http) == Page([Image(id="fox")])

    async def test_an_object_will_do_for_a_module(self, place: Place, http: httpx.AsyncClient) -> None:
        """Its methods are the hooks; one class can so make two providers."""
        source = f"""{HEAD}
class Acme:
    def __init__(self, title):
        self.title = title
    @hookimpl
    def provider_info(self):
        return ProviderInfo(title=self.title, page_size=10)
    @hookimpl
    async def search_images(self, query):
        return Page([Image(id=self.title)])
one, two = Acme("One"), Acme("Two")
"""
        place.install("imagevault_acme", "one = imagevault_acme:one\ntwo = imagevault_acme:two", source)

        providers = place.load().providers

        assert [providers[name].info.title for name in ("one", "two")] == ["One", "Two"]
        assert await providers["two"].search_images(QUERY, http) == Page([Image(id="Two")])

    async def test_a_function_may_have_another_name(self, place: Place, http: httpx.AsyncClient) -> None:
        """Pluggy's `specname` says which hook it is."""
        source = "\n@hookimpl(specname='search_images')\nasync def find(query):\n    return Page([])\n"

        assert await place.provider(INFO + source).search_images(QUERY, http) == Page([])

    def test_single_files_under_construction(self, place: Place) -> None:
        """The stem is the name; what begins with _ is somebody's helper, and what is no .py is not looked at."""
        place.write("acme", GOOD)
        place.write("acme-2", GOOD)
        place.write("_helper", "raise RuntimeError")
        place.write("__init__", "raise RuntimeError")
        (place.files / "notes.txt").write_text("notes")

        plugins = place.load()

        assert {"acme", "acme-2"} <= set(plugins.providers)
        assert plugins.providers["acme"].source == str(place.files / "acme.py")
        assert plugins.failures == []

    def test_a_file_may_be_called_as_the_module_of_a_package(self, place: Place) -> None:
        """So that a package's folder can be searched before it is installed."""
        place.write("imagevault_acme", GOOD)

        plugins = place.load()

        assert plugins.failures == []
        assert plugins.providers["acme"].source == str(place.files / "imagevault_acme.py")

    def test_a_file_takes_no_modules_place(self, place: Place) -> None:
        """One called json.py is the provider json, and not everybody's json from then on, loaded or not."""
        for source in (GOOD, GOOD + "raise RuntimeError"):
            place.write("json", source)
            place.load()

            assert sys.modules["json"] is json

    def test_modules_are_told_apart(self, place: Place) -> None:
        """The watchdog knows a plugin by the name of its module, whichever way it was found."""
        place.install("imagevault_acme", "acme = imagevault_acme", GOOD)
        place.write("other", GOOD)

        modules = place.load().modules()

        assert {modules["imagevault_acme"], modules["imagevault_pexels"]} == {"acme", "pexels"}
        assert "other" in modules.values()


class TestBroken:
    """A plugin that cannot be loaded is listed with a reason that its author understands; the others serve."""

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            pytest.param(
                "import no_such_module\n",
                "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)",
                id="import error",
            ),
            pytest.param("\n1 / 0\n", "ZeroDivisionError: division by zero (acme.py, line 2)", id="raises at import"),
            pytest.param("def f(:\n", "SyntaxError: invalid syntax (acme.py, line 1)", id="syntax error"),
            pytest.param("import sys; sys.exit(3)", "SystemExit: 3 (acme.py, line 1)", id="exits at import"),
            pytest.param(
                GOOD.replace("search_images", "serch_images"),
                "there is no hook serch_images. Did you mean search_images?",
                id="misspelt hook",
            ),
            pytest.param(
                HEAD + INFO + SEARCH.replace("(query)", "(query, htpp)"),
                "Plugin 'acme' for hook 'search_images'; hookimpl definition: search_images(query, htpp); "
                "Argument(s) {'htpp'} are declared in the hookimpl but can not be found in the hookspec",
                id="unknown argument",
            ),
            pytest.param(
                HEAD + SEARCH + INFO.replace("return", "raise KeyError('x')\n    return"),
                "KeyError: 'x' (acme.py, line 12)",
                id="raising provider_info",
            ),
            pytest.param(
                HEAD + SEARCH + INFO.replace("return", "raise SystemExit('gone')\n    return"),
                "SystemExit: gone (acme.py, line 12)",
                id="exiting provider_info",
            ),
            pytest.param(
                GOOD.replace("async def", "def"),
                "search_images must be a coroutine: async def search_images(...)",
                id="plain search_images",
            ),
            pytest.param(
                GOOD + "\n@hookimpl\ndef fetch_image(image_id):\n    return None\n",
                "fetch_image must be a coroutine: async def fetch_image(...)",
                id="plain fetch_image",
            ),
            pytest.param(
                GOOD.replace("def provider_info", "async def provider_info"),
                "provider_info must be a plain function: def provider_info(...)",
                id="asynchronous provider_info",
            ),
            pytest.param(
                GOOD + "\n@hookimpl\nasync def open_file(image_id):\n    return None\n",
                "open_file must be a plain function: def open_file(...)",
                id="asynchronous open_file",
            ),
            pytest.param(HEAD, "it has no hook provider_info (a function marked @hookimpl)", id="no hooks"),
            pytest.param(
                GOOD.replace("@hookimpl\nasync", "async"),
                "it has no hook search_images (a function marked @hookimpl)",
                id="unmarked hook",
            ),
            pytest.param(
                GOOD.replace("ProviderInfo(title", "dict(title"),
                "provider_info must return a ProviderInfo, not dict",
                id="info of another type",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size='10'"),
                "provider_info: page_size: Expected int, got str",
                id="value of another type",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=0"),
                "provider_info: page_size: Expected int >= 1",
                id="pages of no images",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, concurrency=0"),
                "provider_info: concurrency: Expected int >= 1",
                id="no call at once",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, quotas=[Quota(5, 'fortnight')]"),
                "provider_info: quotas: Invalid enum value 'fortnight' - at $[0].period",
                id="unknown period",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, filters={'color': ['red']}"),
                "provider_info: filters: Expected object, got array - at $[...]",
                id="filters without values",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, settings=dict"),
                "provider_info: settings: must be a subclass of msgspec.Struct",
                id="settings that are no Struct",
            ),
            pytest.param(
                HEAD + KEYED.replace("tier", "timeout") + SEARCH,
                "provider_info: settings: timeout is a key of the host's own; call it otherwise",
                id="a key of the host's",
            ),
            pytest.param(
                HEAD + KEYED.replace(": int", ": 'NoSuchType'") + SEARCH,
                "provider_info: settings: name 'NoSuchType' is not defined",
                id="settings of an unknown type",
            ),
            pytest.param(
                GOOD.replace("ProviderInfo(", "ProviderInfo(no_such=1, "),
                "TypeError: Unexpected keyword argument 'no_such' (acme.py, line 8)",
                id="unknown keyword",
            ),
        ],
    )
    def test_is_listed_with_its_reason(self, place: Place, source: str, reason: str) -> None:
        assert place.failure(source) == reason

    @pytest.mark.parametrize("name", ["Acme", "1acme", "acme.two", "a" * 33, "ac me", "größe"])
    def test_a_bad_name(self, place: Place, name: str) -> None:
        reason = "a provider's name is a small letter, then up to 31 small letters, digits, - or _"

        assert place.failure(GOOD, name) == reason

    def test_a_name_with_a_meaning(self, place: Place) -> None:
        """`provider=all` asks everybody."""
        assert place.failure(GOOD, "all") == "the name all has a meaning of its own in a search"

    def test_a_name_that_is_taken(self, place: Place) -> None:
        """The installed one stays, and its owner is named."""
        assert place.failure(GOOD, "pexels").startswith("the name is taken by imagevault ")

    def test_no_stranger_takes_a_name_of_ours(self, place: Place) -> None:
        """Wherever it stands in the alphabet."""
        place.install("aaa", "pexels = aaa", GOOD)

        plugins = place.load()

        assert plugins.providers["pexels"].info.title == "Pexels"
        assert [(each.name, each.source) for each in plugins.failures] == [("pexels", "aaa 1.0")]

    def test_a_module_that_is_not_there(self, place: Place) -> None:
        """An entry point may outlive its module."""
        place.install("imagevault_acme", "acme = imagevault_gone", "")
        place.install("imagevault_acme2", "acme2 = imagevault_acme2:gone", "")

        assert place.load().failures == [
            Failure("acme", "imagevault_acme 1.0", "ModuleNotFoundError: No module named 'imagevault_gone'"),
            Failure(
                "acme2",
                "imagevault_acme2 1.0",
                "AttributeError: module 'imagevault_acme2' has no attribute 'gone'",
            ),
        ]

    def test_one_module_under_two_names(self, place: Place) -> None:
        """The first name holds."""
        place.install("imagevault_acme", "acme = imagevault_acme\nbcme = imagevault_acme", GOOD)

        plugins = place.load()

        assert "acme" in plugins.providers
        assert [each.name for each in plugins.failures] == ["bcme"]

    async def test_leaves_nothing_behind(self, place: Place, http: httpx.AsyncClient) -> None:
        """Its hooks are not called, and a good plugin may have its name."""
        plugins = place.load()
        broken, good = (importlib.util.module_from_spec(importlib.machinery.ModuleSpec("acme", None)) for _ in "12")
        exec(GOOD.replace("page_size=10", "page_size=0"), vars(broken))  # noqa: S102
        exec(GOOD, vars(good))  # noqa: S102

        plugins.add("acme", lambda: broken, "first")
        plugins.add("acme", lambda: good, "second")
        plugins.configure(load({}, place.folder))

        assert [each.source for each in plugins.failures] == ["first"]
        assert plugins.loaded["acme"].module is good
        assert await plugins.providers["acme"].search_images(QUERY, http) == Page([Image(id="fox")])

    def test_is_logged(self, place: Place, caplog: pytest.LogCaptureFixture) -> None:
        """In one line, for the operator."""
        place.failure("1 / 0")

        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert record.getMessage() == (
            f"plugin acme ({place.files}/acme.py) is not loaded: ZeroDivisionError: division by zero (acme.py, line 1)"
        )

    def test_an_optional_hook_of_a_later_host(self, place: Place) -> None:
        """A plugin may say that this host need not know a hook of its."""
        place.write("acme", GOOD + "\n@hookimpl(optionalhook=True)\ndef from_the_future():\n    pass\n")

        assert "acme" in place.load().providers


class TestConfigured:
    """A provider's settings: right, missing, wrong; it never costs another provider."""

    UNSET = "ACME_API_KEY is not set (or api_key in [providers.acme])"

    def test_by_the_environment(self, place: Place) -> None:
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_TIER": "2"})

        assert (provider.state, provider.reason) == ("ok", None)
        assert (provider.settings.api_key, provider.settings.tier) == ("k", 2)  # type: ignore[union-attr]

    def test_by_the_file(self, place: Place) -> None:
        provider = place.provider(KEYED + SEARCH, toml='[providers.acme]\napi_key = "k"\ntier = 3')

        assert (provider.settings.api_key, provider.settings.tier) == ("k", 3)  # type: ignore[union-attr]

    def test_a_key_that_the_plugin_refuses_is_not_shown(self, place: Place) -> None:
        """Not even where its own settings raise with it, so that they never come to be; and callers hear less."""
        check = "    def __post_init__(self):\n        raise ValueError(f'{self.api_key!r} is no key')\n"
        source = KEYED.replace("    api_key: str\n", f"    api_key: str\n{check}") + SEARCH
        provider = place.provider(source, {"ACME_API_KEY": "acme-hidden-key"})

        assert (provider.state, provider.reason) == ("unconfigured", "'***' is no key")
        assert provider.secrets == ["acme-hidden-key"]
        assert provider.excuse == "Acme is set wrongly; an admin sees why"

    def test_a_missing_key_is_named(self, place: Place) -> None:
        """With its variable; what is known of the provider is known all the same."""
        provider = place.provider(KEYED + SEARCH)

        assert (provider.state, provider.reason) == ("unconfigured", self.UNSET)
        assert provider.info.title == "Acme"

    @pytest.mark.parametrize("blank", [" ", "\t \n", ""])
    @pytest.mark.parametrize("where", ["environment", "file"])
    def test_a_blank_key_is_none(self, place: Place, blank: str, where: str) -> None:
        environ = {"ACME_API_KEY": blank} if where == "environment" else {}
        toml = f"[providers.acme]\napi_key = {json.dumps(blank)}" if where == "file" else ""

        provider = place.provider(KEYED + SEARCH, environ, toml)

        assert (provider.state, provider.reason) == ("unconfigured", self.UNSET)

    def test_a_blank_key_that_is_optional(self, place: Place) -> None:
        """Falls back to the default."""
        source = KEYED.replace("api_key: str", "api_key: str | None = None") + SEARCH

        provider = place.provider(source, {"ACME_API_KEY": " "})

        assert provider.state == "ok"
        assert provider.settings.api_key is None  # type: ignore[union-attr]
        assert provider.secrets == []  # so that no refusal speaks of a key

    def test_blanks_round_a_key_are_taken_off(self, place: Place) -> None:
        """They were copied along with it."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": " \tkey with blanks\r\n"})

        assert provider.settings.api_key == "key with blanks"  # type: ignore[union-attr]

    @pytest.mark.parametrize("key", ["schl\u00fcssel", "\u200bkey", "a\nb", "a\x00b", "a\x1bb", "\udcff\udcfe"])
    def test_a_key_that_fits_into_no_header(self, place: Place, key: str) -> None:
        """Is said before any call is made with it, and not shown."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": key})

        assert provider.state == "unconfigured"
        assert str(provider.reason).startswith("api_key: must ")
        assert str(provider.reason).endswith(" (environment variable ACME_API_KEY)")
        assert key not in str(provider.reason)

    @pytest.mark.parametrize(
        ("toml", "reason"),
        [
            ("api_key = 5", "api_key: must be text ("),
            ('api_key = "k"\ntier = "many"', "tier: must be a whole number ("),
            ('api_key = "k"\ntier = [1]', "tier: must be a whole number ("),
            ('api_key = "k"\ntir = 1', "tir: there is no such setting of acme. Did you mean tier? ("),
            (
                'api_key = "k"\ntimeout = 0',
                "timeout: must be a number from 0.1 to 30; it is: seconds it may take in one search (",
            ),
            (
                'api_key = "k"\nbase_url = "acme"',
                "base_url: must be an address such as https://images.example.org; it is: another",
            ),
            (
                'api_key = "k"\nenabled = "perhaps"',
                "enabled: must be true or false; it is: switches the provider on or off (",
            ),
        ],
    )
    def test_a_wrong_key_is_named(self, place: Place, toml: str, reason: str) -> None:
        """With its source; the provider is unconfigured, and the others are not."""
        place.write("other", HEAD + KEYED + SEARCH)
        place.write("acme", HEAD + KEYED + SEARCH)
        plugins = place.load({"OTHER_API_KEY": "k"}, f"[providers.acme]\n{toml}")

        assert plugins.providers["acme"].state == "unconfigured"
        assert str(plugins.providers["acme"].reason).startswith(reason)
        assert str(plugins.providers["acme"].reason).endswith("imagevault.toml, [providers.acme])")
        assert plugins.providers["other"].state == "ok"

    def test_settings_may_check_themselves(self, place: Place) -> None:
        """A ValueError of theirs says what is wrong."""
        check = "\n    def __post_init__(self):\n        raise ValueError('tier 1 is over')\n"
        source = KEYED.replace("    tier: int = 1", f"    tier: int = 1\n{check}") + SEARCH

        provider = place.provider(source, {"ACME_API_KEY": "k"})

        assert (provider.state, provider.reason) == ("unconfigured", "tier 1 is over")

    def test_keys_of_the_host(self, place: Place) -> None:
        """From the file and the environment, which wins; the plugin does not see them."""
        toml = '[providers.acme]\nbase_url = "https://one.example/api"\ntimeout = 1.5\napi_key = "k"'
        environ = {"ACME_BASE_URL": "http://127.0.0.1:9/v1", "ACME_TIER": "2"}

        provider = place.provider(KEYED + SEARCH, environ, toml)

        assert (provider.host.base_url, provider.host.timeout) == ("http://127.0.0.1:9/v1", 1.5)
        assert provider.settings.__struct_fields__ == ("api_key", "tier")  # type: ignore[union-attr]

    def test_what_the_admin_changes_of_the_info(self, place: Place) -> None:
        """A quota replaces the declared one of its period; pages may be smaller, and be kept for another time."""
        info = INFO.replace(
            "page_size=10", "page_size=10, quotas=[Quota(200, 'hour', remaining='Left'), Quota(2, 'second')]"
        )

        provider = place.provider(info + SEARCH, {"ACME_QUOTA": "10/hour, 99/day", "ACME_PAGE_SIZE": "5"})

        assert provider.info.quotas == [Quota(10, "hour", remaining="Left"), Quota(2, "second"), Quota(99, "day")]
        assert (provider.info.page_size, provider.declared.page_size) == (5, 10)

    @pytest.mark.parametrize(
        ("toml", "reason"),
        [
            ("page_size = 11", "page_size: must be at most 10; Acme gives no more at once"),
            ("cache_for = 59", "cache_for: must be at least 60; the terms of Acme demand it"),
            (
                'quota = ["10/fortnight"]',
                "quota: must be calls per second, minute, hour, day or month, such as 5000/hour",
            ),
        ],
    )
    def test_what_the_admin_cannot_change(self, place: Place, toml: str, reason: str) -> None:
        """What the provider cannot do, or its terms forbid."""
        info = INFO.replace("page_size=10", "page_size=10, must_cache_for=60")

        provider = place.provider(info + SEARCH, toml=f"[providers.acme]\n{toml}")

        assert (provider.state, provider.reason) == ("unconfigured", reason)

    @pytest.mark.parametrize(
        ("environ", "toml"),
        [
            ({"ACME_ENABLED": "false"}, ""),
            ({"ACME_ENABLED": "0", "ACME_API_KEY": "k"}, ""),
            ({}, "enabled = false"),
            ({"ACME_ENABLED": "False"}, "enabled = true"),
            ({}, "enabled = false\ntypo = 1"),
            ({}, 'enabled = false\ntimeout = "x"'),
            ({}, 'enabled = false\napi_key = "k"\ntier = "many"'),
        ],
    )
    def test_switched_off(self, place: Place, environ: dict[str, str], toml: str) -> None:
        """Whatever else is said of it, right or wrong."""
        provider = place.provider(KEYED + SEARCH, environ, f"[providers.acme]\n{toml}" if toml else "")

        assert (provider.state, provider.reason) == ("disabled", "switched off: enabled = false for acme")

    def test_switched_on_by_the_environment(self, place: Place) -> None:
        provider = place.provider(INFO + SEARCH, {"ACME_ENABLED": "true"}, "[providers.acme]\nenabled = false")

        assert provider.state == "ok"

    def test_anew(self, place: Place) -> None:
        """New settings replace the old ones altogether, and what the plugin kept under the old ones is gone."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_TIMEOUT": "1", "ACME_ENABLED": "false"})
        plugins = place.plugins
        former = place.plugins.providers["acme"]

        plugins.configure(load({"ACME_API_KEY": "k2"}, place.folder))
        provider = plugins.providers["acme"]
        assert (provider.state, provider.host.timeout) == ("ok", 3.0)
        assert provider.keep is not former.keep

        plugins.configure(load({"ACME_TYPO": "ignored", "ACME_TIMEOUT": "x"}, place.folder))
        assert (plugins.providers["acme"].state, plugins.providers["acme"].settings) == ("unconfigured", None)

    def test_the_same_settings_keep_a_provider_as_it_is(self, place: Place) -> None:
        """With all that its plugin kept; one that is switched off is withdrawn, so that nothing more leaves."""
        place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k"})
        former = place.plugins.providers

        place.plugins.configure(load({"ACME_API_KEY": "k", "IMAGEVAULT_DEADLINE": "2"}, place.folder))
        same = place.plugins.providers
        place.plugins.configure(load({"ACME_API_KEY": "k", "ACME_ENABLED": "false"}, place.folder))

        assert [former[name] is same[name] for name in former] == [True] * len(former)
        assert (former["acme"].withdrawn, former["pexels"].withdrawn) == (True, False)
        assert place.plugins.providers["acme"].state == "disabled"

    def test_settings_for_providers_that_are_not_there(self, place: Place) -> None:
        """Are problems to list, with the nearest name, and no errors."""
        toml = 'default = ["pexel", "local", "imgur"]\n[providers.locl]\nenabled = true\n[providers.giphy]\nx = 1'

        assert place.load(toml=toml).problems == [
            "[providers.locl]: there is no such provider. Did you mean local?",
            "[providers.giphy]: there is no such provider.",
            "default: there is no provider pexel. Did you mean pexels?",
            "default: there is no provider imgur.",
        ]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Maker:
    """A `make` that ends when told to, and counts how often it was called."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        self.begun.set()
        await self.go_on.wait()
        if self.error:
            raise self.error
        return f"made {self.calls}"


class TestMemory:
    """What a plugin keeps between calls: `await keep(key, make, seconds)`."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def keep(self, clock: Clock) -> PluginCache:
        return PluginCache(clock)

    @pytest.fixture
    async def make(self) -> Maker:
        return Maker()

    async def test_is_made_once(self, keep: PluginCache, make: Maker) -> None:
        """And then kept, under its key only."""
        make.go_on.set()

        assert [await keep(key, make, 10) for key in ("a", "a", "b")] == ["made 1", "made 1", "made 2"]

    async def test_one_that_waits_for_itself_is_told(self, keep: PluginCache) -> None:
        """It would wait for ever, and everybody after it."""

        async def first() -> str:
            return await keep("b", second, 10)

        async def second() -> str:
            return await keep("a", first, 10)

        with pytest.raises(RuntimeError, match=r"keep\('a'\) waits for itself: its make asked for the same key"):
            await asyncio.wait_for(keep("a", first, 10), 5)

    async def test_none_is_kept_too(self, keep: PluginCache) -> None:
        """That there is nothing is an answer."""
        calls: list[str] = []

        async def nothing() -> None:
            calls.append("made")

        for _ in range(2):
            await keep("a", nothing, 10)

        assert calls == ["made"]

    async def test_is_made_anew_when_too_old(self, keep: PluginCache, make: Maker, clock: Clock) -> None:
        """At the second, not before; the time counts from when it was made."""
        make.go_on.clear()
        first = asyncio.create_task(keep("a", make, 10))
        await make.begun.wait()
        clock.now += 5
        make.go_on.set()
        assert await first == "made 1"

        clock.now += 9.99
        assert await keep("a", make, 10) == "made 1"
        clock.now += 0.01
        assert await keep("a", make, 10) == "made 2"

    async def test_callers_at_the_same_time_wait_for_one(self, keep: PluginCache, make: Maker) -> None:
        """Single flight: a token is fetched once, however many searches need it."""
        callers = [asyncio.create_task(keep("a", make, 10)) for _ in range(20)]
        await make.begun.wait()
        make.go_on.set()

        assert await asyncio.gather(*callers) == ["made 1"] * 20

    async def test_a_failure_is_everybodys_and_kept_by_nobody(self, keep: PluginCache, make: Maker) -> None:
        """The next caller tries again."""
        make.error = KeyError("x")
        callers = [asyncio.create_task(keep("a", make, 10)) for _ in range(3)]
        await make.begun.wait()
        make.go_on.set()

        assert [type(each) for each in await asyncio.gather(*callers, return_exceptions=True)] == [KeyError] * 3
        make.error = None
        assert await keep("a", make, 10) == "made 2"

    async def test_a_failure_leaves_what_is_kept_elsewhere(self, keep: PluginCache, make: Maker, clock: Clock) -> None:
        make.go_on.set()
        await keep("a", make, 100)
        make.error = KeyError("x")
        with pytest.raises(KeyError):
            await keep("b", make, 100)

        assert await keep("a", make, 100) == "made 1"

    async def test_a_caller_who_leaves_disturbs_no_other(self, keep: PluginCache, make: Maker) -> None:
        """Not even the first one, for whom it was begun."""
        first, second = (asyncio.create_task(keep("a", make, 10)) for _ in range(2))
        await make.begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        make.go_on.set()

        assert await second == "made 1"
        assert await keep("a", make, 10) == "made 1"

    async def test_what_all_left_is_kept_for_the_next(self, keep: PluginCache, make: Maker) -> None:
        caller = asyncio.create_task(keep("a", make, 10))
        await make.begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        make.go_on.set()

        assert await keep("a", make, 10) == "made 1"

    async def test_is_bounded(self, keep: PluginCache, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        """The oldest goes first; what was made anew is young again."""
        monkeypatch.setattr(PluginCache, "SIZE", 3)
        make.go_on.set()
        for key in ("a", "b", "c"):
            await keep(key, make, 10)
        keep.clock.now += 10  # type: ignore[attr-defined]
        for key in ("a", "d"):
            await keep(key, make, 10)

        assert list(keep.kept) == ["c", "a", "d"]

    async def test_make_may_be_any_awaitable(self, keep: PluginCache, make: Maker) -> None:
        """What is no coroutine function is the author's error, and keeps nothing."""
        with pytest.raises(TypeError):
            await keep("a", lambda: 5, 10)  # type: ignore[arg-type,return-value]
        make.go_on.set()

        assert await keep("a", make, 10) == "made 1"

    async def test_of_each_provider_is_its_own(self, place: Place, http: httpx.AsyncClient) -> None:
        """Two plugins may use the same key."""
        source = """
@hookimpl
async def search_images(keep):
    async def make():
        return __name__
    return Page([Image(id=await keep("token", make, seconds=60))])
"""
        place.write("other", HEAD + INFO + source)
        place.write("acme", HEAD + INFO + source)
        providers = place.load().providers

        pages: list[Any] = [await providers[name].search_images(QUERY, http) for name in ("acme", "other", "acme")]

        assert pages[0] == pages[2] != pages[1]
