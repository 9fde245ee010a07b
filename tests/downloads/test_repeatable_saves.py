"""Idempotency-Key: a download is recorded once, however often its request is sent."""

import asyncio
from typing import Any

import pytest

from imagevault.downloads.repeatable_saves import DAY, LEASE, RepeatableSaves, RunningSave, read_key
from imagevault.downloads.tables import Download, RepeatableSave
from imagevault.errors import BadInput, KeyReused, StillRunning
from tests.support.clock import Clock

ACCOUNT = "5d2f1c3a-7a58-4f0e-9d3b-0e6c2a9b7f41"
BODY = {"url": "https://a.example/1.jpg", "note": "cover"}


async def save(api: Any, headers: dict[str, str], key: str, body: dict[str, str] | None = None) -> Any:
    return await api.post("/download", json=body or BODY, headers={**headers, "Idempotency-Key": key})


class TestRequests:
    async def test_the_same_request_gets_the_same_answer(self, api: Any) -> None:
        """Also after the record was changed; one row. The quotes of a structured field change nothing."""
        headers = await api.sign_in()

        first = await save(api, headers, "8e03-1")
        await api.client.patch(f"/downloads/{first.json()['id']}", json={"note": "back"}, headers=headers)
        again = await save(api, headers, '"8e03-1"')

        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
        assert await Download.count() == 1

    async def test_another_body_is_422(self, api: Any) -> None:
        headers = await api.sign_in()
        await save(api, headers, "k")

        other = await save(api, headers, "k", {"url": "https://a.example/2.jpg"})

        assert (other.status_code, await Download.count()) == (422, 1)
        assert "new key" in other.json()["detail"]

    async def test_a_key_belongs_to_its_account(self, api: Any) -> None:
        """Two accounts may choose the same one."""
        first = await save(api, await api.sign_in("ada"), "k")
        other = await save(api, await api.sign_in("bob"), "k")

        assert first.json()["id"] != other.json()["id"]

    async def test_a_refused_save_keeps_no_key(self, api: Any) -> None:
        """The same key may be used for the corrected body."""
        headers = await api.sign_in()

        refused = await save(api, headers, "k", {"image": "local:none.jpg"})
        corrected = await save(api, headers, "k")

        assert (refused.status_code, corrected.status_code) == (404, 201)

    async def test_many_at_once_record_one(self, api: Any) -> None:
        """Each gets the answer, or 409 with the time to wait."""
        headers = await api.sign_in()

        answers = await asyncio.gather(*(save(api, headers, "k") for _ in range(20)))

        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 409)
        assert await Download.count() == 1

    @pytest.mark.parametrize("key", ["", " ", '"', '""', "x" * 256])
    async def test_a_malformed_key_is_400(self, start: Any, key: str) -> None:
        api = await start()

        answer = await save(api, await api.sign_in(), key)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")

    async def test_a_repeated_key_is_400(self, start: Any) -> None:
        api = await start()
        headers = [*(await api.sign_in()).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

        answer = await api.post("/download", json=BODY, headers=headers)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


class TestSaves:
    @pytest.fixture
    async def saves(self, api: Any, clock: Clock) -> RepeatableSaves:
        api.services.database.use()
        return RepeatableSaves(clock)

    async def test_one_that_is_running_is_refused(self, saves: RepeatableSaves) -> None:
        """Until its lease expires: a crash leaves it."""
        begun = await saves.begin(ACCOUNT, "k", b"body")

        with pytest.raises(StillRunning) as refusal:
            await saves.begin(ACCOUNT, "k", b"body")

        assert isinstance(begun, RunningSave)
        assert refusal.value.retry_after == 1

    async def test_one_that_was_cut_off_is_taken_over(self, saves: RepeatableSaves, clock: Clock) -> None:
        """And cannot complete any more, so that two answers never exist."""
        lost = await saves.begin(ACCOUNT, "k", b"body")
        clock.advance(LEASE + 1)

        taken_over = await saves.begin(ACCOUNT, "k", b"body")

        assert isinstance(lost, RunningSave)
        assert isinstance(taken_over, RunningSave)
        with pytest.raises(StillRunning):
            await saves.complete(lost, b"{}")
        await saves.release(lost)
        await saves.complete(taken_over, b"{}")
        assert await saves.begin(ACCOUNT, "k", b"body") == "{}"

    async def test_a_key_is_kept_for_a_day(self, saves: RepeatableSaves, clock: Clock) -> None:
        begun = await saves.begin(ACCOUNT, "k", b"body")
        assert isinstance(begun, RunningSave)
        await saves.complete(begun, b"{}")

        clock.advance(DAY - 1)
        with pytest.raises(KeyReused):
            await saves.begin(ACCOUNT, "k", b"other")
        clock.advance(1)

        assert isinstance(await saves.begin(ACCOUNT, "k", b"other"), RunningSave)

    async def test_old_ones_are_deleted(self, saves: RepeatableSaves, clock: Clock) -> None:
        await saves.begin(ACCOUNT, "k", b"body")
        clock.advance(DAY)
        await saves.begin(ACCOUNT, "new", b"body")

        await saves.prune()

        assert await RepeatableSave.count() == 1


@pytest.mark.parametrize(("value", "key"), [("a b", "a b"), ('"a"', "a"), (r'"a\"b\\"', 'a"b\\'), ('a"', 'a"')])
def test_a_key_is_bare_or_in_quotes(value: str, key: str) -> None:
    assert read_key(value) == key


def test_no_key_holds_control_characters() -> None:
    with pytest.raises(BadInput):
        read_key("a\nb")


async def test_a_key_of_other_providers_gets_no_answer_of_before(api: Any) -> None:
    """Nothing would be recorded, but the record would be shown."""
    headers = await api.sign_in()
    body = {"image": "local:fox-in-snow.jpg"}
    assert (await save(api, headers, "7f0e", body)).status_code == 201
    keys = {}
    for provider in ("local", "openverse"):
        wanted = {"name": provider, "scopes": ["downloads"], "providers": [provider]}
        made = await api.post("/api-keys", json=wanted, headers=headers)
        keys[provider] = {"Authorization": f"Bearer {made.json()['key']}"}

    statuses = [(await save(api, key, "7f0e", body)).status_code for key in keys.values()]

    assert statuses == [201, 403]
