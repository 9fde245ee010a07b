"""The search parameters that single providers have, given as `NAME.parameter`."""

import re
from collections.abc import Mapping, Sequence

from imagevault.config.sources import nearest
from imagevault.errors import BadInput
from imagevault.plugins.patterns import MAX_VALUE
from imagevault.plugins.provider import Provider
from imagevault.records import Parameter

PARAMETER = re.compile(r"[a-z][a-z0-9_-]{0,31}\.[a-z][a-z0-9_]{0,31}")  # europeana.country


def check(given: Mapping[str, str], chosen: Sequence[Provider]) -> dict[str, str]:
    """Return the parameters that were given.

    Args:
        given: `NAME.parameter` -> value; an empty value counts as not given.
        chosen: the providers that are asked.

    Raises:
        BadInput: NAME is not asked or has no such parameter, or the parameter does not take the value.

    """
    parameters = {name: value for name, value in given.items() if value}
    providers = {provider.name: provider for provider in chosen}
    for name, value in parameters.items():
        owner, _, parameter = name.partition(".")
        if owner not in providers:
            raise BadInput(name, f"{owner} is not asked in this search; name it in provider, or leave this out")
        declared = providers[owner].info.parameters
        if parameter not in declared:
            offer = nearest(parameter, declared) or (f" There are: {', '.join(sorted(declared))}." if declared else "")
            raise BadInput(name, f"{owner} has no parameter {parameter}.{offer}")
        problem = _problem(declared[parameter], value)
        if problem is not None:
            raise BadInput(name, problem)
    return parameters


def _problem(parameter: Parameter, value: str) -> str | None:
    """What is wrong with a value. Its length is checked before any pattern is."""
    if len(value) > MAX_VALUE:
        return f"must have at most {MAX_VALUE} characters"
    if parameter.pattern is None:
        return None if value in parameter.values else f"must be one of {', '.join(parameter.values)}"
    is_right = value.isprintable() and re.fullmatch(parameter.pattern, value) is not None
    return None if is_right else f"must have the form of {parameter.example}"
