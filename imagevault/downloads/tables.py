"""The tables of downloads: the ledger, the outbox of download events, and saves that may be repeated."""

from piccolo.columns import UUID, BigInt, Boolean, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from imagevault.storage.database import DB


class Download(Table, tablename="iv_download", db=DB):
    """One download, with title, author, licence and credit as they were when it was recorded.

    `docs/admin.md` has its indexes. The columns from `fetched_at` on are null in rows of an older version.

    Attributes:
        fetched_at: when the provider sent the record of the image.
        declared_by: who declared the licence: `record`, `provider` or `caller`.
        declared_field: the field of the upstream's record that declares it.
        declared_words: the words of that field, or of the caller.
        record: the record of the image as canonical JSON (`downloads/passport.py`).
        record_hash: its SHA-256 in hexadecimal digits.
        stated_by_caller: the fields that hold the caller's words, separated by commas.
        search_text: title, author, project, note and credit in folded letters, for the filter `q`.
        status: what the last check at the source found; null until one found a change or confirmed the record.
        checked_at: when that was, in milliseconds since 1970; 0 if never.
        change: what it found, as JSON.
        size: bytes of the file, once it was read completely.
        sha256: the hash of the provider's bytes, in hexadecimal digits.
        media_type: the type of the file, by its content.

    """

    id = UUID(primary_key=True)
    account = UUID(default=None)
    image = Text(null=True, default=None)
    provider = Varchar(length=64, null=True, default=None)
    url = Text()
    rendition = Varchar(length=16, null=True, default=None)
    width = Integer(null=True, default=None)
    height = Integer(null=True, default=None)
    title = Text(null=True, default=None)
    author_name = Text(null=True, default=None)
    author_url = Text(null=True, default=None)
    source_url = Text(null=True, default=None)
    license_id = Text(null=True, default=None)
    license_name = Text(null=True, default=None)
    license_url = Text(null=True, default=None)
    attribution_required = Boolean(null=True, default=None)
    commercial = Boolean(null=True, default=None)
    modification = Boolean(null=True, default=None)
    credit_text = Text(null=True, default=None)
    credit_html = Text(null=True, default=None)
    credit_markdown = Text(null=True, default=None)
    provider_ref = Text(null=True, default=None)
    project = Text(null=True, default=None)
    note = Text(null=True, default=None)
    created_at = Timestamptz()
    fetched_at = Timestamptz(null=True, default=None)
    declared_by = Varchar(length=16, null=True, default=None)
    declared_field = Text(null=True, default=None)
    declared_words = Text(null=True, default=None)
    record = Text(null=True, default=None)
    record_hash = Varchar(length=64, null=True, default=None)
    stated_by_caller = Text(null=True, default=None)
    search_text = Text(null=True, default=None)
    status = Varchar(length=16, null=True, default=None)
    checked_at = BigInt(default=0)
    change = Text(null=True, default=None)
    size = BigInt(null=True, default=None)
    sha256 = Varchar(length=64, null=True, default=None)
    media_type = Varchar(length=40, null=True, default=None)


class DownloadEvent(Table, tablename="iv_download_event", db=DB):
    """A download event that is not delivered yet. Times are milliseconds since 1970.

    The key is that of the download, so that a download has one event at most.

    Attributes:
        image: the `Image` as it was, as JSON.
        next_attempt_at: no attempt is made before.
        attempts: how many failed.
        lease_until: until when a worker may report it exclusively.
        lease_owner: which attempt of which worker holds the lease; empty where none does.

    """

    download = UUID(primary_key=True)
    provider = Varchar(length=64, index=True)
    image = Text()
    created_at = BigInt(default=0)
    next_attempt_at = BigInt(default=0)
    attempts = Integer(default=0)
    lease_until = BigInt(default=0)
    lease_owner = Varchar(length=32)


class RepeatableSave(Table, tablename="iv_repeatable_save", db=DB):
    """A save that came with an Idempotency-Key. Times are milliseconds since 1970.

    Attributes:
        id: the SHA-256 of account and key, in hexadecimal digits.
        fingerprint: the SHA-256 of the body.
        answer: the answer, as JSON; null while the save is running.
        lease_until: until when a running save may not be taken over.
        owner: which request runs it.

    """

    id = Varchar(length=64, primary_key=True)
    account = UUID(default=None, index=True)
    fingerprint = Varchar(length=64)
    answer = Text(null=True, default=None)
    created_at = BigInt(default=0, index=True)
    lease_until = BigInt(default=0)
    owner = Varchar(length=32)
