"""Which providers a search asks: names in a request, as far as they are switched on and the caller may use them."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet

from imagevault.config.sources import nearest
from imagevault.errors import BadInput, Forbidden, ProviderNotEnabled
from imagevault.plugins.provider import Provider

ALL = "all"  # in place of names: every provider that is switched on


def choose(
    providers: Mapping[str, Provider],
    names: str,
    allowed: AbstractSet[str] | None = None,
    not_loaded: AbstractSet[str] = frozenset(),
) -> list[Provider]:
    """Return the providers with these names, separated by commas, or all that are switched on and allowed.

    Blanks, and empty names as in `pexels,`, are ignored.

    Raises:
        BadInput: no provider is named, there is no such provider, or it is switched off.
        Forbidden: a provider is not allowed, or none of those that are allowed is switched on.

    """
    wanted = split_names(providers, names, allowed)
    if wanted == [ALL]:
        enabled = enabled_names(providers, allowed)
        if allowed is not None and not enabled:
            raise Forbidden(f"{_limit(allowed)} None of them is switched on here.")
        return [providers[name] for name in enabled]
    if ALL in wanted:
        raise BadInput("provider", "all must stand alone, because it means every provider")
    return [find_enabled(providers, name, "provider", allowed, not_loaded) for name in wanted]


def split_names(providers: Mapping[str, Provider], names: str, allowed: AbstractSet[str] | None) -> list[str]:
    """Return the names in a list, each once. Raises BadInput if there is none."""
    wanted = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not wanted:
        known = _there_are(enabled_names(providers, allowed))
        raise BadInput("provider", f"must name at least one provider, or be all.{known}")
    return wanted


def find_enabled(
    providers: Mapping[str, Provider],
    name: str,
    field: str,
    allowed: AbstractSet[str] | None = None,
    not_loaded: AbstractSet[str] = frozenset(),
) -> Provider:
    """Return the provider with this name.

    Args:
        providers: in force now.
        name: of the provider.
        field: the name of the parameter, for error messages.
        allowed: the providers that the caller's key allows; None for all.
        not_loaded: the names of plugins that could not be loaded.

    Raises:
        BadInput: there is none. The message lists those that there are.
        ProviderNotEnabled: it is switched off, or could not be loaded.
        Forbidden: it is not allowed.

    """
    provider = providers.get(name)
    names = enabled_names(providers, allowed)
    known = _there_are(names)
    if provider is None and name in not_loaded:
        check_allowed(name, allowed)
        message = f"the plugin {name} could not be loaded; `imagevault providers` shows why.{known}"
        raise ProviderNotEnabled(field, message)
    if provider is None:
        raise unknown_provider(name, names, field)
    check_allowed(name, allowed)
    if provider.state == "disabled":
        raise ProviderNotEnabled(field, f"{name} is switched off here.{known}")
    return provider


def unknown_provider(name: str, known: Collection[str], field: str = "provider") -> BadInput:
    """Return the error of a name that no provider has. It suggests the nearest of the known names, and lists all."""
    return BadInput(field, f"there is no provider {name}.{nearest(name, known)}{_there_are(sorted(known))}")


def _there_are(names: Sequence[str]) -> str:
    return f" There are: {', '.join(names)}." if names else ""


def check_allowed(name: str, allowed: AbstractSet[str] | None) -> None:
    """Check that the caller's key allows this provider.

    Raises:
        Forbidden: it does not.

    """
    if allowed is not None and name not in allowed:
        raise Forbidden(f"{_limit(allowed)} It does not allow {name}.")


def _limit(allowed: AbstractSet[str]) -> str:
    return f"This API key is limited to {', '.join(sorted(allowed))}."


def enabled_names(providers: Mapping[str, Provider], allowed: AbstractSet[str] | None) -> list[str]:
    """Return the names of the providers that are switched on and allowed, sorted."""
    return sorted(
        name
        for name, provider in providers.items()
        if provider.state != "disabled" and (allowed is None or name in allowed)
    )
