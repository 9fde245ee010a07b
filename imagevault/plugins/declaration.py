"""What a plugin declares of its provider, checked when it is loaded: a Struct does not check its values itself.

Each message names the field and what would be right.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from string import Formatter
from typing import Any
from urllib.parse import urlsplit

import msgspec

from imagevault.config.sources import alternatives, nearest
from imagevault.config.validation import is_loopback
from imagevault.errors import PluginError
from imagevault.plugins.host_settings import HOST_FIELDS
from imagevault.plugins.mismatch import explain_mismatch
from imagevault.plugins.patterns import MAX_VALUE, check_pattern
from imagevault.plugins.plain_text import is_storable, texts_in
from imagevault.quotas import Quota
from imagevault.records import FILTER_VALUES, Parameter, ProviderInfo
from imagevault.terms import Terms

ANY_HOST = "*"  # in `file_hosts`
HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,10}")  # images.example.org
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # 2026-11-22
PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")  # dates, image_type
FREE_FORM = ("color", "locale")  # filters whose values are no short list
CREDIT_FIELDS = ("title", "author", "license")
NO_ADDRESS = "is missing; give the https address of the API (only a provider with the hook open_file has none)"
MAX_PARAMETERS = 20
MAX_VALUES = 200
MAX_DESCRIPTION = 300  # characters

Problem = tuple[str, str]
"""A field, and what is wrong with it."""


def check_info(info: object, hook: str, *, needs_address: bool = False) -> ProviderInfo:
    """Return the info if it is valid.

    Args:
        info: what the hook returned.
        hook: its name, for messages.
        needs_address: whether the plugin makes calls, which go to `base_url`.

    Raises:
        PluginError: it is no ProviderInfo or a field is wrong, with the field.

    """
    if not isinstance(info, ProviderInfo):
        raise PluginError(f"{hook} must return a ProviderInfo, not {type(info).__name__}")
    for field, message in problems(info, needs_https=hook == "provider_info"):
        raise PluginError(f"{hook}: {field}: {message}")
    if needs_address and info.base_url is None:
        raise PluginError(f"{hook}: base_url: {NO_ADDRESS}")
    return info


def problems(info: ProviderInfo, *, needs_https: bool = True) -> Iterator[Problem]:
    """Yield what is wrong with an info. An admin's settings, which `configure` reads, may lead to an http address."""
    yield from _types(info)
    if needs_https:
        yield from _address(info.base_url)
    yield from _filters(info.filters)
    yield from _settings_type(info.settings)
    yield from _credit(info.credit)
    yield from _hosts(info)
    yield from _quotas(info.quotas)
    for name, parameter in info.parameters.items():
        for message in _parameter(name, parameter):
            yield f"parameters: {name}", message
    if len(info.parameters) > MAX_PARAMETERS:
        yield "parameters", f"must be at most {MAX_PARAMETERS}"
    if info.terms is not None:
        yield from _terms(info.terms)


def _types(info: ProviderInfo) -> Iterator[Problem]:
    for field in msgspec.structs.fields(ProviderInfo):
        if field.name == "settings":  # a type, which msgspec cannot convert
            continue
        try:
            value = msgspec.to_builtins(getattr(info, field.name))
            msgspec.convert(value, field.type)
        except (msgspec.ValidationError, TypeError) as error:
            field_name, _, message = explain_mismatch(error, field.type, field.name).partition(": ")
            yield field_name, message
            continue
        if not all(map(is_storable, texts_in(value))):
            yield field.name, "must hold neither NUL characters nor lone surrogates; remove them"


def _address(base_url: str | None) -> Iterator[Problem]:
    """Refuse an address that sends calls unencrypted over a network."""
    parts = urlsplit(base_url or "https:")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        remedy = "give the https address; an admin's base_url may lead to a simulation by http"
        yield "base_url", f"{base_url} does not start with https://; {remedy}"


