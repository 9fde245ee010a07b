"""What a terminal shows of the provider list, of downloads and of search results."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from imagevault.cache.statistics import CacheRate
from imagevault.cli import output as terminal
from imagevault.downloads.record import DownloadRecord
from imagevault.images.record import Attribution
from imagevault.licenses import License
from imagevault.search.provider_list import FailedPlugin, ProviderHealth, ProviderRecord, QuotaLeft

DAY = 86400


def record(health: ProviderHealth | None, **changes: Any) -> ProviderRecord:
    known: dict[str, Any] = {"name": "acme", "title": "Acme", "homepage": None, "state": "ok", "quota": "ok"}
    known |= {"notice": None, "hotlink": "allowed", "page_size": 10, "max_results": None, "filters": {}, "declares": []}
    return ProviderRecord(**{**known, "emulated": [], "source": "here", "health": health, **changes})


def health(**changes: Any) -> ProviderHealth:
    known = {"quotas": [], "breaker": "closed", "retry_after": 0, "last_error": None, "last_error_at": None}
    return ProviderHealth(**{**known, **changes})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("audit --event signed_in", "No such event is recorded."),
        ("images hidden", "No picture is hidden."),
        ("users list", "There is no account."),
    ],
)
def test_a_table_without_rows_is_a_sentence(here: Any, arguments: str, words: str) -> None:
    """On standard error; a lone heading would say nothing."""
    ended = here(*arguments.split())

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", f"{words}\n")


class TestCells:
    """What stands in the cells of the board."""

    @pytest.mark.parametrize(
        ("seconds", "expected"),
        [
            (1, "1 s"),
            (119, "119 s"),
            (120, "2 min"),
            (179, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172799, "47 h"),
            (172800, "2 d"),
            (31 * DAY, "31 d"),
        ],
    )
    def test_a_time(self, seconds: int, expected: str) -> None:
        """In the largest unit that makes at least two."""
        quota = QuotaLeft("9/day", 9, 3, seconds)

        _, [row] = terminal.provider_rows([record(health(retry_after=seconds, quotas=[quota]))], [])

        assert row[1:3] == (f"ok, again in {expected}", f"3 of 9/day, more in {expected}")

    @pytest.mark.parametrize(
        ("cache", "expected"),
        [
            (None, ""),
            (CacheRate(0, 0, 0), ""),
            (CacheRate(0, 0, 3), "0%"),
            (CacheRate(2, 0, 1), "67%"),
            (CacheRate(0, 2, 0), "100%"),
        ],
    )
    def test_a_cache_rate(self, cache: CacheRate | None, expected: str) -> None:
        _, [row] = terminal.provider_rows([record(health(cache=cache))], [])

        assert row[3] == expected

    def test_a_quota(self) -> None:
        """A line each; nothing is to be waited for where all of it is left, and bursts are waited out."""
        quotas = [QuotaLeft("9/day", 9, 9), QuotaLeft("2/second", 2, 1, 1), QuotaLeft("5/hour", 5, 0, 60)]

        _, [row] = terminal.provider_rows([record(health(quotas=quotas))], [])

        assert row[2] == "9 of 9/day\n0 of 5/hour, more in 60 s"

    def test_why(self) -> None:
        """Why it does not serve goes before what failed last; a clock that is off makes no time negative."""
        ahead = health(last_error="it failed", last_error_at=time.time() + 100)
        long_ago = health(last_error="it failed", last_error_at=time.time() - 3 * DAY - 60)

        _, rows = terminal.provider_rows(
            [record(ahead), record(ahead, reason="off"), record(long_ago), record(None)], []
        )

        assert [row[4] for row in rows] == ["it failed (0 s ago)", "off", "it failed (3 d ago)", ""]

    def test_plugins_that_failed_come_last(self) -> None:
        columns, rows = terminal.provider_rows([record(None)], [FailedPlugin("zeta", "there", "no such module")])

        assert [row[0] for row in rows] == ["acme", "zeta"]
        assert rows[1] == ("zeta", "not loaded", "", "", "no such module", "there")
        assert len(columns) == len(rows[0]) == len(rows[1])

    def test_downloads(self) -> None:
        """Newest first as given; what is not known of a bare URL stays empty."""
        empty: dict[str, Any] = dict.fromkeys(DownloadRecord.__struct_fields__)
        at = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
        bare = DownloadRecord(**{**empty, "id": uuid.uuid4(), "url": "https://a.example/b.jpg", "created_at": at})
        credit = Attribution("Photo by Ada", "html", "markdown")
        whole = DownloadRecord(
            **{
                **empty,
                "id": uuid.uuid4(),
                "image": "acme:1",
                "url": "https://a.example/b.jpg",
                "rendition": "large",
                "attribution": credit,
                "license": License("cc0-1.0", "CC0 1.0"),
                "project": "cards",
                "created_at": at,
            }
        )

        columns, rows = terminal.download_rows([whole, bare])

        assert columns == ("image", "licence", "downloaded (UTC)", "rendition", "project", "credit")
        assert rows == [
            ("acme:1", "CC0 1.0", "2026-05-06 07:08", "large", "cards", "Photo by Ada"),
            ("https://a.example/b.jpg", "", "2026-05-06 07:08", None, None, ""),
        ]
