"""The limit of open files of this process, lowered for a moment."""

import contextlib
import itertools
import os
import resource
from collections.abc import Iterator


@contextlib.contextmanager
def room_for(more: int) -> Iterator[None]:
    """Lets this process open only so many more files while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_limit_for(more), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _limit_for(more: int) -> int:
    """A descriptor is the lowest number that is free, and it must be below the limit."""
    free = (number for number in itertools.count() if not _is_open(number))
    return next(itertools.islice(free, more, None))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
