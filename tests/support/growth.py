"""How the work of a function grows with its input, measured so that a busy machine does not change the answer."""

import time
from collections.abc import Callable

TIMES = 5


def processor_time(work: Callable[[], object], times: int = TIMES) -> float:
    """The least processor time of this thread, in seconds, that `work` takes in several calls."""
    measured = []
    for _ in range(times):
        begun = time.thread_time()
        work()
        measured.append(time.thread_time() - begun)
    return min(measured)


def growth(work: Callable[[int], object], size: int) -> float:
    """How many times the processor time of `work(size)` the one of `work(2 * size)` is: about 2 if it is linear."""
    return processor_time(lambda: work(2 * size)) / processor_time(lambda: work(size))
