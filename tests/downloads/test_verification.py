"""Change notice: a licence that changes upstream is noticed, and the proof of the day stays."""

import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest

from imagevault.downloads.tables import Download
from imagevault.downloads.verification import FRESH, PERIOD, Verification, checked_by, judge
from imagevault.licenses import License
from tests.support.clock import Clock
from tests.support.ledger_rows import account_of, add

BY = License.from_url("https://creativecommons.org/licenses/by/4.0/")
BY_NC = License.from_url("https://creativecommons.org/licenses/by-nc/4.0/")
ODD = """
from pathlib import Path
from imagevault import Image, License, Page, ProviderInfo, Quota, Rendition, Unavailable, hookimpl

STATE = Path({state!r})
HOSTS = {{"files.a.example"}}

@hookimpl
def provider_info():
    return ProviderInfo(
        title="Odd", base_url="https://a.example/", page_size=1, quotas=[Quota(10, "hour")], file_hosts=HOSTS
    )

def image(state):
    file = Rendition(name="original", url="https://files.a.example/1.jpg")
    known = License.from_url("https://creativecommons.org/licenses/" + state + "/4.0/")
    return Image(id="1", title="Lily", license=known or License.unknown("No longer free"), renditions=[file])

@hookimpl
async def search_images():
    return Page([image("by")], last=True)

@hookimpl
async def fetch_image():
    state = STATE.read_text()
    if state == "down":
        raise Unavailable("down")
    return None if state == "gone" else image(state)
"""


