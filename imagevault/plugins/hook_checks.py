"""What is wrong with the hooks of a plugin: a mark that is missing, a name, an argument, `async`."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pluggy

from imagevault.config.sources import nearest
from imagevault.errors import PluginError
from imagevault.plugins import hookspecs

REQUIRED_HOOKS = ("provider_info", "search_images")
MARK = f"{hookspecs.hookimpl.project_name}_impl"  # the attribute that pluggy gives to a marked function
SPECIFIED = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if hasattr(function, f"{hookspecs.hookspec.project_name}_spec")
}
"""The name of each hook -> its arguments."""


def check_marks(plugin: object) -> None:
    """Check the functions that have the name of a hook, before they are registered.

    Raises:
        PluginError: one takes the arguments of the hook, but is not marked `@hookimpl`, so it would never be called; or
            a marked one has an argument that the hook has not.

    """
    for name, known in SPECIFIED.items():
        function = getattr(plugin, name, None)
        if not inspect.isroutine(function):
            continue
        options: Mapping[str, Any] | None = getattr(function, MARK, None)
        arguments = list(_required(function))
        if options is None and set(arguments) <= set(known):
            raise PluginError(f"{name} is not marked: write @hookimpl above it, or give it another name")
        if options is None or options.get("specname"):
            continue
        for argument in arguments:
            if argument not in known:
                may_take = f"it may take {', '.join(known)}" if known else "it takes none"
                raise PluginError(f"{name} has no argument {argument}; {may_take}")


def _required(function: Callable[..., Any]) -> Iterator[str]:
    """Yield the arguments that pluggy passes: those by position without a default."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty:
            yield parameter.name


def check_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    """Check the hooks of a registered plugin.

    Raises:
        PluginError: one has an unknown name, is async or not where it must be, or is missing.

    """
    callers = manager.get_hookcallers(plugin) or []
    for caller in callers:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                _check_hook(caller, implementation)
    found = {caller.name for caller in callers}
    for hook in REQUIRED_HOOKS:
        if hook not in found:
            raise PluginError(f"it has no hook {hook} (a function marked @hookimpl)")


def _check_hook(caller: pluggy.HookCaller, implementation: pluggy.HookImpl) -> None:
    name = caller.name
    if caller.spec is None:
        if implementation.optionalhook:
            return
        raise PluginError(f"there is no hook {name}.{nearest(name, SPECIFIED)}")
    must_be_async = inspect.iscoroutinefunction(caller.spec.function)
    is_async = inspect.iscoroutinefunction(implementation.function)
    if must_be_async and not is_async:
        raise PluginError(f"{name} must be a coroutine: async def {name}(...)")
    if is_async and not must_be_async:
        raise PluginError(f"{name} must be a plain function: def {name}(...)")
