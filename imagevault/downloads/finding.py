"""The queries of the ledger: one account's rows, newest first, by filters, at a cost that does not grow with it.

An index leads to the rows of one filter, in their order. Further filters and the words of `q` are checked row by row,
in a window of `WINDOW` rows. So a page of such a query may be shorter than asked for; its cursor goes on after it.
"""

import re
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Literal

import msgspec
from piccolo.columns.combination import WhereRaw
from piccolo.query.functions.aggregate import Count, Max, Min

from imagevault.downloads.tables import Download
from imagevault.errors import BadInput
from imagevault.plugins.plain_text import has_visible, several_lines
from imagevault.security import base64url
from imagevault.storage.dialect import contains

WINDOW = 2000  # rows that one request looks through
MAX_FILTER = 260  # characters of a filter
MAX_WORDS = 30  # of `q`
MAX_PROJECTS = 1000
# 2026-11-23T09:31:00Z; the group is missing where there is only a day. A month or a week is none.
DAY_AND_TIME = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-W[0-9]{2}-[0-9]|[0-9]{4}W[0-9]{3})([Tt ].+)?", re.DOTALL
)
SHOWN = tuple(Download.all_columns(exclude=[Download.record]))
"""The columns of a record. The proof is long, and only `GET /downloads/{id}` shows it."""
# For rows of workers of an older version, which write no folded text.
FOLDED = "COALESCE(search_text, LOWER(COALESCE(title, '') || ' ' || COALESCE(author_name, '')))"

Row = Mapping[str, Any]
Bound = Literal["since", "until"]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which downloads are wanted; None is any.

    Attributes:
        project: as it was given.
        provider: a provider's name.
        license: the id of a licence.
        status: what the last check at the source found.
        q: words that title, author, project, note or credit contain, in any letter case.
        since: recorded then or later.
        until: recorded then or earlier.

    """

    project: str | None = None
    provider: str | None = None
    license: str | None = None
    status: str | None = None
    q: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Position(msgspec.Struct, frozen=True):
    """A place in the ledger: that of one download, which a cursor names."""

    created_at: datetime
    id: uuid.UUID


class Found(msgspec.Struct, frozen=True):
    """Some rows, newest first, and where the next ones begin; None at the end."""

    rows: Sequence[Row]
    next: Position | None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What an account took of one image.

    Attributes:
        image: the id of the image.
        downloads: how many downloads were recorded.
        first_at: when the first was recorded.
        last_at: when the last was recorded.

    """

    image: str
    downloads: int
    first_at: datetime
    last_at: datetime


class ProjectCount(msgspec.Struct, frozen=True, kw_only=True):
    """One project of an account.

    Attributes:
        project: its name, as it was given.
        downloads: how many downloads are recorded for it.
        last_at: when the last was recorded.

    """

    project: str
    downloads: int
    last_at: datetime


async def find(account: str, filters: Filters, limit: int, start: Position | None) -> Found:
    """Return up to `limit` rows of an account, from the newest or after a position."""
    indexed, scanned = _conditions(filters)
    conditions = [Download.account == uuid.UUID(account), *indexed]
    if start is not None:
        conditions.append(_is_after(start))
    window_end = await _window_end(conditions) if scanned else None
    if window_end is not None:
        conditions.append(_is_not_after(window_end))
    query = Download.select(*SHOWN).where(*conditions, *scanned)
    # One more than the page holds tells whether another page follows.
    rows = await query.order_by(Download.created_at, Download.id, ascending=False).limit(limit + 1)
    if len(rows) > limit:
        return Found(rows[:limit], position_of(rows[limit - 1]))
    return Found(rows, window_end)


async def find_one(account: str, id: uuid.UUID) -> Row | None:
    """Return the row of one download with its proof; None if this account has no such download."""
    rows = await Download.select().where(Download.account == uuid.UUID(account), Download.id == id)
    return rows[0] if rows else None


async def find_taken(account: str, images: Sequence[str]) -> list[Taken]:
    """Return which of these images an account took before."""
    query = Download.select(
        Download.image,
        Count(alias="downloads"),
        Min(Download.created_at, alias="first_at"),
        Max(Download.created_at, alias="last_at"),
    )
    rows = await query.where(Download.image.is_in(list(images)), Download.account == uuid.UUID(account)).group_by(
        Download.image
    )
    return [msgspec.convert(_with_times(row), Taken) for row in rows]


async def find_projects(account: str) -> list[ProjectCount]:
    """Return the projects of an account, the last used first; at most `MAX_PROJECTS`."""
    last_at = Max(Download.created_at, alias="last_at")
    query = Download.select(Download.project, Count(alias="downloads"), last_at)
    query = query.where(Download.account == uuid.UUID(account), Download.project.is_not_null())
    rows = [msgspec.convert(_with_times(row), ProjectCount) for row in await query.group_by(Download.project)]
    return sorted(rows, key=lambda row: row.last_at, reverse=True)[:MAX_PROJECTS]


