"""Whether work takes linear time: the processor time at twice the size is under three times that at the size."""

import time
from collections.abc import Awaitable, Callable

TRIES = 5  # of which the fastest counts
ROUNDS = 3  # a busy machine spoils one; work that is quadratic takes four times as long in each
NOTHING = 0.002  # seconds, below which the clock says little


def is_linear(work: Callable[[int], object], size: int) -> bool:
    """Whether `work(size)` takes linear time."""

    def cost(size: int) -> float:
        times = []
        for _ in range(TRIES):
            started = time.thread_time()
            work(size)
            times.append(time.thread_time() - started)
        return min(times)

    return any(cost(2 * size) < 3 * cost(size) + NOTHING for _ in range(ROUNDS))


async def is_linear_async(work: Callable[[int], Awaitable[object]], size: int) -> bool:
    """Whether `await work(size)` takes linear time."""

    async def cost(size: int) -> float:
        times = []
        for _ in range(TRIES):
            started = time.process_time()
            await work(size)
            times.append(time.process_time() - started)
        return min(times)

    for _ in range(ROUNDS):
        if await cost(2 * size) < 3 * await cost(size) + NOTHING:
            return True
    return False
