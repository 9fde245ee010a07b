"""The routes of credits: those of downloads as a file, and those of images that nobody took."""

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from imagevault.downloads.credits import (
    FORMATS,
    Credit,
    CreditFormat,
    credit_of_image,
    export,
    file_name,
    media_type,
    whole,
)
from imagevault.downloads.examples import EXAMPLE_CREDIT
from imagevault.downloads.finding import MAX_FILTER, Filters, stated
from imagevault.downloads.ledger import Ledger
from imagevault.search.lookup import MAX_IDS, LookupStatus, look_up_each
from imagevault.security.caller import Caller

CREDITS = [msgspec.convert(EXAMPLE_CREDIT, Credit)]  # for the examples of the API document
EXAMPLE_EXPORTS = {media_type(format): whole(CREDITS, format) for format in FORMATS}
EXAMPLE_BLOCK = {
    "text": f"{CREDITS[0].text}\n",
    "html": whole(CREDITS, "html"),
    "markdown": whole(CREDITS, "markdown"),
    "credits": [EXAMPLE_CREDIT],
    "missing": [],
}


class WantedCredits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The images to credit.

    Attributes:
        ids: up to 100 ids of images.

    """

    ids: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=260)]],
        Meta(min_length=1, max_length=MAX_IDS, examples=[["pexels:2014422"]]),
    ]


class Uncredited(msgspec.Struct, frozen=True, kw_only=True):
    """An image without a credit.

    Attributes:
        id: the id that was given.
        status: why there is none, as in `GET /images`.
        detail: the same for people.

    """

    id: str
    status: LookupStatus
    detail: str | None


class CreditBlock(msgspec.Struct, frozen=True, kw_only=True):
    """The credits of several images, ready to paste.

    Attributes:
        text: one credit a line.
        html: a list.
        markdown: a list.
        credits: each credit, in the order of the ids.
        missing: the images that have none here.

    """

    text: str
    html: str
    markdown: str
    credits: list[Credit]
    missing: list[Uncredited]


@get(
    "/downloads/export",
    opt={"scopes": ("downloads",), "examples": EXAMPLE_EXPORTS},
    tags=["downloads"],
    summary="Export my credits",
)
async def export_credits(
    request: Request[Caller, Any, Any],
    ledger: NamedDependency[Ledger],
    format: Annotated[CreditFormat, QueryParameter(description="The format of the export.")],
    project: Annotated[
        str | None, QueryParameter(max_length=MAX_FILTER, description="Only downloads for this project.")
    ] = None,
) -> Stream:
    """Export the credits of your downloads, newest first, with each provider's wording and links.

    `csv` holds all fields, and no cell that a spreadsheet takes for a formula. `markdown` and `html` are lists to
    paste. `jsonld` has the terms of schema.org and of the IPTC Photo Metadata Standard. The response is streamed.
    """
    pages = ledger.credits(request.user.id, Filters(project=stated(project, "project")))
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name(format)}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Stream(export(pages, format), media_type=media_type(format), headers=headers)


@post(
    "/credits",
    status_code=200,
    opt={
        "scopes": ("search", "downloads"),
        "example": EXAMPLE_BLOCK,
        "body": {"ids": ["pexels:2014422"]},
        "problems": (413, 415),
    },
    tags=["downloads"],
    summary="Credit images without a download",
)
async def credits(
    request: Request[Caller, Any, Any], data: JSONBody[WantedCredits], ledger: NamedDependency[Ledger]
) -> CreditBlock:
    """Make a block of credits for up to 100 images. Nothing is recorded. What is not cached costs an upstream call."""
    ids = list(dict.fromkeys(data.ids))
    found = await look_up_each(ledger.gateway, ids, request.user.id, request.user.providers)
    credits = [credit_of_image(result.image) for result in found.images if result.image is not None]
    return CreditBlock(
        text="".join(f"{credit.text}\n" for credit in credits),
        html=whole(credits, "html"),
        markdown=whole(credits, "markdown"),
        credits=credits,
        missing=[
            Uncredited(id=result.id, status=result.status, detail=result.detail)
            for result in found.images
            if result.image is None
        ],
    )


ROUTES = [export_credits, credits]
