"""Merging: the next images of one or many providers, one from each in turn.

The walk has no repeat and no gap, and it is over only when every provider's list is over.
"""

import msgspec

from imagevault.records import Image
from imagevault.search.provider_cursor import ProviderCursor


class MergedImage(msgspec.Struct):
    """One image of a merged page, and the names of other providers that have the same image on this page."""

    cursor: ProviderCursor
    image: Image
    also_from: list[str]


async def interleave(cursors: list[ProviderCursor], turn: int, count: int) -> tuple[list[MergedImage], int]:
    """Return the next images, at most `count`, and whose turn it is then.

    The cursors move on, and know what failed.

    Args:
        cursors: one for each provider.
        turn: the index of the cursor whose turn it is.
        count: how many images are wanted.

    """
    for cursor in cursors:
        cursor.prefetch()
    merged: list[MergedImage] = []
    shown: set[tuple[str, str]] = set()
    by_source: dict[str, MergedImage] = {}
    while len(merged) < count and any(cursor.is_active for cursor in cursors):
        cursor = cursors[turn]
        image = await cursor.next()
        if image is not None:
            if (cursor.name, image.id) in shown:
                continue  # the upstream's list moved on while it was read; the cursor gives another image instead
            shown.add((cursor.name, image.id))
            same = by_source.get(image.source_url) if image.source_url else None
            if same is not None and same.cursor is not cursor:
                if cursor.name not in same.also_from:
                    same.also_from.append(cursor.name)
                continue  # the same cursor gives another image instead
            cursor.shown += 1
            merged.append(MergedImage(cursor, image, []))
            if image.source_url:
                by_source[image.source_url] = merged[-1]
        turn = (turn + 1) % len(cursors)
    for cursor in cursors:
        cursor.skip_rest()
    return merged, turn
