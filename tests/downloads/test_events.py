"""Download events: written with the download, delivered once over all workers, retried, and kept over restarts."""

import asyncio
import itertools
import logging
import sqlite3
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from imagevault.cache.tables import CachedPage
from imagevault.config.settings import load
from imagevault.downloads.events import FIRST_RETRY, LONGEST_RETRY, DownloadEvents, retry_delay
from imagevault.downloads.outbox import LEASE, Outbox, OutboxEvent
from imagevault.downloads.tables import DownloadEvent
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from imagevault.records import Image
from imagevault.runtime.services import Services
from imagevault.testing import Answer, faults
from imagevault.testing.upstreams.unsplash import SimulatedUnsplash
from imagevault.upstream.admission import LEASE as CALL_LEASE
from imagevault.upstream.clients import Clients
from imagevault.upstream.database_store import DatabaseStateStore
from imagevault.upstream.limiter import CallLimiter
from tests.support.clock import Clock
from tests.support.waiting import EVENT_LIMIT, until, wait_until

ACCOUNT = {"username": "ada", "password": "violet-harbour-71"}
EVENT_PATH = "photos/{id}/download"
HOUR = 3600.0  # seconds
THIRTY_DAYS = 30 * 24 * HOUR
MANY = "1000/hour"  # calls
InDatabase = Callable[[Callable[[Services], Awaitable[Any]]], Any]


@pytest.fixture
def unsplash() -> Iterator[SimulatedUnsplash]:
    """An Unsplash on loopback, which counts the reports of downloads."""
    with SimulatedUnsplash() as unsplash:
        yield unsplash


@pytest.fixture
def environ(unsplash: SimulatedUnsplash, database_url: str) -> dict[str, str]:
    """The environment that makes a server use it, on each engine."""
    return {
        "DATABASE_URL": database_url,
        "UNSPLASH_ENABLED": "true",
        "UNSPLASH_API_KEY": unsplash.key,
        "UNSPLASH_BASE_URL": unsplash.url,
        "UNSPLASH_QUOTA": MANY,
        "IMAGEVAULT_LIMITS_REQUESTS": "100000/minute",
    }


async def search(api: Any, headers: dict[str, str], words: str = "nature") -> list[str]:
    """The ids of the images that one upstream call finds."""
    params = {"q": words, "provider": "unsplash", "per_page": 20}
    answer = await api.get("/search", params=params, headers=headers)
    return [image["id"] for image in answer.json()["images"]] if answer.status_code == 200 else []


