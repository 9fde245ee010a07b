"""Rules for what a provider declares: settings, quotas, addresses, credit line and filters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from imagevault.config.settings import provider_variable
from imagevault.errors import Unauthorized
from imagevault.plugins.provider import Provider
from imagevault.quotas import Quota
from imagevault.records import ProviderInfo
from imagevault.search.filters import COLORS
from imagevault.search.languages import is_language_tag
from imagevault.testing.bench import Bench
from imagevault.testing.checks.outcomes import assert_none, outcome_of

KEY_NAME = re.compile(r"(^|_)(key|apikey|token)$")  # api_key, access_key, token


def check_loads(bench: Bench) -> None:
    """The plugin loads and is ready with the settings of the test class."""
    state = bench.provider.state
    assert state == "ok", f"the provider is not ready with the `settings` of this test: {bench.provider.reason}"


async def check_missing_settings(bench: Bench, settings: Mapping[str, Any], query: str) -> None:
    """Without a required setting, the provider is not ready and names the environment variable to set."""
    for field in msgspec.structs.fields(bench.provider.declared.settings):
        if field.name not in settings:
            continue
        bench.configure({name: value for name, value in settings.items() if name != field.name})
        if bench.provider.state == "ok":
            outcome = await outcome_of(bench.given(query))
            assert not isinstance(outcome, Unauthorized), (
                f"settings: {field.name} has a default, but every search without it is unauthorized: "
                f"remove the default of {field.name}"
            )
            continue
        reason = bench.provider.reason or ""
        variable = provider_variable(bench.name, field.name)
        assert variable in reason, (
            f"configure: the error for a missing {field.name} does not name its variable: "
            f"add {variable} to the message {reason!r}"
        )


async def check_declaration(bench: Bench, query: str) -> None:
    """What `provider_info` declares is complete, well-formed, and true of the answers of the upstream."""
    await outcome_of(bench.given(query))
    info = bench.provider.info
    assert_none(
        [
            *_missing(info, has_upstream=bench.upstream is not None),
            *_addresses(bench.provider),
            *_numbers(info),
            *_credit(info.credit),
            *_filters(info),
            *_key_name(info),
            *_quota_headers(info.quotas, bench.headers),
        ]
    )


def _missing(info: ProviderInfo, *, has_upstream: bool) -> Iterator[str]:
    if has_upstream and not info.quotas:
        yield (
            "quotas: none is declared: add a Quota with the number of calls that the service allows, "
            "or a polite number if the service states none"
        )
    if has_upstream and not info.file_hosts:
        yield "file_hosts: none is declared: add the hosts that the links of the renditions lead to"


def _addresses(provider: Provider) -> Iterator[str]:
    addresses = {"homepage": provider.info.homepage, "base_url": provider.declared.base_url}
    for field, url in addresses.items():
        if url is not None and not url.startswith("https://"):
            yield f"{field}: {url} does not start with https://: change it to an https address"


def _numbers(info: ProviderInfo) -> Iterator[str]:
    if info.min_page_size > info.page_size:
        yield (
            f"min_page_size: {info.min_page_size} is more than page_size, which is {info.page_size}: "
            "give the smallest page that the service accepts"
        )
    if info.max_results and info.max_results < info.page_size:
        yield (
            f"max_results: {info.max_results} is less than page_size, which is {info.page_size}: "
            "give the number of results of all pages together"
        )


def _credit(credit: str) -> Iterator[str]:
    if "<" in credit:
        yield f"credit: {credit!r} holds markup: give plain text, the gateway makes HTML and Markdown from it"


def _filters(info: ProviderInfo) -> Iterator[str]:
    """Those whose values are no short list; the others are checked when the plugin is loaded."""
    for value in info.filters.get("locale", ()):
        if not is_language_tag(value):
            yield f"filters: locale {value} is not a language tag: use a tag like de or de-DE"
    for value in info.filters.get("color", ()):
        if value not in COLORS:
            yield f"filters: color has no value {value}: use {', '.join(COLORS)}"
    if "any" in info.filters.get("license", ()):
        yield "filters: license has the value any, which asks for nothing: leave it out"


def _key_name(info: ProviderInfo) -> Iterator[str]:
    keys = [field.name for field in msgspec.structs.fields(info.settings) if KEY_NAME.search(field.name)]
    if len(keys) == 1 and keys != ["api_key"]:
        yield f"settings: the only key is named {keys[0]}: name it api_key, as every provider does"


def _quota_headers(quotas: Sequence[Quota], headers: AbstractSet[str]) -> Iterator[str]:
    """The headers that quotas name and that no answer had; `headers` are in lower case."""
    for quota in quotas:
        for header in (quota.remaining, quota.reset):
            if header and header.lower() not in headers:
                yield (
                    f"quotas: no answer had the header {header} of the quota per {quota.words}: "
                    "correct the name, or remove it"
                )
