"""Graph: a museum whose search is GraphQL by POST, with pages that name the next one by a cursor."""

from collections.abc import Mapping
from typing import TypeVar

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    InvalidResponse,
    License,
    Page,
    Parameter,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    Terms,
    decode,
    decode_each,
    hookimpl,
)

T = TypeVar("T")

FIELDS = "id title maker rights width height"
SEARCH = (
    "query Search($text: String!, $first: Int!, $after: String, $order: Order, $shape: Shape, $material: Material) {"
    " objects(text: $text, first: $first, after: $after, order: $order, shape: $shape, material: $material) {"
    f" total nodes {{ {FIELDS} }} cursor more }} }}"
)
LOOKUP = f"query Lookup($id: ID!) {{ object(id: $id) {{ {FIELDS} }} }}"
REPEATABLE = {"imagevault": {"retry": True}}  # a query changes nothing at the museum


class Settings(msgspec.Struct, frozen=True):
    api_key: str


class _Object(msgspec.Struct):
    id: str
    title: str
    maker: str | None
    rights: str
    width: int
    height: int


class _Objects(msgspec.Struct):
    total: int
    nodes: list[msgspec.Raw]
    cursor: str | None
    more: bool


class _Found(msgspec.Struct):
    objects: _Objects


class _LookedUp(msgspec.Struct):
    object: _Object | None


class _Problem(msgspec.Struct):
    message: str


class _Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Problem] = []


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Graph Museum",
        homepage="https://graph.example",
        base_url="https://api.graph.example/",
        settings=Settings,
        page_size=10,
        paging="token",
        filters={"orientation": {"landscape": "WIDE"}},
        sorts={"relevance": "BEST", "newest": "YOUNGEST_FIRST"},
        parameters={
            "material": Parameter(description="What the object is made of.", values=["clay", "silk"]),
            "century": Parameter(description="When it was made.", pattern="[0-9]{1,2}", example="19"),
        },
        quotas=[Quota(100, "hour", remaining="X-Left")],
        credit="{title} by {author}, {license}",
        file_hosts={"files.graph.example"},
        terms=Terms(url="https://graph.example/terms", checked_on="2026-11-22"),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    variables = {
        "text": query.text,
        "first": query.per_page,
        "after": query.token,
        "shape": query.native.get("orientation"),
        "order": query.native.get("sort"),
        **query.parameters,
    }
    found = await _ask(http, settings, SEARCH, variables, _Found)
    objects = found.objects
    nodes = decode_each(objects.nodes, _Object)
    return Page(
        [_image(node) for node in nodes],
        total=objects.total,
        next=objects.cursor if objects.more else None,
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    found = await _ask(http, settings, LOOKUP, {"id": image_id}, _LookedUp)
    return None if found.object is None else _image(found.object)


async def _ask(
    http: httpx.AsyncClient, settings: Settings, document: str, variables: Mapping[str, object], type: type[T]
) -> T:
    """Return the `data` of the answer to a query.

    Raises:
        InvalidResponse: the answer has errors, which GraphQL reports with status 200.

    """
    response = await http.post(
        "graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {settings.api_key}"},
        extensions=REPEATABLE,
    )
    answer = decode(response, _Answer)
    if answer.errors:
        raise InvalidResponse(f"Graph Museum did not understand the query: {answer.errors[0].message}")
    return msgspec.json.decode(answer.data, type=type)


def _image(node: _Object) -> Image:
    return Image(
        id=node.id,
        title=node.title,
        width=node.width,
        height=node.height,
        author=Author(node.maker) if node.maker else None,
        source_url=f"https://graph.example/objects/{node.id}",
        license=_license(node.rights),
        renditions=[
            Rendition(
                name="original",
                url=f"https://files.graph.example/{node.id}.jpg",
                width=node.width,
                height=node.height,
            )
        ],
    )


def _license(rights: str) -> License:
    """The museum gives the address of a licence, or words: `No known restrictions`, `Copyright undetermined`."""
    if rights == "No known restrictions":
        return License.public_domain(rights, "https://graph.example/rights")
    return License.from_url(rights) or License.unknown(rights)
