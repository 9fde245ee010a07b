"""A clock on which all workers agree, and which no correction of a host's time moves.

PostgreSQL: each worker reads the clock of the database server when it starts.

SQLite: all workers are on one host. The first one after the host booted reads its clock; the others take over what that
one read. A window of a quota would otherwise open early in a worker that starts after the clock was put forward.

From then on each worker adds the time that has passed since the host booted.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path

from imagevault.storage.database import current, relaxed_durability
from imagevault.storage.tables import HostBoot

# Linux: another text after each boot (https://docs.kernel.org/admin-guide/sysctl/kernel.html#random).
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

READINGS = 10  # of the database's clock, at most
PROMPT = 0.02  # seconds: an answer in this time is good enough


def _uptime_clock() -> Callable[[], float]:
    """Return a clock that counts seconds, also while the host is suspended if the system has such a clock."""
    try:
        clock = time.CLOCK_BOOTTIME
        time.clock_gettime(clock)
    except (AttributeError, OSError):  # not Linux
        return time.monotonic
    return lambda: time.clock_gettime(clock)


uptime = _uptime_clock()
"""Return the seconds since some moment, the same for all processes of this host until it boots again."""


class SharedClock:
    """Unix time in seconds. After `sync` it is the time that all workers share."""

    def __init__(self) -> None:
        self.offset = time.time() - uptime()

    async def sync(self) -> None:
        """Set the clock by the database of the running app. Raises DatabaseUnavailable if it does not answer.

        The answer may be late, on a busy host by more than the workers' clocks may differ. Of several readings, the one
        that came back first counts, as if the database had read its clock half-way.
        """
        database = current()
        shortest = math.inf
        for _ in range(READINGS):
            asked_at = uptime()
            now = await database.time()
            answered_at = uptime()
            if answered_at - asked_at < shortest:
                shortest = answered_at - asked_at
                self.offset = now - (asked_at + answered_at) / 2
            if shortest <= PROMPT:
                break
        if database.engine.engine_type == "sqlite":
            self.offset = await _offset_of_this_boot(self.offset)

    def __call__(self) -> float:
        """Return the time now, in seconds since 1970."""
        return self.offset + uptime()


async def _offset_of_this_boot(offset: float) -> float:
    """Return the offset that the first worker after the boot stored; this one where there is none.

    On a system that does not name its boots, the clock of the host counts.
    """
    try:
        boot = BOOT_ID.read_text().strip()[:64]  # noqa: ASYNC240  no disk is read
    except OSError:
        return offset
    with relaxed_durability():
        stored = HostBoot.select(HostBoot.booted_at).where(HostBoot.boot == boot)
        if not await stored:
            row = HostBoot(boot=boot, booted_at=round(offset * 1000))
            await HostBoot.insert(row).on_conflict(target=HostBoot.boot, action="DO NOTHING")
        [first] = await stored
    return float(first["booted_at"]) / 1000