class Source:
    """The state of the image at its provider: `by`, `by-nc`, `unclear`, `gone` or `down`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("by")

    def set(self, state: str) -> None:
        self.file.write_text(state)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source(tmp_path / "state.txt")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "odd.py").write_text(ODD.format(state=str(source.file)))
    return source


@pytest.fixture
async def api(start: Any, database_url: str, source: Source) -> Any:
    return await start({"DATABASE_URL": database_url, "IMAGEVAULT_PLUGINS_DIR": "plugins"})


async def take(api: Any, headers: dict[str, str]) -> dict[str, Any]:
    await api.get("/search", params={"q": "lily", "provider": "odd"}, headers=headers)
    answer = await api.post("/download", json={"image": "odd:1"}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


class TestLook:
    @pytest.mark.parametrize(
        ("state", "status", "license"),
        [("by-nc", "license_changed", "cc-by-nc-4.0"), ("unclear", "withdrawn", "unknown"), ("gone", "gone", None)],
    )
    async def test_notices_a_change(
        self, api: Any, source: Source, state: str, status: str, license: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        """In the record, in the list and in the log, once. Licence, credit and proof stay as they were."""
        headers = await api.sign_in()
        kept = await take(api, headers)
        source.set(state)
        api.services.database.use()

        checks = [check async for check in api.services.verification.verify()]
        first = (await api.get(f"/downloads/{kept['id']}", headers=headers)).json()
        again = await api.services.verification.check("odd:1")
        second = (await api.get(f"/downloads/{kept['id']}", headers=headers)).json()
        listed = (await api.get("/downloads", params={"status": status}, headers=headers)).json()["downloads"]
        exported = await api.get("/downloads/export", params={"format": "markdown"}, headers=headers)

        assert [(check.image, check.status) for check in checks] == [("odd:1", status)]
        assert (again.status, first["status"], [record["id"] for record in listed]) == (status, status, [kept["id"]])
        assert (first["change"]["license"] or {}).get("id") == license
        assert second["change"] == first["change"]
        assert first["license"] == kept["license"]
        assert hashlib.sha256(first["record"].encode()).hexdigest() == kept["passport"]["record_sha256"]
        assert "since.*" in exported.text
        noticed = [record for record in caplog.records if "changed at its source" in record.getMessage()]
        assert [record.levelno for record in noticed] == [logging.WARNING]

    async def test_confirms_what_is_the_same(self, api: Any, source: Source) -> None:
        """And takes back a change that was undone."""
        headers = await api.sign_in()
        kept = await take(api, headers)
        api.services.database.use()
        source.set("by-nc")
        await api.services.verification.check("odd:1")
        source.set("by")

        check = await api.services.verification.check("odd:1")
        shown = (await api.get(f"/downloads/{kept['id']}", headers=headers)).json()

        assert (check.status, shown["status"], shown["change"]) == ("unchanged", "unchanged", None)
        assert shown["checked_at"] is not None

    async def test_says_nothing_when_the_provider_fails(self, api: Any, source: Source) -> None:
        """Neither does one that is gone, or that cannot look up an image."""
        headers = await api.sign_in()
        kept = await take(api, headers)
        api.services.database.use()
        source.set("down")

        checks = [await api.services.verification.check(image) for image in ("odd:1", "none:1", "pexels:1")]
        shown = (await api.get(f"/downloads/{kept['id']}", headers=headers)).json()

        assert [check.status for check in checks] == ["not_checked"] * 3
        assert all(check.detail for check in checks)
        assert (shown["status"], shown["checked_at"]) == (None, None)


class TestBackgroundPass:
    async def test_looks_at_what_is_due_and_once(self, api: Any, source: Source) -> None:
        """A fresh record is not; one that came from an old page is, and so is every one after a week."""
        await api.sign_in()
        account = await account_of(api)
        clock = Clock(2_000_000_000.0)
        verification = Verification(api.services.gateway)
        verification._clock = clock  # type: ignore[assignment]
        now = round(clock() * 1000)
        await add(account, 1, image="odd:1", provider="odd", checked_at=checked_by(clock(), clock()))

        fresh = await verification.check_next()
        await Download.update({Download.checked_at: 0}, force=True)
        source.set("gone")
        old = await verification.check_next()
        none = await verification.check_next()
        clock.advance(PERIOD + 1)
        again = await verification.check_next()

        assert (fresh, none) == (None, None)
        assert old is not None
        assert again is not None
        assert old.status == again.status == "gone"
        assert [row["checked_at"] for row in await Download.select(Download.checked_at)] == [now + (PERIOD + 1) * 1000]

    async def test_one_that_failed_is_due_again_in_an_hour(self, api: Any, source: Source) -> None:
        await api.sign_in()
        clock = Clock(2_000_000_000.0)
        verification = Verification(api.services.gateway)
        verification._clock = clock  # type: ignore[assignment]
        await add(await account_of(api), 1, image="odd:1", provider="odd")
        source.set("down")

        checks = [await verification.check_next(), await verification.check_next()]
        clock.advance(3601)
        checks.append(await verification.check_next())

        assert [check.status if check else None for check in checks] == ["not_checked", None, "not_checked"]

    async def test_one_provider_that_is_down_keeps_none_of_another_waiting(self, api: Any, source: Source) -> None:
        """The image whose last check is the longest ago comes first, at whichever provider."""
        await api.sign_in()
        account = await account_of(api)
        clock = Clock(2_000_000_000.0)
        verification = Verification(api.services.gateway)
        verification._clock = clock  # type: ignore[assignment]
        for number in range(3):
            await add(account, 1, image=f"odd:{number}", provider="odd", checked_at=2000)
        await add(account, 1, image="local:aurora.jpg", provider="local", checked_at=1000)
        source.set("down")

        first = await verification.check_next()

        assert first is not None
        assert (first.image, first.status) == ("local:aurora.jpg", "license_changed")

    async def test_a_failed_look_serves_all_downloads_of_an_image(self, api: Any, source: Source) -> None:
        """Also of those that were checked at another time: the provider is asked once an hour."""
        await api.sign_in()
        account = await account_of(api)
        clock = Clock(2_000_000_000.0)
        verification = Verification(api.services.gateway)
        verification._clock = clock  # type: ignore[assignment]
        for checked_at in (1000, 2000, 3000):
            await add(account, 1, image="odd:1", provider="odd", checked_at=checked_at)
        source.set("down")

        checks = [await verification.check_next(), await verification.check_next()]

        assert [check.status if check else None for check in checks] == ["not_checked", None]

    async def test_leaves_half_of_the_quota_to_searches(
        self, api: Any, source: Source, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await api.sign_in()
        await add(await account_of(api), 1, image="odd:1", provider="odd")
        source.set("gone")
        monkeypatch.setattr(api.services.gateway.limiter, "fraction_left", lambda _: 0.5)

        assert await api.services.verification.check_next() is None
        assert "quota" in (await api.services.verification.check("odd:1")).detail


@pytest.mark.parametrize(
    ("before", "now", "status"),
    [
        (BY, BY, "unchanged"),
        (BY, BY_NC, "license_changed"),
        (BY, None, "gone"),
        (BY, License.unknown("x"), "withdrawn"),
        (License.unknown("x"), License.unknown("y"), "license_changed"),
        (License.unknown("x"), BY, "license_changed"),
    ],
)
def test_a_change_is_judged_by_the_licence(before: License, now: License | None, status: str) -> None:
    assert judge(before, now) == status


def test_a_record_is_fresh_for_a_day() -> None:
    assert checked_by(1000.0, 1000.0 + FRESH - 1) == 1_000_000
    assert checked_by(1000.0, 1000.0 + FRESH) == 0
