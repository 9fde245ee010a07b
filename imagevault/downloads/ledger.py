"""The ledger: one row for each download, with credit and licence as they were on that day."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from imagevault.accounts.locking import insert_row_of_account
from imagevault.downloads import finding
from imagevault.downloads.bare_urls import columns_of_url, find_record, owner_of
from imagevault.downloads.credits import Credit, credit_of
from imagevault.downloads.finding import Filters, ProjectCount, Taken, cursor_of, read_cursor
from imagevault.downloads.new_download import CallersWords, NewDownload, check_fields
from imagevault.downloads.outbox import Outbox
from imagevault.downloads.record import (
    DownloadProof,
    DownloadRecord,
    record_fields,
)
from imagevault.downloads.repeatable_saves import RepeatableSaves, RunningSave
from imagevault.downloads.rows import chosen_rendition, download_row, image_columns, url_columns
from imagevault.downloads.tables import Download
from imagevault.downloads.verification import checked_by
from imagevault.errors import BadInput, Forbidden, ResourceNotFound
from imagevault.images.links import link
from imagevault.images.sanitize import MAX_NAME, MAX_TITLE
from imagevault.plugins.plain_text import one_line, several_lines
from imagevault.plugins.provider import Provider
from imagevault.search.choice import check_allowed
from imagevault.search.gateway import FoundImage, Gateway
from imagevault.security.caller import Caller
from imagevault.storage.database import transaction

EXPORT_PAGE = 200  # downloads that an export reads at once: some 10 ms

_encoder = msgspec.json.Encoder()


class Saved(NamedTuple):
    """A download that was saved, and whether an earlier request with the same key did that."""

    record: DownloadRecord
    is_replayed: bool


class LedgerPage(msgspec.Struct, frozen=True):
    """A page of the ledger.

    Attributes:
        downloads: newest first.
        next_cursor: the cursor of the page after it; None at the end.

    """

    downloads: list[DownloadRecord]
    next_cursor: str | None


class Ledger:
    """Writes and reads downloads. Each account sees only its own."""

    def __init__(self, gateway: Gateway, outbox: Outbox) -> None:
        """Make a ledger.

        Args:
            gateway: looks up images.
            outbox: takes the download events of providers that require them.

        """
        self.gateway = gateway
        self.saves = RepeatableSaves(gateway.clock)
        self._outbox = outbox

    async def save(self, caller: Caller, new: NewDownload, key: str | None = None) -> Saved:
        """Record a download. With a key, the same request is carried out once.

        Raises:
            BadInput: the fields do not fit together, or one of them is wrong.
            Forbidden: the caller's key does not allow this provider, or its terms want a person to pick each picture.
            ResourceNotFound: the provider has no such image.
            ProviderError: the provider must be asked for the image and fails.
            KeyReused: the key came with another body.
            StillRunning: a request with this key has not ended yet.

        """
        if (new.image is None) == (new.url is None):
            raise BadInput("image", "give either image or url")
        check_fields(new)
        if key is None:
            return Saved(await self._save(caller, new, None), is_replayed=False)
        begun = await self.saves.begin(caller.id, key, _encoder.encode(new))
        if isinstance(begun, str):
            record = msgspec.json.decode(begun, type=DownloadRecord)
            if record.provider is not None:  # another key of the account may have taken it
                check_allowed(record.provider, caller.providers)
            return Saved(record, is_replayed=True)
        try:
            return Saved(await self._save(caller, new, begun), is_replayed=False)
        except BaseException:
            await self.saves.release(begun)
            raise

    async def save_image(
        self,
        caller: Caller,
        id: str,
        rendition: str | None,
        project: str | None,
        note: str | None,
        save: RunningSave | None = None,
    ) -> DownloadRecord:
        """Record the download of an image.

        Args:
            caller: whose ledger gets the record.
            id: the image's id, as a search answers it.
            rendition: the name of the rendition; None for the largest that browsers show.
            project: what it is for.
            note: any text.
            save: the repeatable save that this is.

        Raises:
            BadInput: if there is no such provider or rendition.
            Forbidden: see `save`.
            Forbidden: if the caller may not use the provider.
            ResourceNotFound: if the provider has no such image.
            ProviderError: if the provider must be asked for the image and fails.

        """
        found, columns = await self.columns(caller, id, rendition)
        checked_at = checked_by(found.fetched_at, self.gateway.clock())
        row = download_row(caller.id, project=project, note=note, checked_at=checked_at, **columns)
        return await self._write(row, save, found)

    async def columns(self, caller: Caller, id: str, rendition: str | None) -> tuple[FoundImage, dict[str, Any]]:
        """Return an image, and the columns that the record of its download would have. Raises as `save_image` does."""
        found = await self.gateway.find_image(id, field="image", caller=caller.id, allowed=caller.providers)
        _check_picked_by_a_person(caller, found.provider)
        record = self.gateway.record(found.provider, found.image)
        return found, image_columns(found, record, chosen_rendition(record, rendition))

    async def save_url(
        self,
        caller: Caller,
        url: str,
        project: str | None,
        note: str | None,
        words: CallersWords | None = None,
        save: RunningSave | None = None,
    ) -> DownloadRecord:
        """Record the download of a bare URL, with the record of its image if the provider knows it.

        Otherwise it is credited to the provider whose file host it is on, if any.

        Args:
            caller: who takes it.
            url: the address.
            project: what it is for.
            note: any text.
            words: what the caller says about the picture.
            save: the repeatable save that this is.

        Raises:
            BadInput: if the URL cannot be a link.
            Forbidden: see `save`.

        """
        if link(url) != url:
            raise BadInput("url", "must be an http or https address of at most 2048 characters, percent-encoded")
        found = await find_record(self.gateway, caller, url)
        if found is not None:
            _check_picked_by_a_person(caller, found.provider)
            columns = columns_of_url(self.gateway, found, url)
            checked_at = checked_by(found.fetched_at, self.gateway.clock())
            row = download_row(caller.id, project=project, note=note, checked_at=checked_at, **columns)
            return await self._write(row, save, found)
        words = words or CallersWords()
        owner = owner_of(self.gateway.providers, url)
        if owner is not None:
            check_allowed(owner.name, caller.providers)
            _check_picked_by_a_person(caller, owner)
        row = download_row(caller.id, project=project, note=note, url=url, **url_columns(owner, words))
        return await self._write(row, save)

    async def page(self, account: str, limit: int, cursor: str | None, filters: Filters | None = None) -> LedgerPage:
        """Return up to `limit` downloads of an account that the filters let through, from the newest or a cursor.

        Raises:
            BadInput: if the cursor is not one that this server issued.

        """
        start = read_cursor(cursor) if cursor is not None else None
        found = await finding.find(account, filters or Filters(), limit, start)
        next_cursor = cursor_of(found.next) if found.next is not None else None
        return LedgerPage([self._record(row) for row in found.rows], next_cursor)

    async def credits(
        self, account: str, filters: Filters | None = None, shown_account: str | None = None
    ) -> AsyncIterator[list[Credit]]:
        """Yield the credits of an account's downloads in pages, newest first.

        Downloads that are recorded after the first page are left out.

        Args:
            account: the account's id.
            filters: which downloads.
            shown_account: its name, for exports over several accounts.

        """
        position = None
        while True:
            found = await finding.find(account, filters or Filters(), EXPORT_PAGE, position)
            yield [credit_of(self._record(row), shown_account) for row in found.rows]
            if found.next is None:
                return
            position = found.next

    async def find(self, account: str, id: uuid.UUID) -> DownloadProof:
        """Return one download with its proof. Raises ResourceNotFound if this account has no such download."""
        row = await finding.find_one(account, id)
        if row is None:
            raise ResourceNotFound(f"You have no download {id}.")
        return self._proof(row)

    async def change(
        self,
        account: str,
        id: uuid.UUID,
        project: str | msgspec.UnsetType | None,
        note: str | msgspec.UnsetType | None,
    ) -> DownloadProof:
        """Change the project or the note of a download; None clears it, UNSET leaves it.

        Raises:
            ResourceNotFound: if this account has no such download.

        """
        values: dict[Any, Any] = {}
        if project is not msgspec.UNSET:
            values[Download.project] = several_lines(project)
        if note is not msgspec.UNSET:
            values[Download.note] = several_lines(note)
        if not values:
            return await self.find(account, id)
        is_own = (Download.account == uuid.UUID(account)) & (Download.id == id)
        async with transaction():
            # Only what was given, so that a change of the other field at the same time stays. It locks the row.
            if not await Download.update(values).where(is_own).returning(Download.id):
                raise ResourceNotFound(f"You have no download {id}.")
            row = await finding.find_one(account, id)
            assert row is not None
            await Download.update({Download.search_text: finding.search_text(row)}).where(is_own)
        return self._proof(row)

    async def forget(self, account: str, id: uuid.UUID) -> None:
        """Delete a download. Its event stays in the outbox: the provider is owed the report.

        Raises:
            ResourceNotFound: if this account has no such download.

        """
        is_own = (Download.account == uuid.UUID(account)) & (Download.id == id)
        if not await Download.delete().where(is_own).returning(Download.id):
            raise ResourceNotFound(f"You have no download {id}.")

    async def taken(self, account: str, images: Sequence[str]) -> list[Taken]:
        """Return which of these images an account took before, in their order."""
        found = {taken.image: taken for taken in await finding.find_taken(account, images)}
        return [found[image] for image in images if image in found]

    async def projects(self, account: str) -> list[ProjectCount]:
        """Return the projects of an account, the last used first."""
        return await finding.find_projects(account)

    async def _save(self, caller: Caller, new: NewDownload, save: RunningSave | None) -> DownloadRecord:
        if new.image is not None:
            return await self.save_image(caller, new.image, new.rendition, new.project, new.note, save)
        words = CallersWords(
            title=one_line(new.title, MAX_TITLE),
            author=one_line(new.author, MAX_NAME),
            license=one_line(new.license, MAX_NAME),
        )
        return await self.save_url(caller, new.url or "", new.project, new.note, words, save)

    async def _write(self, row: Download, save: RunningSave | None, found: FoundImage | None = None) -> DownloadRecord:
        """Write a download, in one transaction with its event where the provider requires one, and with its answer.

        Raises:
            NotSignedIn: if the account was locked or deleted since the request began.

        """
        record = self._record(row.to_dict())
        has_event = found is not None and found.provider.requires_download_events
        if save is None and not has_event:
            await insert_row_of_account(row, row.account)
            return record
        async with transaction():
            await insert_row_of_account(row, row.account)
            if found is not None and has_event:
                await self._outbox.write(row.id, found.provider.name, found.image, self.gateway.clock())
            if save is not None:
                await self.saves.complete(save, _encoder.encode(record))
        return record

    def _proof(self, row: Mapping[str, Any]) -> DownloadProof:
        return DownloadProof(**record_fields(row, self._url(row)), record=row["record"])

    def _record(self, row: Mapping[str, Any]) -> DownloadRecord:
        return DownloadRecord(**record_fields(row, self._url(row)))

    def _url(self, row: Mapping[str, Any]) -> str:
        """Return the URL; one of a file of ours is signed anew each time."""
        url: str = row["url"]
        if not row["image"] or not url.startswith("/media/"):
            return url
        provider, _, image_id = row["image"].partition(":")
        return self.gateway.links.link(provider, image_id, row["rendition"])


def _check_picked_by_a_person(caller: Caller, provider: Provider) -> None:
    """Check that a person picks each picture, where the provider's terms want that.

    Raises:
        Forbidden: a key without the scope `interactive` is used.

    """
    terms = provider.info.terms
    if terms is not None and terms.automated_use == "human" and "interactive" not in caller.scopes:
        title = provider.info.title
        raise Forbidden(
            f"The terms of {title} want a person to pick each picture: use a key with the scope interactive where a "
            f"person does that, or sign in. See {terms.url}."
        )
