"""The route of pictures that this server passes on for its pages (`private_display`)."""

from typing import Annotated

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from imagevault.search.gateway import Gateway
from imagevault.web.passing_on import PictureReader

KEPT = "private, max-age=3600"  # by the browser of the reader


@get("/media/{provider:str}", opt={"open": True}, include_in_schema=False)
async def pass_on(
    gateway: NamedDependency[Gateway],
    picture_reader: NamedDependency[PictureReader],
    provider: Annotated[str, PathParameter()],
    id: Annotated[str, QueryParameter()],
    url: Annotated[str, QueryParameter()],
    expires: Annotated[int, QueryParameter()],
    signature: Annotated[str, QueryParameter()],
) -> Response[bytes]:
    """Send a picture by the signed link on a page. The link is the credential."""
    gateway.links.check_passed_on(provider, id, url, expires, signature)
    picture = await picture_reader.read(provider, id, url)
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(picture.content, media_type=picture.media_type, headers=headers)


ROUTES = [pass_on]
