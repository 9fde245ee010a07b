"""What `imagevault providers show` says of one provider."""

from collections.abc import Iterator

from imagevault.search.provider_list import ParameterRecord, ProviderRecord
from imagevault.search.provider_terms import TermsRecord
from imagevault.terms import AUTOMATED_USE

ML_USE = {"free": "allowed", "refused": "not allowed", None: "the terms say nothing"}


def details_of(record: ProviderRecord) -> Iterator[tuple[str, str]]:
    """Yield (label, value) for each fact. What a provider does not have is left out."""
    yield "name", f"{record.name} ({record.title})"
    yield "state", record.state if record.reason is None else f"{record.state}, {record.reason}"
    yield "homepage", record.homepage or "none"
    yield "paging", "by token, without page=" if record.paging == "token" else "by number"
    for name, values in record.filters.items():
        yield f"filter {name}", ", ".join(values)
    if record.emulated:
        yield "emulated filters", ", ".join(record.emulated)
    yield "sort", ", ".join(record.sorts) or "none"
    for name, parameter in record.parameters.items():
        yield f"parameter {record.name}.{name}", _parameter(parameter)
    yield "declares", ", ".join(record.declares) or "nothing of AI, training or sensitive content"
    if record.aggregator:
        yield "aggregator", "it lists pictures of other owners"
    yield "hotlink", record.hotlink
    if record.notice is not None:
        yield "notice", record.notice
    yield from _terms(record.terms)


def _parameter(parameter: ParameterRecord) -> str:
    if parameter.values:
        return f"{parameter.description} One of {', '.join(parameter.values)}."
    return f"{parameter.description} Such as {parameter.example}."


def _terms(terms: TermsRecord | None) -> Iterator[tuple[str, str]]:
    if terms is None:
        yield "terms", "none declared"
        return
    age = f", {terms.age} days ago; read them again" if terms.is_old else ""
    yield "terms", f"{terms.url} (read on {terms.checked_on}{age})"
    yield "automated use", AUTOMATED_USE[terms.automated_use]
    yield "training of models", ML_USE[terms.ml_use]
    if terms.evaluation is not None:
        yield "trial access", terms.evaluation
