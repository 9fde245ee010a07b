"""`imagevault providers`: list them, enable and disable them, try them, and start a new one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option, with_services
from imagevault.cli.output import print_json, print_line, say
from imagevault.config.settings import load

if TYPE_CHECKING:
    from imagevault.cli.provider_check import ProviderCheck, Recorder
    from imagevault.runtime.services import Services


@cli.group(invoke_without_command=True)
@json_option
@click.pass_context
def providers(context: click.Context, as_json: bool) -> None:
    """List every provider with its state: imagevault providers.

    Shows the state and the reason for it, the quotas left, the circuit breaker, the last error, the share of pages
    that the cache served in the last hour, and the package. Reads the database of the server.
    """
    if context.invoked_subcommand is None:
        with_services(lambda services: _print_list(services, as_json=as_json))


async def _print_list(services: "Services", *, as_json: bool) -> None:
    from imagevault.search.provider_list import list_providers

    listed = await list_providers(services.gateway, admin=True)
    if as_json:
        print_json({"providers": listed.providers, "failures": listed.failures, "problems": listed.problems})
        return
    output.print_table(*output.provider_rows(listed.providers, listed.failures))
    for problem in listed.problems:
        say(f"config: {problem}")


@providers.command("enable")
@click.argument("name")
@json_option
def enable(name: str, as_json: bool) -> None:
    """Enable a provider in the config file: imagevault providers enable pexels."""
    _set_enabled(name, enabled=True, as_json=as_json)


@providers.command("disable")
@click.argument("name")
@json_option
def disable(name: str, as_json: bool) -> None:
    """Disable a provider in the config file: imagevault providers disable pexels.

    Keeps the comments in the file. A running server applies the change within a second.
    """
    _set_enabled(name, enabled=False, as_json=as_json)


def _set_enabled(name: str, *, enabled: bool, as_json: bool) -> None:
    from imagevault.cli.config_editing import set_enabled

    path = set_enabled(load(), name, enabled=enabled)
    if as_json:
        print_json({"name": name, "enabled": enabled, "file": str(path)})
    else:
        say(f"{name} is {'enabled' if enabled else 'disabled'} in {path}")


@providers.command("new")
@click.argument("name")
@click.option(
    "--in", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", help="Folder of the new project."
)
@json_option
def new(name: str, folder: Path, as_json: bool) -> None:
    """Create the project of a new provider, with a test that passes: imagevault providers new acme.

    The project is the folder imagevault-NAME. The next steps are in docs/plugins.md.
    """
    from imagevault.plugins import scaffold

    paths = scaffold.write(name, folder)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        print_line(str(path))
    say(f"Try it with: cd {paths[0].parent} && python -m pytest")


@providers.command("check")
@click.argument("name", required=False)
@click.option("-q", "--query", default="mountain", show_default=True, help="What to search for.")
@click.option(
    "--record", type=click.Path(path_type=Path, dir_okay=False), help="Write the provider's answers to this JSON file."
)
@json_option
def check_providers(name: str | None, query: str, record: Path | None, as_json: bool) -> None:
    """Send a real query to one provider, or to each enabled one: imagevault providers check pexels."""
    from imagevault.cli.provider_check import Recorder, check_all, check_and_record

    if record is None:
        checks = check_all(name or "all", query)
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
            check.images,
            check.total,
            ", ".join(f"{field} in {count}" for field, count in check.missing.items()),
            check.error,
        )
        for check in checks
    ]
    output.print_table(("provider", "works", "ms", "images", "total", "missing", "error"), rows)


def _print_recording(check: "ProviderCheck", recorder: "Recorder", path: Path) -> None:
    requests = ", ".join(check.asked) or "nothing"
    say(f"recorded in {path}, without your keys: {requests}; calls: {len(recorder.recordings)}")
