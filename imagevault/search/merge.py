"""Merging: the next images of one or many providers, one from each in turn.

The walk has no repeat and no gap, and it is over only when every provider's list is over. A picture that several
providers list is shown once (`images/identity.py`).
"""

from collections.abc import Callable

import msgspec

from imagevault.images.identity import contradict, is_page_key
from imagevault.records import Image
from imagevault.search.provider_cursor import ProviderCursor

WasShown = Callable[[ProviderCursor, Image], bool]
"""Whether an earlier answer of the walk showed the same picture."""


class Listing(msgspec.Struct, frozen=True):
    """An image in a provider's list."""

    cursor: ProviderCursor
    image: Image


class MergedImage(msgspec.Struct):
    """One picture of a merged page: the record that is shown, and those of other providers."""

    shown: Listing
    others: list[Listing]

    @property
    def listings(self) -> list[Listing]:
        """The records of all providers that list the picture, the shown one first."""
        return [self.shown, *self.others]

    @property
    def cursors(self) -> list[ProviderCursor]:
        """The cursors of these providers."""
        return [listing.cursor for listing in self.listings]


async def interleave(
    cursors: list[ProviderCursor], turn: int, count: int, was_shown: WasShown = lambda _cursor, _image: False
) -> tuple[list[MergedImage], int]:
    """Return the next images, at most `count`, and whose turn it is then.

    The cursors move on, and know what failed.

    Args:
        cursors: one for each provider.
        turn: the index of the cursor whose turn it is.
        count: how many images are wanted.
        was_shown: tells which images are left out.

    """
    for cursor in cursors:
        cursor.prefetch()
    pictures = _Pictures()
    while len(pictures.merged) < count and any(cursor.is_active for cursor in cursors):
        cursor = cursors[turn]
        image = await cursor.next()
        if image is not None and (was_shown(cursor, image) or not pictures.add(Listing(cursor, image))):
            continue  # the same cursor gives another image instead
        turn = (turn + 1) % len(cursors)
    for cursor in cursors:
        cursor.skip_rest()
    return pictures.merged, turn


class _Pictures:
    """The pictures of one answer, found again by the keys of their records."""

    def __init__(self) -> None:
        self.merged: list[MergedImage] = []
        self._by_key: dict[str, list[MergedImage]] = {}

    def add(self, listing: Listing) -> bool:
        """Add an image. Return False if its picture was there already, under this or another provider."""
        known = self._same_picture(listing)
        if known is None:
            known = MergedImage(listing, [])
            self.merged.append(known)
            listing.cursor.shown += 1
            self._remember(listing.image, known)
            return True
        if listing.cursor not in known.cursors:
            if listing.cursor.rank < known.shown.cursor.rank and not self._is_of_several(listing):
                _show_instead(known, listing)
            else:
                known.others.append(listing)
            self._remember(listing.image, known)
        return False

    def _same_picture(self, listing: Listing) -> MergedImage | None:
        for key in listing.image.identities:
            for known in self._by_key.get(key, ()):
                if not is_page_key(key) or _share_page(known, listing):
                    return known
        return None

    def _is_of_several(self, listing: Listing) -> bool:
        """Whether an image has file keys of several pictures. Shown, it would repeat one of them."""
        keys = [key for key in listing.image.identities if not is_page_key(key)]
        pictures = [known for key in keys for known in self._by_key.get(key, ())]
        return any(known is not pictures[0] for known in pictures)

    def _remember(self, image: Image, merged: MergedImage) -> None:
        for key in image.identities:
            self._by_key.setdefault(key, []).append(merged)


def _share_page(known: MergedImage, listing: Listing) -> bool:
    """Whether the same page means the same picture: of several providers, none of whose file keys contradict it."""
    if listing.cursor in known.cursors:
        return False
    keys = listing.image.identities
    return not any(contradict(other.image.identities, keys) for other in known.listings)


def _show_instead(known: MergedImage, listing: Listing) -> None:
    """Show another provider's record of a picture. The owner's is preferred, and an aggregator's comes last of all."""
    known.others.insert(0, known.shown)
    known.shown.cursor.shown -= 1
    listing.cursor.shown += 1
    known.shown = listing
