"""Two servers on one database: what one of them ends, the other refuses within a second, whatever is sent to it."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

PASSWORD = "violet-harbour-71"
NEW = "copper-lantern-58"
OWN = {"Sec-Fetch-Site": "same-origin"}
EXPIRES_IN = 600.0  # seconds; more than a test takes
SEARCH = "/search?q=mountain&provider=local&per_page=1"


class Workers:
    """Ada's credentials, each with a walk that she is on, at two servers.

    Attributes:
        ours: the server where something ends.
        theirs: the other one. Its clocks are ahead by `ahead` seconds.
        sent: the headers of each credential: `token`, `session` and `key`.

    """

    def __init__(self, ours: Any, theirs: Any) -> None:
        self.ours = ours
        self.theirs = theirs
        self.ahead = 0.0
        self.sent: dict[str, dict[str, str]] = {}
        self.walks: dict[str, str] = {}
        self.key_id = ""
        theirs.services.credentials.clock = lambda: time.monotonic() + self.ahead
        theirs.services.accounts.tokens.clock = lambda: time.time() + self.ahead

    async def begin(self) -> None:
        """Sign ada in, make a key, begin the walks, and use all of it at both servers."""
        token = await self.ours.sign_in("ada")
        session = await self.ours.post("/session", json={"username": "ada", "password": PASSWORD}, headers=OWN)
        self.ours.client.cookies.clear()
        expires_at = datetime.now(UTC) + timedelta(seconds=EXPIRES_IN)
        wanted = {"name": "cms", "scopes": ["search"], "expires_at": expires_at.isoformat()}
        key = (await self.ours.post("/api-keys", json=wanted, headers=token)).json()
        self.key_id = key["id"]
        self.sent = {
            "token": token,
            "session": {"Cookie": session.headers["set-cookie"].partition(";")[0]},
            "key": {"Authorization": f"Bearer {key['key']}"},
        }
        for name, headers in self.sent.items():
            page = await self.theirs.get(SEARCH, headers=headers)
            self.walks[name] = page.json()["next"]
            assert (await self.theirs.get(SEARCH, headers=headers)).status_code == 200  # now it is a kept answer

    async def statuses(self, api: Any) -> dict[str, set[int]]:
        """What a server answers to each credential: alone, for a page that it knows, and on its walk."""
        found = {}
        for name, headers in self.sent.items():
            paths = ("/protected", SEARCH, f"/search?cursor={self.walks[name]}")
            found[name] = {(await api.get(path, headers=headers)).status_code for path in paths}
        return found


@pytest.fixture
async def workers(start: Any, database_url: str) -> Workers:
    workers = Workers(*[await start({"DATABASE_URL": database_url}) for _ in range(2)])
    await workers.begin()
    return workers


async def sign_out(workers: Workers) -> Any:
    return await workers.ours.post("/logout", headers=workers.sent["token"])


async def sign_out_with_keys(workers: Workers) -> Any:
    return await workers.ours.post("/logout?revoke_keys=true", headers=workers.sent["token"])


async def change_password(workers: Workers) -> Any:
    body = {"current_password": PASSWORD, "new_password": NEW}
    return await workers.ours.client.put("/account/password", json=body, headers=workers.sent["token"])


async def lock(workers: Workers) -> None:
    workers.ours.services.database.use()
    await workers.ours.services.administration.lock("ada")


async def reset_password(workers: Workers) -> None:
    workers.ours.services.database.use()
    await workers.ours.services.administration.reset_password("ada")


async def delete(workers: Workers) -> Any:
    return await workers.ours.client.request(
        "DELETE", "/account", json={"password": PASSWORD}, headers=workers.sent["token"]
    )


async def revoke_key(workers: Workers) -> Any:
    return await workers.ours.client.delete(f"/api-keys/{workers.key_id}", headers=workers.sent["token"])


async def end_session(workers: Workers) -> Any:
    return await workers.ours.post("/session/end", json={}, headers={**workers.sent["session"], **OWN})


async def expire_key(workers: Workers) -> None:
    workers.ahead = EXPIRES_IN - 1.0


ALL = {"token", "session", "key"}


@pytest.mark.parametrize(
    ("end", "ended"),
    [
        (sign_out, {"token", "session"}),
        (sign_out_with_keys, ALL),
        (change_password, {"token", "session"}),
        (reset_password, {"token", "session"}),
        (lock, ALL),
        (delete, ALL),
        (revoke_key, {"key"}),
        (expire_key, {"key"}),
        (end_session, {"session"}),
    ],
)
async def test_the_other_worker_refuses_within_a_second(
    workers: Workers, end: Callable[[Workers], Awaitable[Any]], ended: set[str]
) -> None:
    """Alone, for an answer that it keeps, and on a walk that is open. What did not end goes on."""
    before = await workers.statuses(workers.theirs)
    answer = await end(workers)
    workers.ahead += 1.0
    after = await workers.statuses(workers.theirs)

    assert answer is None or answer.is_success, answer.text
    assert before == {name: {200} for name in ALL}
    assert after == {name: {401 if name in ended else 200} for name in ALL}


async def test_a_background_round_refuses_no_later(workers: Workers) -> None:
    """What is in use is read again by the other worker, and what has ended is not kept alive by that."""
    await workers.statuses(workers.theirs)
    await sign_out_with_keys(workers)
    theirs = workers.theirs.services
    theirs.database.use()
    for _ in range(3):
        workers.ahead += 0.4
        await theirs.credentials.refresh()

    assert await workers.statuses(workers.theirs) == {name: {401} for name in ALL}