def _filters(filters: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    names = [*FILTER_VALUES, *FREE_FORM]
    for name, values in filters.items():
        if name not in names:
            near = nearest(name, names) or f" There are: {', '.join(names)}."
            yield f"filters.{name}", f"there is no such filter.{near}"
        known = FILTER_VALUES.get(name, tuple(values))
        for value in values:
            if value not in known:
                near = nearest(value, known) or f" Use {alternatives(known)}, as callers do."
                yield f"filters.{name}.{value}", f"the filter has no such value.{near}"


def _settings_type(settings: Any) -> Iterator[Problem]:
    if not isinstance(settings, type) or not issubclass(settings, msgspec.Struct):
        yield "settings", "must be a subclass of msgspec.Struct"
        return
    try:
        names = {field.name for field in msgspec.structs.fields(settings)}
    except NameError as error:  # an annotation names a type that does not exist
        yield "settings", str(error)
        return
    for name in sorted(names.intersection(HOST_FIELDS)):
        yield "settings", f"{name} is a key of the host; give this field another name"


def _credit(credit: str) -> Iterator[Problem]:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(credit) if field is not None]
    except ValueError as error:
        yield "credit", f"{credit!r} is not a template ({error}): close every brace"
        return
    for field in fields:
        if field not in CREDIT_FIELDS:
            yield "credit", f"there is no field {{{field}}}: use {{title}}, {{author}} and {{license}}"


def _hosts(info: ProviderInfo) -> Iterator[Problem]:
    if ANY_HOST in info.file_hosts and not info.aggregator:
        remedy = "name its hosts, or declare aggregator=True if it lists files of other owners"
        yield "file_hosts", f"{ANY_HOST} is any host, which only an aggregator has; {remedy}"
    for field, hosts in (("file_hosts", info.file_hosts - {ANY_HOST}), ("api_hosts", info.api_hosts)):
        for host in sorted(hosts):
            if not HOST.fullmatch(host):
                yield field, f"{host} is not a host name; give the name alone, in lower case, such as img.example.org"


def _quotas(quotas: Sequence[Quota]) -> Iterator[Problem]:
    """Refuse two quotas for one length of time, which would be counted as one."""
    lengths = Counter(quota.key for quota in quotas)
    for quota in quotas:
        if lengths[quota.key] > 1:
            yield "quotas", f"{lengths[quota.key]} are declared per {quota.words}; keep only the smallest"
            return


def _parameter(name: str, parameter: Parameter) -> Iterator[str]:
    if not PARAMETER_NAME.fullmatch(name):
        yield "the name must be a lowercase letter, then up to 31 lowercase letters, digits or _"
    if not 0 < len(parameter.description) <= MAX_DESCRIPTION:
        yield f"description must have 1 to {MAX_DESCRIPTION} characters"
    if bool(parameter.values) == (parameter.pattern is not None):
        yield "needs either values or a pattern"
    if len(parameter.values) > MAX_VALUES:
        yield f"values must be at most {MAX_VALUES}; use a pattern"
    for value in parameter.values:
        if not _is_value(value):
            yield f"the value {value[:MAX_VALUE]!r} must be 1 to {MAX_VALUE} printable characters without blanks around"
    if parameter.pattern is not None:
        yield from _pattern(parameter.pattern, parameter.example)
    elif parameter.example is not None and parameter.example not in parameter.values:
        yield "example must be one of its values"


def _pattern(pattern: str, example: str | None) -> Iterator[str]:
    try:
        check_pattern(pattern)
    except ValueError as error:
        yield f"the pattern {error}"
        return
    if example is None:
        yield "a parameter with a pattern needs an example"
    elif not _is_value(example) or not re.fullmatch(pattern, example):
        yield "example must match the pattern"


def _is_value(text: str) -> bool:
    return 0 < len(text) <= MAX_VALUE and text.isprintable() and text == text.strip()


def _terms(terms: Terms) -> Iterator[Problem]:
    parts = urlsplit(terms.url)
    if parts.scheme != "https" or not HOST.fullmatch(parts.hostname or ""):
        yield "terms", f"url: {terms.url[:MAX_VALUE]} is not an https address"
    if not _is_day(terms.checked_on):
        yield "terms", "checked_on: must be the day on which the terms were read, such as 2026-11-22"
    if terms.evaluation is not None and not 0 < len(terms.evaluation) <= MAX_DESCRIPTION:
        yield "terms", f"evaluation: must be one sentence of at most {MAX_DESCRIPTION} characters"


def _is_day(text: str) -> bool:
    if not DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
