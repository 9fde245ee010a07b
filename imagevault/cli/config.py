"""`imagevault config`: checking the config file, an example of it, and what is in force."""

import os
import sys
from pathlib import Path

import rich_click as click

from imagevault.cli import output as terminal
from imagevault.cli.config_example import example, in_force
from imagevault.cli.group import cli, json_option
from imagevault.cli.output import out, print_json
from imagevault.config.settings import PREFIX, Settings, load
from imagevault.errors import ConfigError
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.reload import check_default, shadowed, wrong_providers


@cli.group()
def config() -> None:
    """The config file."""


@config.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Say what is wrong with the config file, or with another: imagevault config check new.toml.

    Names line and key, and what would be right. Exit code 1 if a server would refuse it.
    """
    errors: list[ConfigError] = []
    notes: list[str] = []
    try:
        settings = load({**os.environ, PREFIX + "CONFIG": str(file.absolute())} if file else None)
        errors, notes = _examined(settings)
    except ConfigError as error:
        errors = [error]
    if as_json:
        wrong = [{"key": each.key, "where": each.source, "message": each.message} for each in errors]
        print_json({"ok": not errors, "errors": wrong, "notes": notes})
    else:
        for each in errors:
            out.print(f"{each.source}: {each.key}: {each.message}", markup=False, soft_wrap=True)
        for note in notes:
            out.print(f"note: {note}", markup=False, soft_wrap=True)
        if not errors:
            out.print(f"{settings.config or 'no config file: the defaults and the environment'}: good", markup=False)
    if errors:
        sys.exit(1)


def _examined(settings: Settings) -> tuple[list[ConfigError], list[str]]:
    plugins = PluginRegistry.load(settings)
    errors = [error for _, error in wrong_providers(settings, plugins.providers)]
    try:
        check_default(settings, plugins)
    except ConfigError as error:
        errors.append(error)
    lacking = [f"{each.name}: {each.reason}" for each in plugins.providers.values() if each.is_missing_setting]
    return errors, [*shadowed(settings), *plugins.problems, *lacking]


@config.command("example")
def show_example() -> None:
    """Print a config file with every key, its default and its meaning: imagevault config example > imagevault.toml."""
    sys.stdout.write(example(PluginRegistry.load(load())))


@config.command("show")
@json_option
def show(as_json: bool) -> None:
    """Print what is in force, and where each value comes from; secrets are masked: imagevault config show."""
    settings = load()
    rows = in_force(settings, PluginRegistry.load(settings))
    if as_json:
        print_json({"settings": rows})
    else:
        terminal.print_table(("key", "value", "from"), [(row.key, row.value, row.source) for row in rows])
