"""Finding, loading and isolating plugins; what one plugin gets wrong costs no other."""

import importlib
import json
import logging
import sys
from typing import Any

import httpx
import pytest

from imagevault import Image, Page, SearchQuery
from imagevault.config.settings import load
from imagevault.plugins.registry import LoadFailure
from tests.support.plugin_sources import GOOD, HEAD, INFO, KEYED, SEARCH

QUERY = SearchQuery(text="fox", per_page=10)


class TestFound:
    def test_ours_are_installed_like_a_strangers(self, place: Any) -> None:
        """By entry point, with the distribution they come from."""
        plugins = place.load()

        assert {"local", "pexels"} <= set(plugins.providers)
        assert plugins.providers["pexels"].source.startswith("imagevault ")
        assert plugins.failures == []
        assert plugins.problems == []

    async def test_a_strangers_package(self, place: Any, http: httpx.AsyncClient) -> None:
        place.install("imagevault_acme", "acme = imagevault_acme", GOOD)

        provider = place.load().providers["acme"]

        assert provider.source == "imagevault_acme 1.0"
        assert await provider.search_images(QUERY, http) == Page([Image(id="fox")])

    async def test_an_object_will_do_for_a_module(self, place: Any, http: httpx.AsyncClient) -> None:
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

    async def test_a_function_may_have_another_name(self, place: Any, http: httpx.AsyncClient) -> None:
        """Pluggy's `specname` says which hook it is."""
        source = "\n@hookimpl(specname='search_images')\nasync def find(query):\n    return Page([])\n"

        assert await place.provider(INFO + source).search_images(QUERY, http) == Page([])

    def test_single_files_under_construction(self, place: Any) -> None:
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

    def test_a_file_may_be_called_as_the_module_of_a_package(self, place: Any) -> None:
        """So that a package's folder can be searched before it is installed."""
        place.write("imagevault_acme", GOOD)

        plugins = place.load()

        assert plugins.failures == []
        assert plugins.providers["acme"].source == str(place.files / "imagevault_acme.py")

    def test_a_file_takes_no_modules_place(self, place: Any) -> None:
        """One called json.py is the provider json, and not everybody's json from then on, loaded or not."""
        for source in (GOOD, GOOD + "raise RuntimeError"):
            place.write("json", source)
            place.load()

            assert sys.modules["json"] is json

    def test_modules_are_told_apart(self, place: Any) -> None:
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
            pytest.param(
                HEAD + INFO + SEARCH.replace("(query)", "(query, http)"),
                "provider_info: base_url: is missing; give the https address of the API "
                "(only a provider with the hook open_file has none)",
                id="no address of the API",
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
                "search_images has no argument htpp; it may take query, http, settings, keep",
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
                "search_images is not marked: write @hookimpl above it, or give it another name",
                id="unmarked hook",
            ),
            pytest.param(
                GOOD + "\nasync def fetch_image(image_id, http):\n    return None\n",
                "fetch_image is not marked: write @hookimpl above it, or give it another name",
                id="unmarked hook that may be missing",
            ),
            pytest.param(
                GOOD.replace("ProviderInfo(title", "dict(title"),
                "provider_info must return a ProviderInfo, not dict",
                id="info of another type",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size='10'"),
                "provider_info: page_size: must be a whole number, not a text",
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
                "ValueError: Quota: period must be one of second, minute, hour, day, month; "
                "give another length as seconds=10 (acme.py, line 8)",
                id="unknown period",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, filters={'color': ['red']}"),
                "provider_info: filters[...]: must be a dict of texts, not a list",
                id="filters without values",
            ),
            pytest.param(
                GOOD.replace("page_size=10", r"page_size=10, notice='Photos \0 by Acme'"),
                "provider_info: notice: must hold neither NUL characters nor lone surrogates; remove them",
                id="a text that PostgreSQL refuses",
            ),
            pytest.param(
                GOOD.replace("page_size=10", r"page_size=10, filters={'color': {'red': '\ud800'}}"),
                "provider_info: filters: must hold neither NUL characters nor lone surrogates; remove them",
                id="a text that is no UTF-8",
            ),
            pytest.param(
                GOOD.replace("page_size=10", "page_size=10, settings=dict"),
                "provider_info: settings: must be a subclass of msgspec.Struct",
                id="settings that are no Struct",
            ),
            pytest.param(
                HEAD + KEYED.replace("tier", "timeout") + SEARCH,
                "provider_info: settings: timeout is a key of the host; give this field another name",
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
    def test_is_listed_with_its_reason(self, place: Any, source: str, reason: str) -> None:
        assert place.failure(source) == reason

    @pytest.mark.parametrize("name", ["Acme", "1acme", "acme.two", "a" * 33, "ac me", "größe"])
    def test_a_bad_name(self, place: Any, name: str) -> None:
        reason = "the provider's name must be a lowercase letter, then up to 31 lowercase letters, digits, - or _"

        assert place.failure(GOOD, name) == reason

    def test_a_name_with_a_meaning(self, place: Any) -> None:
        """`provider=all` asks everybody."""
        assert place.failure(GOOD, "all") == "the name all has a meaning of its own in a search; choose another"

    def test_a_name_that_is_taken(self, place: Any) -> None:
        """The installed one stays, and its owner is named."""
        assert place.failure(GOOD, "pexels").startswith("the name is taken by imagevault ")

    def test_no_stranger_takes_a_name_of_ours(self, place: Any) -> None:
        """Wherever it stands in the alphabet."""
        place.install("aaa", "pexels = aaa", GOOD)

        plugins = place.load()

        assert plugins.providers["pexels"].info.title == "Pexels"
        assert [(failure.name, failure.source) for failure in plugins.failures] == [("pexels", "aaa 1.0")]

    def test_a_module_that_is_not_there(self, place: Any) -> None:
        """An entry point may outlive its module."""
        place.install("imagevault_acme", "acme = imagevault_gone", "")
        place.install("imagevault_acme2", "acme2 = imagevault_acme2:gone", "")

        assert place.load().failures == [
            LoadFailure("acme", "imagevault_acme 1.0", "ModuleNotFoundError: No module named 'imagevault_gone'"),
            LoadFailure(
                "acme2",
                "imagevault_acme2 1.0",
                "AttributeError: module 'imagevault_acme2' has no attribute 'gone'",
            ),
        ]

    def test_one_module_under_two_names(self, place: Any) -> None:
        """The first name holds."""
        place.install("imagevault_acme", "acme = imagevault_acme\nbcme = imagevault_acme", GOOD)

        plugins = place.load()

        assert "acme" in plugins.providers
        assert [failure.name for failure in plugins.failures] == ["bcme"]

    async def test_leaves_nothing_behind(self, place: Any, http: httpx.AsyncClient) -> None:
        """Its hooks are not called, and a good plugin may have its name."""
        plugins = place.load()
        broken, good = (importlib.util.module_from_spec(importlib.machinery.ModuleSpec("acme", None)) for _ in "12")
        exec(GOOD.replace("page_size=10", "page_size=0"), vars(broken))  # noqa: S102
        exec(GOOD, vars(good))  # noqa: S102

        plugins.add("acme", lambda: broken, "first")
        plugins.add("acme", lambda: good, "second")
        plugins.configure(load({}, place.folder))

        assert [failure.source for failure in plugins.failures] == ["first"]
        assert plugins.loaded["acme"].module is good
        assert await plugins.providers["acme"].search_images(QUERY, http) == Page([Image(id="fox")])

    def test_is_logged(self, place: Any, caplog: pytest.LogCaptureFixture) -> None:
        """In one line, for the operator."""
        place.failure("1 / 0")

        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert record.getMessage() == (
            f"plugin acme ({place.files}/acme.py) is not loaded: ZeroDivisionError: division by zero (acme.py, line 1)"
        )

    def test_a_function_with_other_arguments_is_no_hook(self, place: Any) -> None:
        """It may have the name of one: `configure` is a common name."""
        place.write("acme", GOOD + "\ndef configure(client, level):\n    pass\n")

        assert "acme" in place.load().loaded

    def test_an_optional_hook_of_a_later_host(self, place: Any) -> None:
        """A plugin may say that this host need not know a hook of its."""
        place.write("acme", GOOD + "\n@hookimpl(optionalhook=True)\ndef from_the_future():\n    pass\n")

        assert "acme" in place.load().providers


class TestConfigure:
    """New settings, while a server runs."""

    def test_anew(self, place: Any) -> None:
        """New settings replace the old ones altogether, and what the plugin kept under the old ones is gone."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_TIMEOUT": "1", "ACME_ENABLED": "false"})
        plugins = place.plugins
        former = place.plugins.providers["acme"]

        plugins.configure(load({"ACME_API_KEY": "k2"}, place.folder))
        provider = plugins.providers["acme"]
        assert (provider.state, provider.timeout) == ("ok", 3.0)
        assert provider.keep is not former.keep

        plugins.configure(load({"ACME_TYPO": "ignored", "ACME_TIMEOUT": "x"}, place.folder))
        assert (plugins.providers["acme"].state, plugins.providers["acme"].settings) == ("unconfigured", None)

    def test_the_same_settings_keep_a_provider_as_it_is(self, place: Any) -> None:
        """With all that its plugin kept; one that is switched off is withdrawn, so that nothing more leaves."""
        place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k"})
        former = place.plugins.providers

        place.plugins.configure(load({"ACME_API_KEY": "k", "IMAGEVAULT_DEADLINE": "2"}, place.folder))
        same = place.plugins.providers
        place.plugins.configure(load({"ACME_API_KEY": "k", "ACME_ENABLED": "false"}, place.folder))

        assert [former[name] is same[name] for name in former] == [True] * len(former)
        assert (former["acme"].disabled, former["pexels"].disabled) == (True, False)
        assert place.plugins.providers["acme"].state == "disabled"

    def test_settings_for_providers_that_are_not_there(self, place: Any) -> None:
        """Are problems to list, with the nearest name, and no errors."""
        toml = 'default = ["pexel", "local", "imgur"]\n[providers.locl]\nenabled = true\n[providers.giphy]\nx = 1'

        assert place.load(toml=toml).problems == [
            "[providers.locl]: there is no such provider. Did you mean local?",
            "[providers.giphy]: there is no such provider.",
            "default: there is no provider pexel. Did you mean pexels?",
            "default: there is no provider imgur.",
        ]


class TestNotLoaded:
    """What names a plugin that could not be loaded is answered with the reason, and not with the nearest name."""

    def test_problems_say_why(self, place: Any) -> None:
        place.write("loc", "import no_such_module")
        plugins = place.load({"IMAGEVAULT_DEFAULT": "loc"})
        assert plugins.not_loaded == {"loc"}
        assert [problem.partition(": ModuleNotFoundError")[0] for problem in plugins.problems] == [
            "default: the plugin loc is not loaded"
        ]
