"""The command line. Errors are one line and an exit code: 1 for what failed, 2 for how it was called."""

import os
import sys
from typing import NoReturn

import rich_click as click

from imagevault.cli import config, providers, search, serve, users
from imagevault.cli.group import cli
from imagevault.cli.output import say
from imagevault.errors import BadInput, ImageVaultError

COMMANDS = (serve, search, providers, config, users)  # each adds its own to `cli`


def main() -> None:
    """The entry point of the `imagevault` command."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  closed by the caller
    try:
        if any("\ud800" <= char <= "\udfff" for word in sys.argv for char in word):  # bytes that are not UTF-8
            raise click.UsageError("The arguments must be UTF-8.")
        cli(prog_name="imagevault", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        _stop(error.format_message() + (f" See {context.command_path} --help." if context else ""), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("stopped", 130)
    except BrokenPipeError:  # the reader has seen enough: imagevault search fox --json | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BadInput as error:
        _stop(str(error), 2)
    except (ImageVaultError, OSError) as error:
        _stop(str(error), 1)


def _stop(reason: str, code: int) -> NoReturn:
    say(f"imagevault: {' '.join(reason.split())}")
    sys.exit(code)
