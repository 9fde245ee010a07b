"""`imagevault providers`: the board, switching them on and off, asking one, beginning a new one."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from rich.text import Text

from imagevault.cli import output as terminal
from imagevault.cli.config_editing import switch
from imagevault.cli.group import cli, json_option
from imagevault.cli.output import out, print_json, say
from imagevault.cli.provider_check import Checked, Recorder, check
from imagevault.config.settings import load
from imagevault.plugins import scaffold
from imagevault.runtime.services import Services
from imagevault.search.provider_list import list_providers
from imagevault.search.search import choose


@cli.group(invoke_without_command=True)
@json_option
@click.pass_context
def providers(context: click.Context, as_json: bool) -> None:
    """Show how every provider stands: imagevault providers.

    State and why, what is left of each quota and when there is more, the breaker, the last error, how often the cache
    served in the last hour, and what it was installed with. It reads the same database as the server.
    """
    if context.invoked_subcommand is not None:
        return

    async def work() -> dict[str, Any]:
        services = Services(load())
        async with services.running():
            listed = await list_providers(services.gateway, admin=True)
        return {"providers": listed.providers, "failures": listed.failures, "problems": listed.problems}

    found = asyncio.run(work())
    if as_json:
        print_json(found)
        return
    terminal.print_table(*terminal.list_providers(found["providers"], found["failures"]))
    for problem in found["problems"]:
        say(f"config: {problem}")


@providers.command("enable")
@click.argument("name")
@json_option
def enable(name: str, as_json: bool) -> None:
    """Switch a provider on in the config file: imagevault providers enable pexels."""
    _switch(name, on=True, as_json=as_json)


@providers.command("disable")
@click.argument("name")
@json_option
def disable(name: str, as_json: bool) -> None:
    """Switch a provider off in the config file: imagevault providers disable pexels.

    Comments in the file are kept. A running server has it within a second.
    """
    _switch(name, on=False, as_json=as_json)


def _switch(name: str, *, on: bool, as_json: bool) -> None:
    path = switch(load(), name, on=on)
    if as_json:
        print_json({"name": name, "enabled": on, "file": str(path)})
        return
    say(f"{name} is switched {'on' if on else 'off'} in {path}")


@providers.command("new")
@click.argument("name")
@click.option("--in", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where to make it.")
@json_option
def new(name: str, folder: Path, as_json: bool) -> None:
    """Begin a provider of your own, with a test that passes: imagevault providers new acme.

    Makes the project imagevault-NAME; docs/plugins.md goes on from there.
    """
    paths = scaffold.write(name, folder)
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        out.print(Text(str(path)), soft_wrap=True)
    say(f"Try it with: cd {paths[0].parent} && python -m pytest")


@providers.command("check")
@click.argument("name", required=False)
@click.option("-q", "--query", default="mountain", show_default=True, help="What to search for.")
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Save what came back as JSON here.")
@json_option
def check_providers(name: str | None, query: str, record: Path | None, as_json: bool) -> None:
    """Ask a provider, or each that is switched on, one real query: imagevault providers check pexels."""
    if record is not None and name is None:
        raise click.UsageError("--record needs the NAME of one provider.")
    recorder = Recorder()

    async def run() -> list[Checked]:
        services = Services(load(), {name: recorder} if name and record else None)
        async with services.running():
            chosen = choose(services.gateway.providers, name or "all")
            checked = [await check(services, each, query, more=record is not None) for each in chosen]
            if record is not None:
                recorder.save(record, chosen[0])
            return checked

    results = asyncio.run(run())
    if as_json:
        print_json({"providers": results})
    else:
        terminal.print_table(
            ("provider", "works", "ms", "images", "total", "lacking", "why not"),
            [_row(each) for each in results],
        )
    if record is not None:
        asked = ", ".join(results[0].asked) or "nothing"
        say(f"recorded in {record}, without your keys: {asked}; calls: {len(recorder.exchanges)}")
    if not all(each.ok for each in results):
        sys.exit(1)


def _row(checked: Checked) -> tuple[object, ...]:
    lacking = ", ".join(f"{field} in {count}" for field, count in checked.missing.items())
    works = "yes" if checked.ok else "no"
    return checked.name, works, checked.milliseconds, checked.images, checked.total, lacking, checked.error
