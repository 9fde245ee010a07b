"""How the work of a function grows with its input, measured so that a busy machine does not change the answer.

Processor time of this thread is compared at one size and at twice that size: about 2 where the work is linear, 4 where
it is quadratic.
"""

import time
from collections.abc import Awaitable, Callable

LINEAR = 3.0  # less than this is linear, more is not
TIMES = 5


def processor_time(work: Callable[[], object], times: int = TIMES) -> float:
    """The least processor time of this thread, in seconds, that `work` takes in several calls."""
    measured = []
    for _ in range(times):
        begun = time.thread_time()
        work()
        measured.append(time.thread_time() - begun)
    return min(measured)


def growth(work: Callable[[int], object], size: int, times: int = TIMES) -> float:
    """The processor time of `work(2 * size)`, divided by that of `work(size)`."""
    return processor_time(lambda: work(2 * size), times) / processor_time(lambda: work(size), times)


async def async_growth(work: Callable[[int], Awaitable[object]], size: int, times: int = TIMES) -> float:
    """The same for a coroutine function, with all that the event loop does in the meantime."""
    return await _async_processor_time(work, 2 * size, times) / await _async_processor_time(work, size, times)


async def _async_processor_time(work: Callable[[int], Awaitable[object]], size: int, times: int) -> float:
    measured = []
    for _ in range(times):
        begun = time.thread_time()
        await work(size)
        measured.append(time.thread_time() - begun)
    return min(measured)
