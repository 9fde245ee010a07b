"""Changes of the config, restarts and shutdowns of real servers under load: no request fails."""

import asyncio
import operator
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.testing import faults
from imagevault.testing.upstreams.pexels import SimulatedPexels

PATIENCE = 120  # seconds after which a test gives up waiting for an event
QUICK = 'quota = ["100000/second", "1000000/hour", "10000000/month"]\n'


class Load:
    """Endless searches, half of them on new connections each time. `failed` has every answer but 200."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.finished: list[int] = []  # searches that each caller has finished
        self.failed: list[str] = []
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def running(self, callers: int = 6) -> AsyncIterator[None]:
        self.finished = [0] * callers
        tasks = [asyncio.create_task(self._search(number, kept=number % 2 == 0)) for number in range(callers)]
        try:
            yield
        finally:
            self.ended.set()
            await asyncio.gather(*tasks)

    async def _search(self, caller: int, *, kept: bool) -> None:
        count = 0
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE) as client:
            while not self.ended.is_set():
                count += 1
                headers = {} if kept else {"Connection": "close"}
                params: dict[str, str | int] = {"q": f"word {caller} {count}", "per_page": 1}
                try:
                    answer = await client.get("/search", params=params, headers=headers)
                except httpx.TransportError as error:
                    self.failed.append(f"{type(error).__name__}: {error}")
                else:
                    if answer.status_code != 200:
                        self.failed.append(f"{answer.status_code}: {answer.text[:300]}")
                self.finished[caller] += 1

    async def each_caller_finishes(self, searches: int) -> None:
        """Return when each caller has finished this many more searches."""
        wanted = [finished + searches for finished in self.finished]
        await until(lambda: all(map(operator.ge, self.finished, wanted)), PATIENCE)


async def until(reached: Callable[[], bool], seconds: float) -> None:
    """Return when the condition holds; fail after these seconds."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110  a log file and another process give no event
            await asyncio.sleep(0.01)


BUSY = {"IMAGEVAULT_SEARCH": "open", "IMAGEVAULT_LOG": "json", "IMAGEVAULT_LIMITS_REQUESTS": "1000000/minute"}


