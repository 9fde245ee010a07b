"""The heap of the process: large blocks go back to the system, and its collection costs less."""

import ctypes
import gc
import sys

M_MMAP_THRESHOLD = -3  # of glibc's mallopt(3)
LARGE = 1024 * 1024  # bytes
# New objects after which the young ones are collected. An uncached search makes some thousands, most of which stay for
# a while: Python's 700 let it collect four times, which took 1.2 ms (measured on 2026-11-30), and this takes 0.4 ms.
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


def collect_less() -> None:
    """Let the garbage collection cost less. Call it once, when the server is ready.

    Modules, classes and routes stay for good: without `freeze`, each full collection looks at all of them.
    """
    gc.set_threshold(COLLECT_AFTER)
    gc.collect()
    gc.freeze()
