"""A provider's settings: right, missing, wrong; what is wrong with one never costs another."""

import json
from typing import Any

import httpx
import pytest

from imagevault import InvalidResponse, Quota
from imagevault.config.settings import Settings
from imagevault.upstream.transport import open_client
from tests.support.plugin_sources import HEAD, INFO, KEYED, SEARCH


class TestConfigured:
    """A provider's settings: right, missing, wrong; it never costs another provider."""

    UNSET = "ACME_API_KEY is not set (or api_key in [providers.acme])"

    def test_by_the_environment(self, place: Any) -> None:
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_TIER": "2"})

        assert (provider.state, provider.reason) == ("ok", None)
        assert (provider.settings.api_key, provider.settings.tier) == ("k", 2)

    def test_by_the_file(self, place: Any) -> None:
        provider = place.provider(KEYED + SEARCH, toml='[providers.acme]\napi_key = "k"\ntier = 3')

        assert (provider.settings.api_key, provider.settings.tier) == ("k", 3)

    def test_a_key_that_the_plugin_refuses_is_not_shown(self, place: Any) -> None:
        """Not even where its own settings raise with it, so that they never come to be; and callers hear less."""
        check = "    def __post_init__(self):\n        raise ValueError(f'{self.api_key!r} is no key')\n"
        source = KEYED.replace("    api_key: str\n", f"    api_key: str\n{check}") + SEARCH
        provider = place.provider(source, {"ACME_API_KEY": "acme-hidden-key"})

        assert (provider.state, provider.reason) == ("unconfigured", "'***' is no key")
        assert provider.secrets == ["acme-hidden-key"]
        assert provider.public_reason == "Acme is misconfigured; an admin can see the reason"

    def test_a_missing_key_is_named(self, place: Any) -> None:
        """With its variable; what is known of the provider is known all the same."""
        provider = place.provider(KEYED + SEARCH)

        assert (provider.state, provider.reason) == ("unconfigured", self.UNSET)
        assert provider.info.title == "Acme"

    @pytest.mark.parametrize("blank", [" ", "\t \n", ""])
    @pytest.mark.parametrize("where", ["environment", "file"])
    def test_a_blank_key_is_none(self, place: Any, blank: str, where: str) -> None:
        environ = {"ACME_API_KEY": blank} if where == "environment" else {}
        toml = f"[providers.acme]\napi_key = {json.dumps(blank)}" if where == "file" else ""

        provider = place.provider(KEYED + SEARCH, environ, toml)

        assert (provider.state, provider.reason) == ("unconfigured", self.UNSET)

    def test_a_blank_key_that_is_optional(self, place: Any) -> None:
        """Falls back to the default."""
        source = KEYED.replace("api_key: str", "api_key: str | None = None") + SEARCH

        provider = place.provider(source, {"ACME_API_KEY": " "})

        assert provider.state == "ok"
        assert provider.settings.api_key is None
        assert provider.secrets == []  # so that no refusal speaks of a key

    @pytest.mark.parametrize(
        ("info", "state"), [("info", "failed"), ("msgspec.structs.replace(info, base_url='https://a.example/')", "ok")]
    )
    def test_configure_may_give_the_address_of_the_api(self, place: Any, info: str, state: str) -> None:
        hook = f"\n@hookimpl\ndef configure(info, settings):\n    return {info}\n"

        provider = place.provider(HEAD + INFO + SEARCH.replace("(query)", "(query, http)") + hook)

        assert provider.state == state
        assert provider.reason is None or "base_url: is missing" in provider.reason

    def test_a_wrong_setting_without_a_file(self) -> None:
        """As on the bench: the place names no file."""
        values = Settings(providers={"acme": {"deep": "x"}}).provider_values("acme", ["deep"])

        assert [value.source for value in values] == ["[providers.acme]"]

    def test_blanks_round_a_key_are_taken_off(self, place: Any) -> None:
        """They were copied along with it."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": " \tkey with blanks\r\n"})

        assert provider.settings.api_key == "key with blanks"

    @pytest.mark.parametrize("key", ["schl\u00fcssel", "\u200bkey", "a\nb", "a\x00b", "a\x1bb", "\udcff\udcfe"])
    def test_a_key_that_fits_into_no_header(self, place: Any, key: str) -> None:
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
            ('api_key = "k"\ntier = "many"', "tier: must be a whole number, such as 1 ("),
            ('api_key = "k"\ntier = [1]', "tier: must be a whole number, such as 1 ("),
            ('api_key = "k"\ntir = 1', "tir: there is no such setting of acme. Did you mean tier? ("),
            (
                'api_key = "k"\ntimeout = 0',
                "timeout: must be a number from 0.1 to 30 (",
            ),
            (
                'api_key = "k"\nbase_url = "acme"',
                "base_url: must be a URL such as https://",
            ),
            (
                'api_key = "k"\nenabled = "perhaps"',
                "enabled: must be true or false (",
            ),
        ],
    )
    def test_a_wrong_key_is_named(self, place: Any, toml: str, reason: str) -> None:
        """With its source; the provider is unconfigured, and the others are not."""
        place.write("other", HEAD + KEYED + SEARCH)
        place.write("acme", HEAD + KEYED + SEARCH)
        plugins = place.load({"OTHER_API_KEY": "k"}, f"[providers.acme]\n{toml}")

        assert plugins.providers["acme"].state == "unconfigured"
        assert str(plugins.providers["acme"].reason).startswith(reason)
        assert str(plugins.providers["acme"].reason).endswith("imagevault.toml, [providers.acme])")
        assert plugins.providers["other"].state == "ok"

    @pytest.mark.parametrize(
        "url",
        ["https://acme.lan/", "http://127.0.0.1:9/v1", "http://localhost:9", "http://[::1]:9/", "http://127.8.8.8"],
    )
    def test_an_address_that_is_encrypted_or_on_this_machine(self, place: Any, url: str) -> None:
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_BASE_URL": url})

        assert (provider.state, provider.reason) == ("ok", None)

    @pytest.mark.parametrize("url", ["http://acme.lan:8080/", "http://192.168.1.7/", "http://localhost.acme.example/"])
    def test_an_address_that_is_not_encrypted_must_be_allowed(self, place: Any, url: str) -> None:
        """Else the key would travel through the network in clear by a slip of the pen."""
        environ = {"ACME_API_KEY": "k", "ACME_BASE_URL": url}

        refused = place.provider(KEYED + SEARCH, environ)
        allowed = place.provider(KEYED + SEARCH, {**environ, "ACME_ALLOW_HTTP": "true"})

        assert (refused.state, refused.config_error_key) == ("unconfigured", "base_url")
        assert "set allow_http = true" in str(refused.reason)
        assert allowed.state == "ok"

    @pytest.mark.parametrize("path", ["files", "", "/a b", "/a?b", "/a#b", "/ä", "https://img.example/"])
    def test_a_path_of_files_that_is_none(self, place: Any, path: str) -> None:
        provider = place.provider(
            KEYED + SEARCH,
            {"ACME_API_KEY": "k"},
            f'[providers.acme]\nbase_url = "http://127.0.0.1:9/"\nfiles_path = "{path}"',
        )

        assert (provider.state, provider.config_error_key) == ("unconfigured", "files_path")
        assert "must be a path such as /files" in str(provider.reason)

    def test_files_move_with_the_upstream_only(self, place: Any) -> None:
        """The terms of the real one say where its files are."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_FILES_PATH": "/files"})

        assert (provider.state, provider.config_error_key) == ("unconfigured", "files_path")
        assert "set base_url beside it" in str(provider.reason)

    def test_settings_may_check_themselves(self, place: Any) -> None:
        """A ValueError of theirs says what is wrong."""
        check = "\n    def __post_init__(self):\n        raise ValueError('tier 1 is over')\n"
        source = KEYED.replace("    tier: int = 1", f"    tier: int = 1\n{check}") + SEARCH

        provider = place.provider(source, {"ACME_API_KEY": "k"})

        assert (provider.state, provider.reason) == ("unconfigured", "tier 1 is over")

    def test_keys_of_the_host(self, place: Any) -> None:
        """From the file and the environment, which wins; the plugin does not see them."""
        toml = '[providers.acme]\nbase_url = "https://one.example/api"\ntimeout = 1.5\napi_key = "k"'
        environ = {"ACME_BASE_URL": "http://127.0.0.1:9/v1", "ACME_TIER": "2"}

        provider = place.provider(KEYED + SEARCH, environ, toml)

        assert (provider.host.base_url, provider.host.timeout) == ("http://127.0.0.1:9/v1", 1.5)
        assert provider.settings.__struct_fields__ == ("api_key", "tier")

    def test_what_the_admin_changes_of_the_info(self, place: Any) -> None:
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
            ("page_size = 2", "page_size: must be at least 3; Acme accepts no smaller pages"),
            ("cache_for = 59", "cache_for: must be at least 60; the terms of Acme demand it"),
            (
                'quota = ["10/fortnight"]',
                "quota: must be calls per second, minute, hour, day or month, such as 5000/hour or 20/10 seconds",
            ),
        ],
    )
    def test_what_the_admin_cannot_change(self, place: Any, toml: str, reason: str) -> None:
        """What the provider cannot do, or its terms forbid."""
        info = INFO.replace("page_size=10", "page_size=10, min_page_size=3, must_cache_for=60")

        provider = place.provider(info + SEARCH, toml=f"[providers.acme]\n{toml}")

        assert (provider.state, provider.reason) == ("unconfigured", reason)

    def test_the_smallest_page_that_the_provider_accepts(self, place: Any) -> None:
        info = INFO.replace("page_size=10", "page_size=10, min_page_size=3")

        provider = place.provider(info + SEARCH, toml="[providers.acme]\npage_size = 3")

        assert (provider.state, provider.info.page_size) == ("ok", 3)

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
    def test_switched_off(self, place: Any, environ: dict[str, str], toml: str) -> None:
        """Whatever else is said of it, right or wrong."""
        provider = place.provider(KEYED + SEARCH, environ, f"[providers.acme]\n{toml}" if toml else "")

        assert (provider.state, provider.reason) == ("disabled", "switched off: enabled = false for acme")

    def test_switched_on_by_the_environment(self, place: Any) -> None:
        provider = place.provider(INFO + SEARCH, {"ACME_ENABLED": "true"}, "[providers.acme]\nenabled = false")

        assert provider.state == "ok"


class TestUnencryptedAddresses:
    """What the transport does with an address of http, which the settings have let through."""

    @pytest.fixture
    def answering(self) -> httpx.MockTransport:
        return httpx.MockTransport(lambda _: httpx.Response(200, json={}))

    async def test_a_call_leaves_where_the_admin_allows_it(self, place: Any, answering: httpx.MockTransport) -> None:
        environ = {"ACME_API_KEY": "k", "ACME_BASE_URL": "http://acme.lan:8080/", "ACME_ALLOW_HTTP": "true"}
        provider = place.provider(KEYED + SEARCH, environ)

        async with open_client(provider, transport=answering) as http:
            assert (await http.get("photos")).status_code == 200

    async def test_no_call_leaves_by_http_otherwise(self, place: Any, answering: httpx.MockTransport) -> None:
        """The provider is unconfigured, so nothing asks it; and if anything did, the transport would refuse."""
        provider = place.provider(KEYED + SEARCH, {"ACME_API_KEY": "k", "ACME_BASE_URL": "http://acme.lan:8080/"})

        async with open_client(provider, transport=answering) as http:
            with pytest.raises(InvalidResponse, match="not https"):
                await http.get("photos")
