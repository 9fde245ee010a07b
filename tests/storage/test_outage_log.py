"""What of the database fails, as `Outage` knows it: the lines in the log, and when an outage is over."""

import logging

import pytest

from imagevault.storage.outage import LOG_INTERVAL, Outage
from tests.support.clock import Clock

BEGUN = "database unavailable: SQLite at x: "


@pytest.fixture
def outage(clock: Clock) -> Outage:
    outage = Outage("SQLite at x", clock)
    outage.is_logged = True
    return outage


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


class TestLog:
    def test_has_one_line_at_the_beginning_and_one_at_the_end(
        self, outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(100):
            outage.fail("read", f"gone {number}")
            outage.refusals += 1
            clock.now += 10
        outage.succeed("read")
        outage.succeed("read")

        assert lines(caplog) == [f"{BEGUN}gone 0", "database available again after 1000 s; 100 requests were refused"]
        assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]

    def test_says_at_most_once_a_minute_that_an_outage_begins(
        self, outage: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A database that fails and works in turns does not fill the log."""
        for _ in range(100):
            outage.fail("read", "gone")
            outage.refusals += 1
            outage.succeed("read")
            clock.now += 1

        assert lines(caplog) == [
            f"{BEGUN}gone",
            "database available again after 0 s; 1 requests were refused",
            f"{BEGUN}gone",
            f"database available again after 0 s; {LOG_INTERVAL:.0f} requests were refused",
        ]

    def test_is_silent_for_a_command(self, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        """It prints its error itself."""
        outage = Outage("SQLite at x", clock)
        outage.fail("write", "gone")
        outage.succeed("write")
        outage.damage("broken")

        assert lines(caplog) == []
        assert outage.reason("read") == "broken"


class TestEnd:
    def test_a_read_does_not_prove_that_writes_work(self, outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
        """As on a full disk."""
        outage.fail("write", "full")
        outage.succeed("read")

        assert (outage.reason("read"), outage.reason("write")) == (None, "full")
        assert len(lines(caplog)) == 1

    def test_a_write_proves_that_all_works(self, outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
        outage.fail("read", "gone")
        outage.fail("write", "full")
        outage.succeed("write")

        assert (outage.reason("read"), outage.reason("write")) == (None, None)
        assert len(lines(caplog)) == 2

    def test_damage_does_not_end(self, outage: Outage, caplog: pytest.LogCaptureFixture) -> None:
        """Other parts of the file work on, so that what works proves nothing."""
        outage.fail("read", "gone")
        outage.damage("broken")
        outage.succeed("write")

        assert (outage.reason("read"), outage.reason("write")) == ("broken", "broken")
        assert lines(caplog) == [f"{BEGUN}gone"]
