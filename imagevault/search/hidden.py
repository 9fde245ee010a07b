"""Images that an admin hides: they appear in no answer, in every worker, within a second.

The database holds them. Each worker keeps them in memory and follows changes. The few that there are cost a search
nothing but a look into a set.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from piccolo.query.functions.aggregate import Count, Max

from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.errors import BadInput, ResourceNotFound
from imagevault.images.sanitize import is_id
from imagevault.plugins.plain_text import one_line
from imagevault.plugins.registry import NAME
from imagevault.search.tables import HiddenImage

MAX_REASON = 500  # characters


def provider_of(image: str) -> str:
    """Return the provider's name in the id of an image. Raises BadInput if no image can have this id."""
    provider, colon, id = image.partition(":")
    if not (NAME.fullmatch(provider) and colon and is_id(id)):
        raise BadInput("id", "must be a provider's name, a colon and its own id, such as pexels:2014422")
    return provider


class Hidden(msgspec.Struct, frozen=True, kw_only=True):
    """A hidden image.

    Attributes:
        image: its id.
        reason: why it is hidden.
        hidden_at: since when.

    """

    image: str
    reason: str
    hidden_at: datetime


class HiddenImages:
    """The hidden images as this worker last saw them."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        """Make an empty list; `refresh` fills it.

        Args:
            clock: the time that all workers share, in seconds.
            changed: is called after every change, to forget the answers that were made before.

        """
        self._clock = clock
        self._changed = changed
        self._ids: dict[str, frozenset[str]] = {}  # by provider
        self._seen: tuple[int, int | None] = (0, None)  # how many, and when the last was hidden

    def of(self, provider: str) -> frozenset[str]:
        """Return the hidden ids of a provider."""
        return self._ids.get(provider, frozenset())

    async def refresh(self) -> None:
        """Take over what other processes changed. One small query if they changed nothing."""
        [row] = await HiddenImage.select(Count(alias="count"), Max(HiddenImage.hidden_at, alias="last"))
        seen = (row["count"], row["last"])
        if seen != self._seen:
            ids: defaultdict[str, set[str]] = defaultdict(set)
            for hidden in await HiddenImage.select(HiddenImage.image):
                provider, _, id = hidden["image"].partition(":")
                ids[provider].add(id)
            self._ids = {provider: frozenset(of_provider) for provider, of_provider in ids.items()}
            self._seen = seen
            self._changed()

    async def hide(self, image: str, reason: str) -> Hidden:
        """Hide an image, and delete the cached page on which it was seen last. Hidden again, it gets the new reason.

        Raises:
            BadInput: the id has another form, or the reason is empty.

        """
        provider_of(image)
        text = one_line(reason, MAX_REASON)
        if text is None:
            raise BadInput("reason", "must say why, for those who look at the list later")
        hidden_at = round(self._clock() * 1000)
        values: dict[Any, Any] = {HiddenImage.reason: text, HiddenImage.hidden_at: hidden_at}
        if not await HiddenImage.update(values).where(HiddenImage.image == image).returning(HiddenImage.image):
            row = HiddenImage(image=image, reason=text, hidden_at=hidden_at)
            await HiddenImage.insert(row).on_conflict(target=HiddenImage.image, action="DO NOTHING")
        page = CachedImage.select(CachedImage.page).where(CachedImage.id == image)
        await CachedPage.delete().where(CachedPage.key.is_in(page))
        await self.refresh()
        return Hidden(image=image, reason=text, hidden_at=datetime.fromtimestamp(hidden_at / 1000, UTC))

    async def unhide(self, image: str) -> None:
        """Show an image again. Raises ResourceNotFound if it is not hidden."""
        if not await HiddenImage.delete().where(HiddenImage.image == image).returning(HiddenImage.image):
            raise ResourceNotFound(f"{image} is not hidden; list the hidden images with: imagevault images hidden")
        await self.refresh()

    async def list_all(self) -> list[Hidden]:
        """Return the hidden images, the last hidden first."""
        rows = await HiddenImage.select().order_by(HiddenImage.hidden_at, ascending=False)
        return [
            Hidden(
                image=row["image"],
                reason=row["reason"],
                hidden_at=datetime.fromtimestamp(row["hidden_at"] / 1000, UTC),
            )
            for row in rows
        ]
