"""The pages of somebody's downloads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args

import msgspec

from imagevault.downloads.finding import Filters, ProjectCount
from imagevault.downloads.ledger import Ledger
from imagevault.downloads.record import CheckStatus, DownloadRecord
from imagevault.errors import BadInput

PER_PAGE = 50
STATUSES: tuple[CheckStatus, ...] = get_args(CheckStatus)
# What a check at the source found, for people.
CHANGES: Mapping[CheckStatus, str] = {
    "unchanged": "The source says the same as on that day.",
    "license_changed": "The source states another licence now. Your record shows what it was on that day.",
    "withdrawn": "The source no longer lets it be used freely. Your record shows what it was on that day.",
    "gone": "The source no longer has it. Your record shows what it was on that day.",
}


class DownloadsPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the list of downloads shows.

    Attributes:
        given: what the list was filtered by, by the name of the field.
        downloads: one page, newest first.
        next: the cursor of the page after it; None at the end.
        projects: the projects that can be chosen.

    """

    given: Mapping[str, str]
    downloads: Sequence[DownloadRecord]
    next: str | None
    projects: Sequence[ProjectCount]


async def read_downloads_page(
    ledger: Ledger, account: str, given: Mapping[str, str | None], cursor: str | None
) -> DownloadsPage:
    """Read one page of an account's downloads.

    Args:
        ledger: has them.
        account: the account's id.
        given: field -> what to filter by; empty ones count as not given.
        cursor: `next` of the page before.

    Raises:
        BadInput: a value is not acceptable.

    """
    stated = {name: value.strip() for name, value in given.items() if value and value.strip()}
    status = next((status for status in STATUSES if status == stated.get("status")), None)
    if "status" in stated and status is None:
        raise BadInput("status", f"must be one of {', '.join(STATUSES)}")
    filters = Filters(
        provider=stated.get("provider"),
        project=stated.get("project"),
        license=stated.get("license"),
        status=status,
        q=stated.get("q"),
    )
    page = await ledger.page(account, PER_PAGE, cursor, filters)
    projects = await ledger.projects(account)
    return DownloadsPage(given=stated, downloads=page.downloads, next=page.next_cursor, projects=projects)


def day(time: datetime) -> str:
    """Return the day of a time as people write it: `29 November 2026`."""
    return f"{time.day} {time:%B %Y}"


def short_day(time: datetime) -> str:
    """Return the day of a time where there is little room: `29 Nov 2026`."""
    return f"{time.day} {time:%b %Y}"