def position_of(row: Row) -> Position:
    """Return the place of a row."""
    return Position(row["created_at"], row["id"])


def cursor_of(position: Position) -> str:
    """Return the cursor that continues after this place: its time and id, in base64url."""
    text = f"{position.created_at.isoformat()}/{position.id.hex}"
    return base64url.encode(text.encode())


def read_cursor(cursor: str) -> Position:
    """Return the place that a cursor names.

    Raises:
        BadInput: it is not one that this server issued.

    """
    try:
        text = base64url.decode(cursor).decode()
        created_at, _, id = text.partition("/")
        return Position(datetime.fromisoformat(created_at).astimezone(UTC), uuid.UUID(hex=id))
    except (ValueError, OverflowError):
        raise BadInput("cursor", "is not one that this server issued; begin again without it") from None


def read_time(text: str, bound: Bound) -> datetime:
    """Return the time that a bound names. A day means its first moment as `since`, and its last one as `until`.

    A day may have these forms of ISO 8601: `2026-11-23`, `20261123`, `2026-W48-1`, `2026W481`. `T` or a blank stands
    between a day and a time.

    Raises:
        BadInput: the text is neither a day nor a time.

    """
    refusal = BadInput(bound, "must be a day or a time in ISO 8601, such as 2026-11-23 or 2026-11-23T09:31:00Z")
    found = DAY_AND_TIME.fullmatch(text)
    if found is None:
        raise refusal
    try:
        if found[1] is None:
            return datetime.combine(date.fromisoformat(text), time.min if bound == "since" else time.max, UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refusal from None


def stated(value: str | None, field: str) -> str | None:
    """Return the value of a filter, cleaned as the ledger cleans texts. Raises BadInput if it is empty."""
    if value is None:
        return None
    if not has_visible(value):
        raise BadInput(field, "must hold a visible character; or leave it out")
    return several_lines(value)


def folded(text: str) -> str:
    """Return a text in the letters that `q` is compared in: compatible forms are one, and letter case is gone."""
    return unicodedata.normalize("NFKC", text).casefold()


def _words(q: str) -> list[str]:
    """Return the words of `q`, each once. Raises BadInput if there are too many."""
    words = list(dict.fromkeys(folded(q).split()))
    if len(words) > MAX_WORDS:
        raise BadInput("q", f"must have at most {MAX_WORDS} words")
    return words


def search_text(row: Row) -> str:
    """Return what `q` looks through, of the columns of a download."""
    columns = ("title", "author_name", "project", "note", "credit_text")
    return folded(" ".join(text for column in columns if (text := row.get(column))))


def _conditions(filters: Filters) -> tuple[list[Any], list[Any]]:
    """Return the conditions that an index serves, and those that are checked row by row.

    Of several equalities, an index serves the first: that which most likely leaves the fewest rows.
    """
    equalities = [
        (Download.status, filters.status),
        (Download.project, filters.project),
        (Download.license_id, filters.license),
        (Download.provider, filters.provider),
    ]
    wanted = [column == value for column, value in equalities if value is not None]
    scanned = [*wanted[1:], *(_contains(word) for word in _words(filters.q or ""))]
    indexed: list[Any] = wanted[:1]
    if filters.since is not None:
        indexed.append(Download.created_at >= filters.since)
    if filters.until is not None:
        indexed.append(Download.created_at <= filters.until)
    return indexed, scanned


def _contains(word: str) -> WhereRaw:
    return WhereRaw(contains(FOLDED), word)


def _is_after(position: Position) -> Any:
    """The condition that a row comes after a position, that is, was recorded earlier.

    An index begins at the position by its first part.
    """
    is_smaller = (Download.created_at < position.created_at) | (Download.id < position.id)
    return (Download.created_at <= position.created_at) & is_smaller


def _is_not_after(position: Position) -> Any:
    """The condition that a row is the one at a position or comes before it. An index ends by its first part."""
    is_greater = (Download.created_at > position.created_at) | (Download.id >= position.id)
    return (Download.created_at >= position.created_at) & is_greater


async def _window_end(conditions: Sequence[Any]) -> Position | None:
    """Return the last place of a window; None if it reaches the end of the ledger."""
    query = Download.select(Download.created_at, Download.id).where(*conditions)
    query = query.order_by(Download.created_at, Download.id, ascending=False)
    rows = await query.offset(WINDOW - 1).limit(2)
    return position_of(rows[0]) if len(rows) == 2 else None


def _with_times(row: Row) -> dict[str, Any]:
    """Return a row whose times are times: SQLite gives the least and the greatest time as text."""
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
        for name, value in row.items()
    }
