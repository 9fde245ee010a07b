"""Rules for what a provider declares: settings, quotas, addresses, credit line and filters."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from string import Formatter
from typing import Any

import msgspec

from imagevault.config.settings import provider_variable
from imagevault.errors import Unauthorized
from imagevault.plugins.provider import Provider
from imagevault.records import ProviderInfo, Quota
from imagevault.search.filters import COLORS, LOCALE, VALUES
from imagevault.testing.bench import Bench
from imagevault.testing.checks.outcomes import assert_none, outcome_of

HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")  # images.example.org
KEY_NAME = re.compile(r"(^|_)(key|apikey|token)$")  # api_key, access_key, token
CREDIT_FIELDS = {"title", "author", "license"}
FREE_FORM = ("color", "locale")  # filters whose uniform values are no short list


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
            *_credit_line(info.credit),
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
    for host in sorted(provider.info.file_hosts):
        if not HOST.fullmatch(host):
            yield (
                f"file_hosts: {host} is not a host name: "
                "give the name alone, in lower case, for example images.example.org"
            )
    addresses = {"homepage": provider.info.homepage, "base_url": provider.declared.base_url}
    for field, url in addresses.items():
        if url is not None and not url.startswith("https://"):
            yield f"{field}: {url} does not start with https://: change it to an https address"


def _numbers(info: ProviderInfo) -> Iterator[str]:
    periods = Counter(quota.period for quota in info.quotas)
    for period, count in sorted(periods.items()):
        if count > 1:
            yield f"quotas: {count} are declared per {period}: keep only the smallest"
    if info.max_results and info.max_results < info.page_size:
        yield (
            f"max_results: {info.max_results} is less than page_size, which is {info.page_size}: "
            "give the number of results of all pages together"
        )


def _credit_line(credit: str) -> Iterator[str]:
    if "<" in credit:
        yield f"credit: {credit!r} holds markup: give plain text, the gateway makes HTML and Markdown from it"
    try:
        fields = [field for _, field, _, _ in Formatter().parse(credit) if field is not None]
    except ValueError as error:
        yield f"credit: {credit!r} is not a template ({error}): close every brace"
        return
    for field in fields:
        if field not in CREDIT_FIELDS:
            yield f"credit: there is no field {{{field}}}: use {{title}}, {{author}} and {{license}}"


def _filters(info: ProviderInfo) -> Iterator[str]:
    known = [*VALUES, *FREE_FORM]
    for name, values in info.filters.items():
        if name not in known:
            yield f"filters: there is no filter {name}: use {', '.join(known)}"
            continue
        allowed = [value for value in VALUES.get(name, COLORS) if value != "any"]
        for value in values:
            if name == "locale":
                if not LOCALE.fullmatch(value):
                    yield f"filters: locale {value} is not a language tag: use a tag like de or de-DE"
            elif value not in allowed:
                yield f"filters: {name} has no value {value}: use {', '.join(allowed)}"


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
                    f"quotas: no answer had the header {header} of the quota per {quota.period}: "
                    "correct the name, or remove it"
                )