async def take(api: Any, headers: dict[str, str], image: str) -> str:
    """Record the download of an image; return the download's id."""
    answer = await api.post("/download", json={"image": image}, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def provider_of(services: Services) -> Provider:
    return services.plugins.providers["unsplash"]


async def deliver(api: Any) -> None:
    """Let this server deliver what is due."""
    api.services.database.use()
    await api.services.download_events.deliver_due(provider_of(api.services))


async def rows() -> list[dict[str, Any]]:
    """The outbox of the database in use."""
    return await DownloadEvent.select().order_by(DownloadEvent.created_at)


def reported(unsplash: SimulatedUnsplash) -> list[str]:
    """The photos whose download was counted."""
    return [photo for photo, _ in unsplash.downloads]


def event_calls(unsplash: SimulatedUnsplash) -> int:
    """How many calls reported a download, counted or not."""
    return sum(call.path.endswith("/download") for call in unsplash.calls)


class Dispatcher:
    """Deliveries by a clock that a test sets. Each call of `deliver` is another worker, with a memory of its own."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        self.clock = clock
        self.numbers = itertools.count()

    async def write(self) -> uuid.UUID:
        """Write an event, as the ledger does; return the id of its download."""
        download = uuid.uuid4()
        number = next(self.numbers)
        image = Image(id=f"Sim_{number:07}", ref=f"photos/Sim_{number:07}/download?ixid=x{number}")
        await Outbox().write(download, "unsplash", image, self.clock())
        return download

    @asynccontextmanager
    async def worker(self, outbox: Outbox | None = None) -> AsyncIterator[DownloadEvents]:
        """The download events of a worker."""
        limiter = CallLimiter(DatabaseStateStore(), self.clock)
        clients = Clients(limiter)
        try:
            yield DownloadEvents(outbox or Outbox(), self.services.plugins, clients, limiter, self._sleep)
        finally:
            await clients.aclose()

    async def deliver(self, outbox: Outbox | None = None) -> None:
        """Deliver what is due."""
        async with self.worker(outbox) as events:
            await events.deliver_due(provider_of(self.services))

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def dispatcher(start: Any, environ: dict[str, str], clock: Clock) -> Dispatcher:
    api = await start(environ)
    api.services.database.use()
    clock.now = 1_000_000_000.0
    return Dispatcher(api.services, clock)


class TestWriting:
    """The event and the download are one transaction."""

    async def test_the_event_is_written_with_the_download(self, start: Any, environ: dict[str, str]) -> None:
        """One row, with the image as it was; nobody is called before the answer."""
        api = await start(environ)
        headers = await api.sign_in()
        [image, *_] = await search(api, headers)

        download = await take(api, headers, image)

        [row] = await rows()
        kept = msgspec.json.decode(row["image"], type=Image)
        assert (str(row["download"]), row["provider"], row["attempts"]) == (download, "unsplash", 0)
        assert f"unsplash:{kept.id}" == image
        assert kept.ref is not None
        assert "ixid=" in kept.ref

    async def test_an_event_that_cannot_be_written_leaves_no_download(
        self, start: Any, environ: dict[str, str]
    ) -> None:
        api = await start(environ)
        headers = await api.sign_in()
        [image, *_] = await search(api, headers)
        await DownloadEvent.raw("ALTER TABLE iv_download_event RENAME TO elsewhere")

        answer = await api.post("/download", json={"image": image}, headers=headers)
        await DownloadEvent.raw("ALTER TABLE elsewhere RENAME TO iv_download_event")

        assert answer.status_code >= 500
        assert (await api.get("/downloads", headers=headers)).json()["downloads"] == []
        assert await rows() == []

    async def test_a_download_has_one_event_at_most(self, start: Any, environ: dict[str, str]) -> None:
        """The database refuses a second one; another download of the same image has its own."""
        api = await start(environ)
        headers = await api.sign_in()
        [image, *_] = await search(api, headers)
        download = uuid.UUID(await take(api, headers, image))
        await take(api, headers, image)

        with pytest.raises((sqlite3.IntegrityError, asyncpg.UniqueViolationError)):
            await Outbox().write(download, "unsplash", Image(id="x"), 0.0)

        assert len(await rows()) == 2

    async def test_only_where_the_provider_requires_it(self, start: Any, environ: dict[str, str]) -> None:
        """Neither for a plugin without the hook, nor for a bare URL, which names no image."""
        api = await start(environ)
        headers = await api.sign_in()

        await take(api, headers, "local:fox-in-snow.jpg")
        url = {"url": "https://images.unsplash.com/photo-1"}
        answer = await api.post("/download", json=url, headers=headers)

        assert (answer.status_code, answer.json()["provider"]) == (201, "unsplash")
        assert await rows() == []


class TestDelivery:
    async def test_two_workers_that_compete_deliver_each_once(
        self, start: Any, environ: dict[str, str], unsplash: SimulatedUnsplash
    ) -> None:
        """Each finds the same rows due, and one of them leases each row."""
        first = await start(environ)
        second = await start(environ)
        headers = await first.sign_in()
        images = await search(first, headers)
        for image in images:
            await take(first, headers, image)

        await asyncio.gather(asyncio.create_task(deliver(first)), asyncio.create_task(deliver(second)))
        await asyncio.gather(asyncio.create_task(deliver(first)), asyncio.create_task(deliver(second)))

        assert len(images) > 10
        assert Counter(reported(unsplash)) == Counter(image.removeprefix("unsplash:") for image in images)
        assert await rows() == []

    async def test_the_plugin_gets_the_image_as_it_was(
        self, start: Any, environ: dict[str, str], unsplash: SimulatedUnsplash
    ) -> None:
        """Also after a restart and without any cached page: with the ixid of the search that found it."""
        api = await start(environ)
        headers = await api.sign_in()
        [image, *_] = await search(api, headers)
        await take(api, headers, image)
        [row] = await rows()
        await CachedPage.delete(force=True)

        await deliver(await start(environ))

        [(photo, ixid)] = unsplash.downloads
        assert f"unsplash:{photo}" == image
        assert ixid
        assert f"ixid={ixid}" in msgspec.json.decode(row["image"])["ref"]

    async def test_a_provider_that_is_not_used_keeps_its_events(
        self, start: Any, environ: dict[str, str], unsplash: SimulatedUnsplash
    ) -> None:
        """Switched off, or without a key: they wait. Once it can be called again, they are delivered."""
        api = await start(environ)
        headers = await api.sign_in()
        [image, *_] = await search(api, headers)
        await take(api, headers, image)
        calls = len(unsplash.calls)

        for change in ({"UNSPLASH_ENABLED": "false"}, {"UNSPLASH_API_KEY": ""}):
            idle = await start(environ | change)
            assert provider_of(idle.services).state != "ok"
            idle.services.database.use()
            async with idle.services.download_events.running():
                await idle.services.download_events.synchronize()
        assert len(unsplash.calls) == calls
        assert len(await rows()) == 1

        again = await start(environ)
        again.services.database.use()
        async with again.services.download_events.running():
            await again.services.download_events.synchronize()
            await until(lambda: unsplash.downloads, "the event to be delivered")

    async def test_other_settings_end_a_round(self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash) -> None:
        """Further events are delivered with the key and the address that are in force by then."""
        for _ in range(10):
            await dispatcher.write()
        services = dispatcher.services
        provider = provider_of(services)
        unsplash.fail(faults.hang(), path=EVENT_PATH)
        delivering = asyncio.create_task(dispatcher.deliver())
        await asyncio.to_thread(unsplash.wait_for_calls, 1, timeout=EVENT_LIMIT)

        successor = Provider(provider.plugin, services.settings)
        services.plugins.configure(services.settings, {**services.plugins.providers, "unsplash": successor})
        unsplash.heal()
        await delivering

        assert 0 < len(unsplash.downloads) <= provider.info.concurrency
        await dispatcher.deliver()
        assert len(unsplash.downloads) == 10

    async def test_an_outage_of_the_database_between_call_and_deletion_repeats_no_call(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash
    ) -> None:
        """The deletion is tried again while the lease holds."""

        class Away(Outbox):
            failures = 3

            async def complete(self, event: OutboxEvent) -> None:
                if self.failures:
                    self.failures -= 1
                    raise DatabaseUnavailable("gone")
                await super().complete(event)

        outbox = Away()
        await dispatcher.write()
        await dispatcher.deliver(outbox)

        assert outbox.failures == 0
        assert event_calls(unsplash) == 1
        assert await rows() == []

    async def test_an_image_that_cannot_be_read_is_left_out(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash
    ) -> None:
        """It waits like a failed one: a newer worker may be able to read it."""
        bad = await dispatcher.write()
        await dispatcher.write()
        await DownloadEvent.update({DownloadEvent.image: '{"id": 7}'}).where(DownloadEvent.download == bad)

        await dispatcher.deliver()

        assert len(unsplash.downloads) == 1
        assert [(row["download"], row["attempts"]) for row in await rows()] == [(bad, 1)]


class TestRetries:
    async def test_the_wait_doubles_up_to_an_hour(self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash) -> None:
        """The first one is within a minute. Before it is over, nobody calls; then somebody does."""
        unsplash.fail(Answer("", 500), path=EVENT_PATH)
        await dispatcher.write()
        waits: list[float] = []

        for attempts in range(1, 12):
            await dispatcher.deliver()
            [row] = await rows()
            assert (event_calls(unsplash), row["attempts"]) == (attempts, attempts)
            next_attempt_at = row["next_attempt_at"] / 1000
            waits.append(next_attempt_at - dispatcher.clock())
            dispatcher.clock.now = next_attempt_at - 0.01
            await dispatcher.deliver()
            assert event_calls(unsplash) == attempts
            dispatcher.clock.now = next_attempt_at + 0.01

        longest = [min(LONGEST_RETRY, FIRST_RETRY * 2**number) for number in range(11)]
        assert waits[0] <= 60
        assert all(most / 2 - 0.1 <= wait <= most + 0.1 for wait, most in zip(waits, longest, strict=True))
        assert longest[-1] == LONGEST_RETRY

        unsplash.heal()
        await dispatcher.deliver()
        assert len(unsplash.downloads) == 1
        assert await rows() == []

    def test_events_do_not_stay_in_step(self) -> None:
        assert len({retry_delay(3) for _ in range(100)}) > 50

    def test_any_number_of_attempts_has_a_wait(self) -> None:
        assert LONGEST_RETRY / 2 <= retry_delay(10**9) <= LONGEST_RETRY

    async def test_a_photo_that_is_gone_ends_it(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash, caplog: pytest.LogCaptureFixture
    ) -> None:
        """404: there is nothing to report any more, and the log says so."""
        unsplash.fail(Answer({"errors": ["Couldn't find Photo"]}, 404), path=EVENT_PATH)
        download = await dispatcher.write()

        await dispatcher.deliver()

        [record] = [record for record in caplog.records if record.name == "imagevault.downloads.events"]
        assert record.levelno == logging.WARNING
        assert f"unsplash does not have the image of download {download} any more" in record.getMessage()
        assert event_calls(unsplash) == 1
        assert await rows() == []

    async def test_is_given_up_after_thirty_days(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash, caplog: pytest.LogCaptureFixture
    ) -> None:
        """And not before: with a line in the log, and without a further call."""
        unsplash.fail(Answer("", 500), path=EVENT_PATH)
        download = await dispatcher.write()
        async with dispatcher.worker() as events:
            dispatcher.clock.advance(THIRTY_DAYS - 10)
            await events.synchronize()
            await until(lambda: event_calls(unsplash) == 1, "an attempt")
            async with events.running():
                pass
            assert len(await rows()) == 1

        dispatcher.clock.advance(20 + LONGEST_RETRY)
        caplog.clear()
        async with dispatcher.worker() as events:
            await DownloadEvent.update({DownloadEvent.next_attempt_at: 2**50}).where(DownloadEvent.download == download)
            await events.synchronize()
            await events.synchronize()

        [record] = [record for record in caplog.records if record.name == "imagevault.downloads.events"]
        assert record.levelno == logging.ERROR
        assert str(download) in record.getMessage()
        assert event_calls(unsplash) == 1
        assert await rows() == []


class TestLease:
    async def test_an_event_of_a_dead_worker_is_delivered_after_its_lease(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash
    ) -> None:
        """And not before: that worker may be calling."""
        unsplash.fail(faults.hang(), times=1, path=EVENT_PATH)
        await dispatcher.write()
        dying = asyncio.create_task(dispatcher.deliver())
        await asyncio.to_thread(unsplash.wait_for_calls, 1, timeout=EVENT_LIMIT)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)

        dispatcher.clock.advance(LEASE - 1)
        await dispatcher.deliver()
        assert event_calls(unsplash) == 1

        dispatcher.clock.advance(1.01)
        await dispatcher.deliver()
        assert event_calls(unsplash) == 2
        assert await rows() == []
        unsplash.heal()

    async def test_a_call_that_outlasts_the_lease_is_not_made_twice_at_once(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash
    ) -> None:
        """The provider's state names the flight that is under way. Waiting for it counts as no attempt."""
        download = await dispatcher.write()
        state, version = await DatabaseStateStore().read("unsplash")
        state.in_flight[f"download:{download.hex}"] = ("another flight", dispatcher.clock() + CALL_LEASE)
        await DatabaseStateStore().swap("unsplash", version, state)

        await dispatcher.deliver()
        [row] = await rows()
        assert (event_calls(unsplash), row["attempts"]) == (0, 0)

        dispatcher.clock.advance(CALL_LEASE + 1)
        await dispatcher.deliver()
        assert len(unsplash.downloads) == 1

    async def test_a_stop_waits_for_the_call_under_way(
        self, dispatcher: Dispatcher, unsplash: SimulatedUnsplash
    ) -> None:
        """And begins no other."""
        unsplash.fail(faults.hang(), path=EVENT_PATH)
        for _ in range(10):
            await dispatcher.write()

        async with dispatcher.worker() as events, events.running():
            await events.synchronize()
            await asyncio.to_thread(unsplash.wait_for_calls, 1, timeout=EVENT_LIMIT)
            unsplash.heal()

        assert 0 < len(unsplash.downloads) < 10
        assert len(await rows()) == 10 - len(unsplash.downloads)

    async def test_a_worker_that_lost_its_lease_postpones_nothing(self, dispatcher: Dispatcher) -> None:
        """Another one is trying by now."""
        outbox = Outbox()
        download = await dispatcher.write()
        slow, quick = await outbox.find(download), await outbox.find(download)
        assert slow is not None
        assert quick is not None
        now = dispatcher.clock()

        assert await outbox.claim(slow, now)
        assert not await outbox.claim(quick, now)
        assert await outbox.claim(quick, now + LEASE)
        await outbox.postpone(slow, now + 5 * LEASE, 7)

        [row] = await rows()
        assert (row["lease_owner"], row["attempts"]) == (quick.owner, 0)


class TestQuota:
    async def test_uses_the_reserve_and_then_waits(
        self, start: Any, environ: dict[str, str], unsplash: SimulatedUnsplash
    ) -> None:
        """A refusal of our own is no failure: no attempt is counted, the breaker sees nothing, and it is delivered."""
        api = await start(environ | {"UNSPLASH_QUOTA": "20/hour"})
        headers = await api.sign_in()
        first, second, *_ = await search(api, headers)
        for number in range(30):
            await search(api, headers, f"word {number}")
        assert len(unsplash.calls) == 19  # a twentieth of 20 is kept
        await take(api, headers, first)
        await take(api, headers, second)

        await deliver(api)
        await deliver(api)
        assert len(unsplash.calls) == 20
        assert len(unsplash.downloads) == 1
        [row] = await rows()
        state, _ = await api.services.gateway.limiter.store.read("unsplash")
        assert (row["attempts"], row["lease_until"]) == (0, 0)
        assert (state.failures, state.trips, state.last_error) == (0, 0, None)

        api.services.gateway.clock.offset += HOUR + 600
        await deliver(api)
        assert len(unsplash.downloads) == 2
        assert await rows() == []

    async def test_a_worker_that_was_refused_leases_no_further_events(self, dispatcher: Dispatcher) -> None:
        """It would hear the same for each of them; another worker may ask for itself."""

        class Counted(Outbox):
            claims = 0

            async def claim(self, event: OutboxEvent, now: float) -> bool:
                self.claims += 1
                return await super().claim(event, now)

        state, version = await DatabaseStateStore().read("unsplash")
        state.paused_until = dispatcher.clock() + 600
        await DatabaseStateStore().swap("unsplash", version, state)
        for _ in range(20):
            await dispatcher.write()
        outbox = Counted()

        async with dispatcher.worker(outbox) as events:
            for _ in range(5):
                await events.deliver_due(provider_of(dispatcher.services))
            at_once = outbox.claims
            dispatcher.clock.advance(601)
            await events.deliver_due(provider_of(dispatcher.services))

        assert 1 <= at_once <= provider_of(dispatcher.services).info.concurrency
        assert await rows() == []


class TestProviderList:
    async def test_admins_see_what_waits(self, start: Any, environ: dict[str, str]) -> None:
        """The number and the age of the oldest; nothing for others, and nothing where no report is demanded."""
        api = await start(environ)
        headers = await api.sign_in("grace", admin=True)

        async def listed(who: dict[str, str]) -> dict[str, Any]:
            answer = await api.get("/providers", headers=who)
            return {
                provider["name"]: (provider["downloads_waiting"], provider["oldest_waiting"])
                for provider in answer.json()["providers"]
            }

        before = await listed(headers)
        for image in (await search(api, headers))[:2]:
            await take(api, headers, image)
        await DownloadEvent.update({DownloadEvent.created_at: DownloadEvent.created_at - 120_000}, force=True)
        after = await listed(headers)

        assert (before["unsplash"], before["local"]) == ((0, None), (None, None))
        count, age = after["unsplash"]
        assert count == 2
        assert 120 <= age <= 120 + EVENT_LIMIT
        assert after["local"] == (None, None)
        assert (await listed(await api.sign_in("ada")))["unsplash"] == (None, None)

        await deliver(api)
        assert (await listed(headers))["unsplash"] == (0, None)

    async def test_also_of_a_provider_that_is_switched_off(self, start: Any, environ: dict[str, str]) -> None:
        api = await start(environ)
        headers = await api.sign_in("grace", admin=True)
        [image, *_] = await search(api, headers)
        await take(api, headers, image)

        idle = await start(environ | {"UNSPLASH_ENABLED": "false"})
        answer = await idle.get("/providers", headers=headers)

        [record] = [record for record in answer.json()["providers"] if record["name"] == "unsplash"]
        assert (record["state"], record["downloads_waiting"]) == ("disabled", 1)


def sign_in(client: httpx.Client) -> None:
    """Make an account, and let the client carry its token."""
    assert client.post("/signup", json=ACCOUNT).status_code == 201
    token = client.post("/token", data=ACCOUNT).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def found(client: httpx.Client) -> list[str]:
    """The ids of the images of one search."""
    params: dict[str, str | int] = {"q": "nature", "provider": "unsplash", "per_page": 20}
    return [image["id"] for image in client.get("/search", params=params).json()["images"]]


class TestServers:
    """Real servers, which deliver by themselves."""

    @pytest.fixture
    def in_database(self, environ: dict[str, str], tmp_path: Path) -> InDatabase:
        """Runs a coroutine function with the parts of a server, on the same database."""

        async def run(work: Callable[[Services], Awaitable[Any]]) -> Any:
            services = Services(load(environ, tmp_path))
            async with services.running():
                return await work(services)

        return lambda work: asyncio.run(run(work))

    @pytest.mark.processes
    def test_workers_deliver_each_event_once(
        self, serve: Any, environ: dict[str, str], unsplash: SimulatedUnsplash, in_database: InDatabase
    ) -> None:
        server = serve(environ, "--workers", "2").wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            images = found(client)
            for image in images:
                assert client.post("/download", json={"image": image}).status_code == 201

        async def waiting(_: Services) -> int:
            return int(await DownloadEvent.count())

        wait_until(lambda: len(unsplash.downloads) >= len(images), "all events to be delivered")
        wait_until(lambda: in_database(waiting) == 0, "the outbox to be empty")
        assert server.stop() == 0
        assert len(images) > 10
        assert Counter(reported(unsplash)) == Counter(image.removeprefix("unsplash:") for image in images)

    @pytest.mark.processes
    def test_kill_9_loses_no_event(
        self, serve: Any, environ: dict[str, str], unsplash: SimulatedUnsplash, in_database: InDatabase
    ) -> None:
        """What was not tried yet is delivered at once, and once. What was being tried is tried again after its lease.

        Nobody can know whether the provider has counted a call that was cut off.
        """
        server = serve(environ).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            images = found(client)
            unsplash.fail(faults.hang(), path=EVENT_PATH)
            for image in images:
                assert client.post("/download", json={"image": image}).status_code == 201
            wait_until(lambda: event_calls(unsplash) > 0, "a call")

        server.kill()
        unsplash.heal()
        wait_until(lambda: reported(unsplash), "a call that was cut off to be counted")

        async def deliver_the_rest(services: Services) -> tuple[set[str], int, int]:
            leased = [row["image"] for row in await rows() if row["lease_owner"]]
            await services.download_events.deliver_due(provider_of(services))
            at_once = int(await DownloadEvent.count())
            services.gateway.clock.offset += LEASE + 1
            await services.download_events.deliver_due(provider_of(services))
            return {msgspec.json.decode(image)["id"] for image in leased}, at_once, int(await DownloadEvent.count())

        leased, at_once, at_last = in_database(deliver_the_rest)
        photos = {image.removeprefix("unsplash:") for image in images}
        again = Counter(reported(unsplash)) - Counter(photos)
        assert 0 < len(leased) < len(photos)
        assert (at_once, at_last) == (len(leased), 0)
        assert set(reported(unsplash)) == photos
        assert 0 < len(again) <= len(leased)
        assert set(again) <= leased
        assert max(again.values()) == 1


async def test_a_repeated_save_has_one_event(start: Any, environ: dict[str, str], unsplash: SimulatedUnsplash) -> None:
    """With an Idempotency-Key, before and after the event was delivered, and after a restart of the server."""
    api = await start(environ)
    headers = await api.sign_in()
    [image, *_] = await search(api, headers)
    with_key = {**headers, "Idempotency-Key": "8e03"}

    first = await api.post("/download", json={"image": image}, headers=with_key)
    before = await api.post("/download", json={"image": image}, headers=with_key)
    await deliver(api)
    after = await api.post("/download", json={"image": image}, headers=with_key)
    restarted = await start(environ)
    again = await restarted.post("/download", json={"image": image}, headers=with_key)
    await deliver(restarted)

    assert {answer.status_code for answer in (first, before, after, again)} == {201}
    assert {answer.json()["id"] for answer in (first, before, after, again)} == {first.json()["id"]}
    assert len(unsplash.downloads) == 1