@pytest.mark.alone
class TestUnderLoad:
    async def test_four_workers_apply_each_change_and_no_request_fails(self, serve: Any, tmp_path: Path) -> None:
        """Disabled, enabled, another key and address, broken, corrected: as upstreams and logs show."""
        file = tmp_path / "imagevault.toml"
        with SimulatedPexels(key="first-test-key") as first, SimulatedPexels(key="second-test-key") as second:

            def text(upstream: SimulatedPexels, more: str = "timeout = 30") -> str:
                table = f'[providers.pexels]\nbase_url = "{upstream.url}"\napi_key = "{upstream.key}"\n{QUICK}{more}\n'
                return f'default = ["pexels", "local"]\n{table}'

            file.write_text(text(first))
            server = serve({**BUSY, "IMAGEVAULT_DEADLINE": "30"}, "--workers", "4").wait_until_ready()
            load = Load(server.url)

            async def change(to: str, event: str) -> None:
                """Write the file, and wait until each worker has logged the result."""
                before = len(server.lines(event))
                file.write_text(to)
                await until(lambda: len(server.lines(event)) >= before + 4, PATIENCE)
                assert len({line["pid"] for line in server.lines(event)[before:]}) == 4

            async def no_call_arrives(upstream: SimulatedPexels) -> None:
                """A search under way during the change may still call: each caller's current one finishes first."""
                await load.each_caller_finishes(1)
                calls = len(upstream.calls)
                await load.each_caller_finishes(4)
                assert len(upstream.calls) == calls

            async with load.running():
                await until(lambda: len(first.calls) >= 10, PATIENCE)

                await change(text(first, "enabled = false"), "config changed")
                await no_call_arrives(first)

                await change(text(first), "config changed")
                seen = len(first.calls)
                await until(lambda: len(first.calls) > seen + 5, PATIENCE)

                await change(text(second), "config changed")
                await until(lambda: len(second.calls) >= 10, PATIENCE)
                await no_call_arrives(first)
                assert {call.headers["authorization"] for call in second.calls} == {"second-test-key"}

                await change(text(second, "enabled = perhaps"), "config refused")
                seen = len(second.calls)
                await until(lambda: len(second.calls) > seen + 5, PATIENCE)

                await change(text(second, "timeout = 25"), "config changed")
                await load.each_caller_finishes(4)

            assert load.failed == []
        assert server.stop() == 0

    async def test_fifty_requests_under_way_outlive_sigterm(
        self, serve: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """All are answered, the readiness probe fails in the meantime, and the exit code is 0."""
        server = serve({**BUSY, **configured}).wait_until_ready()
        pexels.fail(faults.hang(), times=1)
        limits = httpx.Limits(max_connections=60)
        async with httpx.AsyncClient(base_url=server.url, timeout=30, limits=limits) as client:
            params = {"q": "fox", "provider": "pexels"}
            asked = [asyncio.create_task(client.get("/search", params=params)) for _ in range(50)]
            await asyncio.to_thread(pexels.wait_for_calls, 1)
            for _ in range(3):  # what was sent before these is being answered, for one worker reads in turn
                assert (await client.get("/health/live")).status_code == 200

            server.process.send_signal(signal.SIGTERM)
            await until(lambda: bool(server.lines("draining")), PATIENCE)
            async with httpx.AsyncClient(base_url=server.url) as other:
                ready = await other.get("/health/ready")
            pexels.heal()
            answers = await asyncio.gather(*asked)

        assert [answer.status_code for answer in answers] == [200] * 50
        assert {answer.headers["connection"] for answer in answers} == {"close"}
        assert (ready.status_code, ready.headers["connection"]) == (503, "close")
        assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0

    async def test_a_broken_file_keeps_no_worker_from_starting(self, serve: Any, tmp_path: Path) -> None:
        """A worker that replaces a dead one has the same settings as the others, and refuses the file as they did."""
        file = tmp_path / "imagevault.toml"
        file.write_text("port = 1")
        server = serve(BUSY, "--workers", "2").wait_until_ready()
        file.write_text('default = ["local"]\ndeadline = 3.5\n')
        await until(lambda: len(server.lines("config changed")) == 2, PATIENCE)
        file.write_text("deadline = perhaps\n")
        await until(lambda: len(server.lines("config refused")) == 2, PATIENCE)

        os.kill(server.lines("config refused")[0]["pid"], signal.SIGKILL)
        await until(lambda: len(server.lines("config refused")) == 3, PATIENCE)
        async with Load(server.url).running(2):
            new = server.lines("config refused")[-1]["pid"]
            await until(lambda: new in {line["pid"] for line in server.lines("request")}, PATIENCE)

        assert len({line["pid"] for line in server.lines("config refused")}) == 3
        file.write_text('default = ["local"]\ndeadline = 3.5\n')
        await until(lambda: len(server.lines("config valid again")) == 2, PATIENCE)
        assert server.lines("config changed")[2:] == []
        assert server.stop() == 0

    async def test_the_end_does_not_wait_for_a_rolling_restart(self, serve: Any) -> None:
        """After SIGTERM no second one of the four workers is replaced: five leave in all, and not eight."""
        server = serve(BUSY, "--workers", "4").wait_until_ready()

        server.process.send_signal(signal.SIGHUP)
        await until(lambda: bool(server.lines("draining")), PATIENCE)
        server.process.send_signal(signal.SIGTERM)

        assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
        assert 4 <= len(server.lines("draining")) <= 5

    async def test_a_rolling_restart_fails_no_request(self, serve: Any, configured: dict[str, str]) -> None:
        """SIGHUP: each of four workers is replaced once its successor serves."""
        server = serve({**BUSY, "IMAGEVAULT_DEFAULT": "local"}, "--workers", "4").wait_until_ready()
        load = Load(server.url)

        async with load.running():
            await until(lambda: len({line["pid"] for line in server.lines("request")}) == 4, PATIENCE)
            former = {line["pid"] for line in server.lines("request")}
            server.process.send_signal(signal.SIGHUP)
            await until(lambda: len(server.lines("draining")) == 4, PATIENCE)
            await until(lambda: not former & {line["pid"] for line in server.lines("request")[-50:]}, PATIENCE)

        assert load.failed == []
        assert server.stop() == 0
