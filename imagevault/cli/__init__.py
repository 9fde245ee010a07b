"""The command line. An error is one line on standard error and an exit code.

Exit codes: 1 if something failed, 2 if the command was called wrongly, 130 after Ctrl-C.

The modules of the commands import what only one command needs inside that command, so that `imagevault --help` and
shell completion load neither the database layer, nor the web framework, nor the HTTP client.
"""

import os
import sys
from typing import NoReturn

import rich_click as click

from imagevault.cli import audit, config, demo, images, keys, providers, search, serve, users
from imagevault.cli.group import cli
from imagevault.cli.output import say
from imagevault.errors import BadInput, ImageVaultError

COMMANDS = (serve, demo, search, images, providers, config, users, keys, audit)  # each adds its commands to `cli`


def main() -> None:
    """Run the `imagevault` command."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  None after `>&-`
    try:
        _check_arguments()
        cli(prog_name="imagevault", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" See {context.command_path} --help." if context else ""
        _stop(error.format_message() + hint, error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("stopped", 130)
    except BrokenPipeError:  # the reader closed the pipe: imagevault search fox --json | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BadInput as error:
        _stop(str(error), 2)
    except (ImageVaultError, OSError) as error:
        _stop(str(error), 1)


def _check_arguments() -> None:
    """Raises UsageError for bytes that are not UTF-8, which Python turns into surrogates."""
    if any("\ud800" <= char <= "\udfff" for argument in sys.argv for char in argument):
        raise click.UsageError("The arguments must be UTF-8.")


def _stop(reason: str, code: int) -> NoReturn:
    say(f"imagevault: {' '.join(reason.split())}")
    sys.exit(code)
