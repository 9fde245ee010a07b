"""Writing the file of a download and its credit into a folder, without ever overwriting another file."""

import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imagevault.cli.group import account
from imagevault.cli.output import err, print_json, print_line, say
from imagevault.errors import ImageVaultError

if TYPE_CHECKING:
    from imagevault.downloads.files import OpenFile
    from imagevault.downloads.record import DownloadRecord
    from imagevault.runtime.services import Services

BLOCK = 1024 * 1024  # bytes of a file that are compared at once


class Wanted(NamedTuple):
    """What `imagevault download` is given."""

    image: str
    username: str | None
    rendition: str | None
    project: str | None
    note: str | None


async def record_download(services: "Services", wanted: Wanted, key: str | None = None) -> "DownloadRecord | None":
    """Record a download, and report it where the provider's terms demand that. None if no account is named.

    Args:
        services: the parts of a server.
        wanted: the image, and the account.
        key: with the same one, the same download is recorded once within a day.

    """
    from imagevault.downloads.new_download import NewDownload

    if wanted.username is None:
        return None
    caller = await account(services.accounts, wanted.username)
    new = NewDownload(image=wanted.image, rendition=wanted.rendition, project=wanted.project, note=wanted.note)
    record = (await services.ledger.save(caller, new, key)).record
    if not await services.download_events.deliver_now(record.id):
        say(f"This download is not reported to {record.provider} yet. A running server reports it later.")
    return record


async def download_file(services: "Services", wanted: Wanted, folder: Path, *, as_json: bool) -> None:
    """Record a download if an account is named, and write its file and its credit into a folder.

    Raises:
        ImageVaultError: the file may not be passed on, another file has its name, or the folder cannot be written.

    """
    from imagevault.security.caller import Caller, scopes_of_person

    if wanted.username is not None:
        caller = await account(services.accounts, wanted.username)
    else:
        caller = Caller(id="", username="", scopes=scopes_of_person(is_admin=False))
    found, columns = await services.ledger.columns(caller, wanted.image, wanted.rendition)
    services.files.check(caller, columns)
    if wanted.username is None and found.provider.requires_download_events:
        raise ImageVaultError(
            f"the terms of {found.provider.info.title} want each download recorded: name an account with --as"
        )
    record = await record_download(services, wanted, _key(wanted, folder))
    opened = services.files.open(caller, record.id) if record is not None else services.files.read(caller, columns)
    async with opened as file:
        path, was_there = await write_file(folder, file, credit_text(columns))
    if as_json:
        print_json({"path": str(path), "was_there": was_there, "download": record})
    else:
        print_line(f"{path}{' (was there already)' if was_there else ''}")


def _key(wanted: Wanted, folder: Path) -> str:
    """Return the same text for the same download into the same folder."""
    text = "\0".join(map(str, (*wanted, folder.resolve())))
    return f"imagevault-download-{hashlib.sha256(text.encode()).hexdigest()}"


async def write_file(folder: Path, file: "OpenFile", credit: str) -> tuple[Path, bool]:
    """Write a file and its credit into a folder, each whole or not at all.

    The bytes go to a draft first. A file that is there already with the same bytes stays.

    Args:
        folder: where to; it is created if it does not exist.
        file: the file that is being read.
        credit: the text that goes beside it, into a file of the same name with `.txt` at the end.

    Returns:
        The path of the file, and whether it was there already.

    Raises:
        ImageVaultError: another file has this name, or the folder cannot be written.
        ProviderError: the file broke off.

    """
    try:
        return await _write_file(folder, file, credit)
    except OSError as error:
        message = f"cannot write to {folder}: {error.strerror}; choose another folder with --to"
        raise ImageVaultError(message) from None


async def _write_file(folder: Path, file: "OpenFile", credit: str) -> tuple[Path, bool]:
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  nothing else runs in a command
    path = folder / file.name
    draft = folder / f".{file.name}.{secrets.token_hex(8)}"
    try:
        digest = await _write_draft(draft, file)
        was_there = _is_taken(path)
        if was_there and _digest(path) != digest:
            raise ImageVaultError(f"{path} is another file; move it away, or choose another folder with --to")
        _write_credit(path.with_name(f"{path.name}.txt"), credit)
        if not was_there:
            _place(draft, path)
        return path, was_there
    finally:
        draft.unlink(missing_ok=True)


def credit_text(columns: Mapping[str, Any]) -> str:
    """Return the credit, licence and source of a download, one a line, as far as they are known."""
    license = " ".join(text for text in (columns["license_name"], columns["license_url"]) if text)
    lines = (columns["credit_text"], license and f"Licence: {license}", columns["source_url"])
    return "".join(f"{line}\n" for line in lines if line)


async def _write_draft(draft: Path, file: "OpenFile") -> str:
    """Write the bytes, durably, with a progress bar where somebody watches; return their SHA-256."""
    digest = hashlib.sha256()
    with draft.open("xb") as target:
        async for piece in _watched(file):
            target.write(piece)
            digest.update(piece)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


async def _watched(file: "OpenFile") -> AsyncIterator[bytes]:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task(file.name, total=file.length)
        async for piece in file.pieces:
            progress.advance(task, len(piece))
            yield piece


def _write_credit(path: Path, credit: str) -> None:
    """Write the credit. One that is there already stays, because its words may be somebody's."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        draft.write_text(credit, encoding="utf-8")
        if not _is_taken(path):
            _place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _is_taken(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _place(draft: Path, path: Path) -> None:
    """Give a draft its name. Raises ImageVaultError if a file has it: a rename would overwrite that."""
    try:
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with path.open("xb") as target, draft.open("rb") as source:
                shutil.copyfileobj(source, target)
    except FileExistsError:
        raise ImageVaultError(f"{path} was created by another program at this moment; try again") from None


def _digest(path: Path) -> str | None:
    """Return the SHA-256 of a file; None for what is no plain file."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
