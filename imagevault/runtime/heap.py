"""The heap of the process: large blocks go back to the system, and what stays for good costs no collection."""

import ctypes
import gc
import sys

M_MMAP_THRESHOLD = -3  # of glibc's mallopt(3)
LARGE = 1024 * 1024  # bytes


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


def freeze_what_is_loaded() -> None:
    """Leave what the process has loaded out of garbage collections. Call it once, when the server is ready.

    Modules, classes and routes stay for good. Without this, each full collection looks at all of them.
    """
    gc.collect()
    gc.freeze()
