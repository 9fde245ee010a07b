"""Looking up several images at once, each found or with the reason why not."""

import asyncio
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from imagevault.errors import BadInput, Forbidden, ProviderError, ProviderNotEnabled, ResourceNotFound
from imagevault.images.record import ImageRecord
from imagevault.search.gateway import Gateway
from imagevault.search.outcome import Status, status_for

MAX_IDS = 100
MAX_ID_LENGTH = 260  # characters, the provider's name included
# A comma before a provider's name: pexels:1,local:Tower, 1889.jpg are two ids.
SEPARATOR = re.compile(r",(?= ?[a-z][a-z0-9_-]{0,31}:)")

LookupStatus = Literal[Status, "not_found", "bad_id", "forbidden"]


class ImageLookup(msgspec.Struct, frozen=True, kw_only=True):
    """The result for one id.

    Attributes:
        id: the id that was asked for.
        status: `ok`; `not_found`: its provider has no such image; `bad_id`: the id has another form, or its provider
            does not exist; `forbidden`: the API key does not allow its provider; or why the provider failed, as in a
            search: `unconfigured` also if it is switched off.
        detail: why there is no image, for people.
        image: the record; null unless the status is `ok`.

    """

    id: Annotated[str, Meta(max_length=MAX_ID_LENGTH)]
    status: LookupStatus
    detail: str | None
    image: ImageRecord | None


class ImageLookups(msgspec.Struct, frozen=True):
    """The results of a look-up of several images.

    Attributes:
        images: one result for each id, in the order of the ids, each id once.

    """

    images: Sequence[ImageLookup]


async def look_up(gateway: Gateway, ids: str, caller: str, allowed: AbstractSet[str] | None = None) -> ImageLookups:
    """Return the records of several images. What is not cached costs one upstream call each.

    Args:
        gateway: looks them up.
        ids: up to 100 ids, separated by commas.
        caller: whose share of a quota the calls use.
        allowed: the names of the providers that the caller may use; None for all.

    Raises:
        BadInput: there is no id, or there are too many.

    """
    return await look_up_each(gateway, read_ids(ids), caller, allowed)


async def look_up_each(
    gateway: Gateway, ids: Sequence[str], caller: str, allowed: AbstractSet[str] | None = None
) -> ImageLookups:
    """Return the records of these images, each found or with its reason. The arguments are those of `look_up`."""
    return ImageLookups(await asyncio.gather(*(_look_up(gateway, id, caller, allowed) for id in ids)))


def read_ids(ids: str) -> list[str]:
    """Return the ids of images in a text, each once. Up to 100 of them are separated by commas.

    Raises:
        BadInput: there is no id, or there are too many.

    """
    stripped = (id.strip(" ,") for id in SEPARATOR.split(ids))
    wanted = [id for id in dict.fromkeys(stripped) if id]
    if not wanted:
        raise BadInput("ids", "must name at least one image, such as pexels:2014422")
    if len(wanted) > MAX_IDS:
        raise BadInput("ids", f"must name at most {MAX_IDS} images; split the request")
    return wanted


async def _look_up(gateway: Gateway, id: str, caller: str, allowed: AbstractSet[str] | None) -> ImageLookup:
    if len(id) > MAX_ID_LENGTH:
        detail = f"has more than {MAX_ID_LENGTH} characters"
        return ImageLookup(id=id[:MAX_ID_LENGTH], status="bad_id", detail=detail, image=None)
    try:
        provider, image = await gateway.image(id, field="ids", caller=caller, allowed=allowed)
    except ProviderNotEnabled as error:
        return ImageLookup(id=id, status="unconfigured", detail=error.message, image=None)
    except BadInput as error:
        return ImageLookup(id=id, status="bad_id", detail=error.message, image=None)
    except Forbidden as error:
        return ImageLookup(id=id, status="forbidden", detail=str(error), image=None)
    except ResourceNotFound as error:
        return ImageLookup(id=id, status="not_found", detail=str(error), image=None)
    except ProviderError as error:
        return ImageLookup(id=id, status=status_for(error), detail=str(error), image=None)
    return ImageLookup(id=id, status="ok", detail=None, image=gateway.record(provider, image))
