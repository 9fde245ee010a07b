"""Change notice: images that were downloaded are looked up at their source again, within the quota that is left over.

A check changes no licence and no credit of a record. It sets the status: `unchanged`, `license_changed`, `withdrawn` or
`gone`, and what differs now. One check serves all downloads of the image. Workers take turns through `checked_at`.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from imagevault.downloads.record import Change, CheckStatus, from_milliseconds, license_of
from imagevault.downloads.tables import Download
from imagevault.errors import DatabaseUnavailable, ProviderError
from imagevault.licenses import License
from imagevault.plugins.provider import Provider
from imagevault.search.gateway import Gateway
from imagevault.search.image_records import UNSTATED

log = logging.getLogger(__name__)

FRESH = 86400.0  # seconds: a record that the provider sent within this time needs no check
PERIOD = 7 * 86400.0  # seconds between two checks of an image by the background pass
RETRY = 3600.0  # seconds after which the background pass tries an image again that could not be looked up
INTERVAL = 10.0  # seconds between two checks of a worker's background pass
LEFT_OVER = 0.5  # an image is checked only while more than this part of the provider's scarcest quota is left
CHUNK = 500  # rows that one statement updates

Outcome = CheckStatus | Literal["not_checked"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One image that was looked up, or why not.

    Attributes:
        image: its id.
        status: what the check found; `not_checked` if the image was not looked up.
        detail: why it was not looked up.

    """

    image: str
    status: Outcome
    detail: str | None = None


class Verification:
    """Looks images of the ledger up. One for each worker; the clock is the one that workers share."""

    def __init__(self, gateway: Gateway, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._gateway = gateway
        self._clock = gateway.clock
        self._sleep = sleep

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the background pass until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def verify(self, account: uuid.UUID | None = None, project: str | None = None) -> AsyncIterator[Check]:
        """Look up every image of the ledger, or of an account or a project, and yield what was found."""
        query = Download.select(Download.image).where(Download.image.is_not_null())
        if account is not None:
            query = query.where(Download.account == account)
        if project is not None:
            query = query.where(Download.project == project)
        for row in await query.group_by(Download.image):
            yield await self.check(row["image"])

    async def check_next(self) -> Check | None:
        """Look up the image whose last check is the longest ago, if one is due. None if nothing is."""
        due_before = round((self._clock() - PERIOD) * 1000)
        providers = self._gateway.providers.values()
        names = [provider.name for provider in providers if self._reason_against(provider) is None]
        if not names:
            return None
        is_due = Download.provider.is_in(names) & (Download.checked_at < due_before)
        query = Download.select(Download.image).where(is_due, Download.image.is_not_null())
        rows = await query.order_by(Download.checked_at).limit(1)
        if rows and await self._claim(rows[0]["image"], due_before):
            return await self.check(rows[0]["image"])
        return None

    async def check(self, image: str) -> Check:
        """Look an image up at its source, and set the status of all of its downloads."""
        name, _, id = image.partition(":")
        provider = self._gateway.providers.get(name)
        if provider is None:
            return Check(image=image, status="not_checked", detail=f"there is no provider {name} any more")
        reason = self._reason_against(provider)
        if reason is not None:
            return Check(image=image, status="not_checked", detail=reason)
        seconds = min(self._gateway.settings.deadline, provider.timeout)
        try:
            found = await self._gateway.pages.fetch_image(provider, id, seconds)
        except ProviderError as error:
            return Check(image=image, status="not_checked", detail=str(error))
        now = (found.license or UNSTATED) if found is not None else None
        return Check(image=image, status=await self._set(image, now))

    def _reason_against(self, provider: Provider) -> str | None:
        """Why no image of a provider can be checked now; None if one can."""
        if provider.state != "ok":
            return f"{provider.name}: {provider.public_reason}"
        if "fetch_image" not in provider.hooks:
            return f"{provider.info.title} cannot look up a single image"
        if self._gateway.limiter.fraction_left(provider) <= LEFT_OVER:
            return f"half of the quota of {provider.info.title} is used; the rest is left to searches"
        return None

    async def _claim(self, image: str, due_before: int) -> bool:
        """Take the turn for an image; of several workers, one succeeds. A check that fails is due again in an hour."""
        again = due_before + round(RETRY * 1000)
        is_unclaimed = (Download.image == image) & (Download.checked_at < due_before)
        claim = Download.update({Download.checked_at: again}).where(is_unclaimed)
        return bool(await claim.returning(Download.id))

    async def _set(self, image: str, now: License | None) -> Outcome:
        """Set the status of all downloads of an image, and return that of the newest."""
        checked_at = round(self._clock() * 1000)
        rows = (
            await Download.select(
                Download.id,
                Download.status,
                Download.change,
                Download.license_id,
                Download.license_name,
                Download.license_url,
                Download.attribution_required,
                Download.commercial,
                Download.modification,
            )
            .where(Download.image == image)
            .order_by(Download.created_at)
        )
        same: defaultdict[tuple[CheckStatus, str | None], list[Any]] = defaultdict(list)
        status: CheckStatus = "unchanged"
        noticed: set[CheckStatus] = set()
        for row in rows:
            status = judge(license_of(row), now)
            if status not in {"unchanged", row["status"]}:
                noticed.add(status)
            same[status, _change(row, status, now, checked_at)].append(row["id"])
        for (one_status, change), ids in same.items():
            values: dict[Any, Any] = {
                Download.status: one_status,
                Download.change: change,
                Download.checked_at: checked_at,
            }
            for first in range(0, len(ids), CHUNK):
                await Download.update(values).where(Download.id.is_in(ids[first : first + CHUNK]))
        for one_status in sorted(noticed):
            fields = {"provider": image.partition(":")[0], "image": image, "change": one_status, "downloads": len(rows)}
            log.warning("downloaded image changed at its source: %s is %s", image, one_status, extra=fields)
        return status

    async def _run(self) -> None:
        while True:
            await self._sleep(INTERVAL)
            try:
                await self.check_next()
            except DatabaseUnavailable:
                pass  # the log says already that an outage began
            except Exception:
                log.exception("a downloaded image could not be looked up")


def judge(before: License | None, now: License | None) -> CheckStatus:
    """Return what a check found, by the licence of the record and the one that the provider states now.

    `now` is None where the image is gone. A licence whose rights became unclear is withdrawn.
    """
    if now is None:
        return "gone"
    if before == now:
        return "unchanged"
    was_free = before is not None and not before.is_unknown
    return "withdrawn" if was_free and now.is_unknown else "license_changed"


def checked_by(fetched_at: float, now: float) -> int:
    """Return the `checked_at` of a new download in milliseconds: 0 if it is not fresh, so that it is looked up soon."""
    return round(fetched_at * 1000) if now - fetched_at < FRESH else 0


def _change(row: Mapping[str, Any], status: CheckStatus, now: License | None, checked_at: int) -> str | None:
    """Return the change to store, as JSON; one that was noticed before keeps its time."""
    if status == "unchanged":
        return None
    if row["change"] is not None:
        known = msgspec.json.decode(row["change"], type=Change)
        if known.license == now:
            return str(row["change"])
    return msgspec.json.encode(Change(noticed_at=from_milliseconds(checked_at), license=now)).decode()
