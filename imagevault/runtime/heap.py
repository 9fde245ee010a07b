"""The heap of the process: large blocks go back to the system, and the garbage collection costs less."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

M_MMAP_THRESHOLD = -3  # of glibc's mallopt(3)
LARGE = 1024 * 1024  # bytes
# New objects after which the young ones are collected. An uncached search makes some thousands, most of which stay for
# a while: with Python 3.11's 700, it collected four times, which took 1.2 ms. Now it takes 0.4 ms (2026-11-30).
COLLECT_AFTER = 10_000


def return_large_blocks() -> None:
    """Let blocks of a megabyte and more have pages of their own, which their end gives back to the system.

    glibc raises this threshold when such a block is freed. After the first password was hashed, the 19 MB that Argon2
    needs for a moment would stay in the heap for good. Does nothing with another C library.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE)


@contextmanager
def collecting_less() -> Iterator[None]:
    """Let the garbage collection cost less while the block runs, which is when a server is ready.

    Modules, classes and routes stay as long: without `freeze`, each full collection looks at all of them.
    """
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
