"""`imagevault providers`: list them, enable and disable them, try them, and start a new one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import print_json, print_line, say, say_wrapped
from imagevault.config.settings import load

if TYPE_CHECKING:
    from imagevault.cli.provider_check import ProviderCheck, Recorder
    from imagevault.runtime.services import Services


@cli.group(invoke_without_command=True)
@json_option
@click.pass_context
def providers(context: click.Context, as_json: bool) -> None:
    """List every provider with its state: imagevault providers.

    Shows whether each provider can be searched and why not, how many calls are left, the last error, and the share of
    pages that came from the cache in the last hour. Below the table stands the size of the cache. Reads the database
    that the server writes.
    """
    if context.invoked_subcommand is None:
        with_services(lambda services: _print_list(services, as_json=as_json))


async def _print_list(services: "Services", *, as_json: bool) -> None:
    from imagevault.search.provider_list import list_providers

    listed = await list_providers(services.gateway, admin=True)
    if as_json:
        print_json(listed)
        return
    output.print_table(*output.provider_rows(listed.providers, listed.failures))
    if listed.cache is not None:
        say(output.cache_line(listed.cache))
    for record in listed.providers:
        if record.terms is not None and record.terms.is_old:
            say_wrapped(f"terms: those of {record.name} were read {record.terms.age} days ago: {record.terms.url}")
    for problem in listed.problems:
        say_wrapped(f"config: {problem}")


@providers.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what one provider can do and what its terms say: imagevault providers show pexels.

    The terms of use come with the day on which the author of the plugin read them.
    """
    with_services(lambda services: _print_provider(services, name, as_json=as_json))


async def _print_provider(services: "Services", name: str, *, as_json: bool) -> None:
    from imagevault.cli.provider_details import details_of
    from imagevault.errors import BadInput
    from imagevault.search.choice import unknown_provider
    from imagevault.search.provider_list import list_providers

    listed = await list_providers(services.gateway, admin=True)
    found = {record.name: record for record in listed.providers}
    if name in services.gateway.plugins.not_loaded:
        reason = next(failure.reason for failure in listed.failures if failure.name == name)
        raise BadInput("provider", f"the plugin of {name} could not be loaded: {reason}")
    if name not in found:
        raise unknown_provider(name, found)
    if as_json:
        print_json(found[name])
        return
    for label, value in details_of(found[name]):
        say_wrapped(f"{label}: {value}")


@providers.command("enable")
@click.argument("name")
@json_option
def enable(name: str, as_json: bool) -> None:
    """Enable a provider in the config file: imagevault providers enable pexels.

    Keeps the comments in the file. A running server searches the provider again within a second.
    """
    _set_enabled(name, enabled=True, as_json=as_json)


@providers.command("disable")
@click.argument("name")
@json_option
def disable(name: str, as_json: bool) -> None:
    """Disable a provider in the config file: imagevault providers disable pexels.

    Keeps the comments in the file. A running server stops searching the provider within a second.
    """
    _set_enabled(name, enabled=False, as_json=as_json)


def _set_enabled(name: str, *, enabled: bool, as_json: bool) -> None:
    from imagevault.cli.config_editing import set_enabled

    path = set_enabled(load(), name, enabled=enabled)
    if as_json:
        print_json({"name": name, "enabled": enabled, "file": str(path)})
    else:
        say(f"{name} is {'enabled' if enabled else 'disabled'} in {path}")


@providers.command("repair")
@click.argument("name")
@json_option
def repair(name: str, as_json: bool) -> None:
    """Replace a stored state that cannot be read: imagevault providers repair pexels.

    The state holds the counted calls, pauses and failures of a provider. Without it, the next calls may exceed the
    quota, so a state that can be read stays. Running servers call the provider again within a second.
    """
    with_services(lambda services: _repair(services, name, as_json=as_json))


async def _repair(services: "Services", name: str, *, as_json: bool) -> None:
    from imagevault.search.choice import unknown_provider

    providers = services.gateway.providers
    if name not in providers:
        raise unknown_provider(name, providers)
    is_repaired = await services.gateway.limiter.repair(providers[name])
    if as_json:
        print_json({"name": name, "repaired": is_repaired})
    else:
        say(f"the state of {name} is {'replaced by an empty one' if is_repaired else 'in order; nothing is changed'}")


@providers.command("new")
@click.argument("name")
@click.option(
    "--in",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Where to create the folder of the project. By default, in the current folder.",
)
@click.option("--declarative", "is_declarative", is_flag=True, help="Start a TOML file instead of a Python module.")
@click.option(
    "--from",
    "answer",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The answer of a search as JSON, from which --declarative proposes where each field stands.",
)
@json_option
def new(name: str, folder: Path, is_declarative: bool, answer: Path | None, as_json: bool) -> None:
    """Start a plugin for another provider: imagevault providers new acme.

    Creates the folder imagevault-NAME with a provider that works on a simulated upstream, and its tests. The next steps
    are in docs/plugins.md; with --declarative, in docs/declarative.md.
    """
    from imagevault.plugins import scaffold

    if is_declarative is not (answer is not None):
        raise click.UsageError("--declarative and --from ANSWER.json go together.")
    paths = scaffold.write(name, folder) if answer is None else scaffold.write_declarative(name, folder, answer)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        print_line(str(path))
    say(f"Try it with: cd {scaffold.project_folder(name, folder)} && python -m pytest")
    if answer is not None:
        say("One test fails as long as something is left to change, and names it.")


@providers.command("check")
@click.argument("name", required=False)
@click.option("-q", "--query", metavar="WORDS", default="mountain", show_default=True, help="The words to search for.")
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the provider's answers to this JSON file, without your keys, as test data for its plugin.",
)
@json_option
def check_providers(name: str | None, query: str, record: Path | None, as_json: bool) -> None:
    """Test whether a provider works, by a real search: imagevault providers check pexels.

    Without NAME, tests every provider that is enabled. The calls count against the quotas. The exit code is 1 if a
    provider fails.
    """
    from imagevault.cli.provider_check import Recorder, check_all, check_and_record

    if record is None:
        checks = check_all("all" if name is None else name, query)
        _print_checks(checks, as_json=as_json)
    elif name is None:
        raise click.UsageError("--record needs the NAME of one provider.")
    else:
        recorder = Recorder()
        checks = [check_and_record(name, query, recorder, record)]
        _print_checks(checks, as_json=as_json)
        _print_recording(checks[0], recorder, record)
    if not all(check.ok for check in checks):
        sys.exit(1)


def _print_checks(checks: "list[ProviderCheck]", *, as_json: bool) -> None:
    if as_json:
        print_json({"providers": checks})
        return
    rows = [
        (
            check.name,
            "yes" if check.ok else "no",
            check.milliseconds,
            _images_of(check),
            check.total,
            ", ".join(f"{field} in {count}" for field, count in check.missing.items()),
            check.note,
            check.error,
        )
        for check in checks
    ]
    output.print_table(("provider", "works", "ms", "images", "total", "missing", "note", "error"), rows)


def _images_of(check: "ProviderCheck") -> str:
    """How many images there are, and of how many records, if some were dropped: `78 of 80 (name: ...)`."""
    if check.dropped is None:
        return str(check.images)
    return f"{check.images} of {check.records} ({check.dropped})"


def _print_recording(check: "ProviderCheck", recorder: "Recorder", path: Path) -> None:
    requests = ", ".join(check.asked) or "nothing"
    say(f"recorded in {path}, without your keys: {requests}; calls: {len(recorder.recordings)}")
