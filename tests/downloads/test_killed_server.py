"""A server that is killed while it saves: nothing that was answered 201 is lost, and no repeated save is doubled."""

import queue
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.support.server import ServerProcess
from tests.support.waiting import wait_until

SAVES = 1000
CLIENTS = 8
KILLS = (60, 200, 350, 500, 650, 800, 950)  # after so many answers
LIMIT = 300.0  # seconds; a save that a kill cut off may be repeated after a minute
ACCOUNT = {"username": "ada", "password": "violet-harbour-71"}

pytestmark = [pytest.mark.soak, pytest.mark.processes]


class Clients:
    """Several clients that save numbers, each until it is answered 201, with one `Idempotency-Key` a number.

    Attributes:
        answered: number -> the ids that its 201s had.
        refused: the numbers whose save was still running when it was repeated.

    """

    def __init__(self, start: Callable[[], ServerProcess]) -> None:
        self.start = start
        self.server = start()
        self.answered: dict[int, set[str]] = {}
        self.refused: list[int] = []
        self.is_up = threading.Event()
        self.is_up.set()
        self._numbers: queue.SimpleQueue[int] = queue.SimpleQueue()
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            assert client.post("/signup", json=ACCOUNT).status_code == 201
            token = client.post("/token", data=ACCOUNT).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def save(self, client: httpx.Client, number: int) -> int | None:
        """The status of one save; None where no answer came."""
        body = {"url": f"https://a.example/{number}"}
        headers = {**self.headers, "Idempotency-Key": f"save-{number}"}
        try:
            answer = client.post(f"{self.server.url}/download", json=body, headers=headers)
        except httpx.TransportError:
            return None
        if answer.status_code == 201:
            self.answered.setdefault(number, set()).add(answer.json()["id"])
        return answer.status_code

    def run(self) -> None:
        """Save all numbers, and kill the server several times meanwhile."""
        for number in range(SAVES):
            self._numbers.put(number)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for count in KILLS:
            wait_until(lambda count=count: len(self.answered) >= count, f"{count} answers", LIMIT)  # type: ignore[misc]
            self.is_up.clear()
            self.server.kill()
            self.server = self.start()
            self.is_up.set()
        for thread in threads:
            thread.join(LIMIT)
            assert not thread.is_alive()
        with httpx.Client(timeout=60) as client:
            for number in self.refused:
                wait_until(lambda number=number: self.save(client, number) == 201, "a lease to expire", LIMIT)  # type: ignore[misc]

    def _work(self) -> None:
        with httpx.Client(timeout=60) as client:
            while True:
                try:
                    number = self._numbers.get_nowait()
                except queue.Empty:
                    return
                self.is_up.wait(LIMIT)
                match self.save(client, number):
                    case 201:
                        pass
                    case 409:
                        self.refused.append(number)
                    case _:
                        self._numbers.put(number)


def test_keeps_what_it_answered_and_doubles_nothing(serve: Any, database_url: str) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a test secret of more than thirty-two bytes",
        "IMAGEVAULT_LIMITS_REQUESTS": "1000000/minute",
        "IMAGEVAULT_LOG_LEVEL": "warning",
    }
    clients = Clients(lambda: serve(environ, "--workers", "2").wait_until_ready())

    clients.run()
    listed: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    with httpx.Client(base_url=clients.server.url, headers=clients.headers, timeout=60) as client:
        while True:
            page = client.get("/downloads", params={"limit": "200", **cursor}).json()
            listed += page["downloads"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}

    counts = Counter(record["url"] for record in listed)
    assert counts == {f"https://a.example/{number}": 1 for number in range(SAVES)}
    kept = {record["url"]: {record["id"]} for record in listed}
    assert {f"https://a.example/{number}": ids for number, ids in clients.answered.items()} == kept
    print(f"{SAVES} saves, {len(KILLS)} kills, {len(clients.refused)} saves that a kill left running")
