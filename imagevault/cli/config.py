"""`imagevault config`: check the config file, print an example of it, and print the settings in force."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import rich_click as click

from imagevault.cli import output
from imagevault.cli.group import cli, json_option
from imagevault.cli.output import print_json, print_line, print_wrapped
from imagevault.config.settings import Settings, load, read
from imagevault.config.sources import CONFIG_VARIABLE
from imagevault.errors import ConfigError

if TYPE_CHECKING:
    from imagevault.plugins.registry import PluginRegistry


class Findings(msgspec.Struct):
    """What is wrong with a config file: errors, which a server refuses, and notes, which it accepts."""

    errors: list[ConfigError] = []
    notes: list[str] = []


@cli.group()
def config() -> None:
    """Check the settings, print them, or print an example of the config file."""


@config.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Check the settings, or those of another config file: imagevault config check new.toml.

    Names each mistake with its file, line and key, and says what is right. Exit code 1 if a server would refuse the
    settings, or would not start with them.
    """
    environ = {**os.environ, CONFIG_VARIABLE: str(file.absolute())} if file else None
    settings: Settings | None = None
    try:
        settings, mistakes = read(environ)
        findings = _examine(settings)
        findings.errors[:0] = mistakes
    except ConfigError as error:
        findings = Findings(errors=[error])
    if as_json:
        _print_findings_as_json(findings)
    else:
        _print_findings(findings, settings)
    if findings.errors:
        sys.exit(1)


def _examine(settings: Settings) -> Findings:
    from imagevault.runtime.reload import check_default, shadowed, wrong_providers
    from imagevault.security.keyring import check_own_secret
    from imagevault.upstream.tls import tls_context

    plugins = _plugins(settings)
    errors = [error for _, error in wrong_providers(settings, plugins.providers)]
    for check_more in (
        lambda: check_default(settings, plugins),
        lambda: check_own_secret(settings),
        tls_context,
    ):
        try:
            check_more()
        except ConfigError as error:
            errors.append(error)
    unconfigured = [
        f"{provider.name}: {provider.reason}" for provider in plugins.providers.values() if provider.missing_variable
    ]
    return Findings(errors, [*shadowed(settings), *plugins.problems, *unconfigured])


def _print_findings_as_json(findings: Findings) -> None:
    errors = [{"key": error.key, "where": error.source, "message": error.message} for error in findings.errors]
    print_json({"ok": not errors, "errors": errors, "notes": findings.notes})


def _print_findings(findings: Findings, settings: Settings | None) -> None:
    for error in findings.errors:
        print_line(f"{error.source}: {error.key}: {error.message}")
    for note in findings.notes:
        print_wrapped(f"note: {note}")
    if settings is not None and not findings.errors:
        print_line(f"{settings.config or 'no config file: the defaults and the environment'}: valid")


@config.command("example")
def show_example() -> None:
    """Print a config file that explains every key: imagevault config example > imagevault.toml.

    Every key is commented out and shows its default.
    """
    from imagevault.cli.config_example import example

    sys.stdout.write(example(_plugins(load())))


@config.command("show")
@json_option
def show(as_json: bool) -> None:
    """Print every setting, its value, and where it is set: imagevault config show.

    Secrets appear as ***.
    """
    from imagevault.cli.config_example import in_force

    settings = load()
    rows = in_force(settings, _plugins(settings))
    if as_json:
        print_json({"settings": rows})
    else:
        output.print_table(("key", "value", "from"), [(row.key, row.value, row.source) for row in rows])


def _plugins(settings: Settings) -> "PluginRegistry":
    from imagevault.plugins.registry import PluginRegistry

    return PluginRegistry.load(settings)
