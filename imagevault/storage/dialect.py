"""The words of SQL that differ between SQLite and PostgreSQL, as parts for `Table.raw`."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from piccolo.querystring import QueryString

from imagevault.storage.database import DB


def rows_of(texts: Sequence[str]) -> QueryString:
    """Return a subquery with one row for each text, in their order, in the column `text`.

    It takes one parameter however many texts there are. Piccolo needs 0.1 s to put 500 placeholders into a statement.
    """
    if DB.engine_type == "sqlite":
        return QueryString("SELECT value AS text FROM json_each({})", msgspec.json.encode(texts).decode())
    return QueryString("SELECT unnest({}::text[]) AS text", list(texts))


def among(texts: Sequence[str]) -> QueryString:
    """Return what follows a column in the condition that it holds one of these texts: `WHERE key {}`.

    It takes one parameter, and both engines look the texts up in an index of the column.
    """
    if DB.engine_type == "sqlite":
        return QueryString("IN (SELECT value FROM json_each({}))", msgspec.json.encode(texts).decode())
    return QueryString("= ANY({}::text[])", list(texts))


def among_ids(ids: Sequence[UUID]) -> QueryString:
    """Return what `among` does for a column of UUIDs."""
    if DB.engine_type == "sqlite":
        return among([str(id) for id in ids])
    return QueryString("= ANY({}::uuid[])", list(ids))


def for_update() -> QueryString:
    """Return the end of a query that locks its rows until the transaction ends. SQLite has one writer at a time."""
    return QueryString("" if DB.engine_type == "sqlite" else "FOR UPDATE")


def for_share() -> QueryString:
    """Return the end of a query whose rows nobody may change or delete until the transaction ends.

    Several transactions may hold such a lock at once. SQLite has one writer at a time.
    """
    return QueryString("" if DB.engine_type == "sqlite" else "FOR SHARE")


def skip_locked() -> QueryString:
    """Return the end of a subquery that locks its rows, and passes over those that another transaction has locked.

    A statement that never waits for a row takes part in no deadlock. SQLite has one writer at a time and needs none.
    """
    return QueryString("" if DB.engine_type == "sqlite" else "FOR UPDATE SKIP LOCKED")


def contains(expression: str) -> str:
    """Return the condition that an expression contains a text, letter by letter; the text is its one parameter."""
    function = "INSTR" if DB.engine_type == "sqlite" else "STRPOS"
    return f"{function}({expression}, {{}}) > 0"
