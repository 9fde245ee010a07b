"""Pages of records that are as long as they may be."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import msgspec

from imagevault.cache.keys import PageKey
from imagevault.records import Page

PLUGIN = """
from imagevault import Author, Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl

LONG = "https://files.long.example/" + "%41" * 650


@hookimpl
def provider_info() -> ProviderInfo:
    hosts = {"files.long.example"}
    return ProviderInfo(title="Long", base_url="https://api.long.example/", page_size=100, file_hosts=hosts)


@hookimpl
async def search_images(query: SearchQuery) -> Page:
    images = [
        Image(
            id=str(number),
            title="\\u202et" * 300,
            description="\\u202ed" * 5000,
            source_url=f"{LONG}?page={number}",
            author=Author("Ann", LONG),
            renditions=[Rendition(name="original", url=f"{LONG}?file={number}-{file}") for file in range(20)],
        )
        for number in range(1 if query.text == "one" else 100)
    ]
    return Page(images, last=True)
"""


async def turns_during(work: Awaitable[Page]) -> tuple[Page, int]:
    """Await some work; return its result, and how often other tasks could run in the meantime."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    page = await work
    counting.cancel()
    return page, turns


async def test_others_run_while_long_records_are_sanitized(start: Any, tmp_path: Path) -> None:
    """Sanitizing them takes half a second. A page of one record shows how often they run anyway."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "long.py").write_text(PLUGIN)
    api = await start({"IMAGEVAULT_PLUGINS_DIR": "plugins"})
    gateway = api.services.gateway
    provider = gateway.providers["long"]
    key = PageKey(provider="long", text="all", native=(), size=100, page=1)
    one = msgspec.structs.replace(key, text="one")

    short, few = await turns_during(gateway.pages.fetch(provider, one, 20))
    long, many = await turns_during(gateway.pages.fetch(provider, key, 20))

    assert (len(short.images), len(long.images)) == (1, 100)
    assert many >= few + 10


GENEROUS = """
import msgspec

from imagevault import Image, Page, ProviderInfo, Rendition, decode_each, hookimpl

SENT = [msgspec.Raw(b"1")] * 40_000


@hookimpl
def provider_info() -> ProviderInfo:
    hosts = {"files.generous.example"}
    return ProviderInfo(title="Generous", base_url="https://api.generous.example/", page_size=200, file_hosts=hosts)


def image(read: list[int]) -> Image:
    return Image(
        id="1",
        title=f"{len(read)} were read",
        renditions=[Rendition(name="original", url="https://files.generous.example/1.jpg")],
    )


@hookimpl
async def search_images() -> Page:
    return Page([image(decode_each(SENT, int))], last=True)


@hookimpl
async def fetch_image() -> Image:
    return image(decode_each(SENT, int))
"""


async def test_records_that_nobody_asked_for_cost_nothing(start: Any, tmp_path: Path) -> None:
    """An answer of 5 MB may hold 40 000 of them."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "generous.py").write_text(GENEROUS)
    api = await start({"IMAGEVAULT_PLUGINS_DIR": "plugins"})
    pages = api.services.gateway.pages
    provider = api.services.gateway.providers["generous"]

    page = await pages.fetch(provider, PageKey(provider="generous", text="x", native=(), size=200, page=1), 20)
    looked_up = await pages.fetch_image(provider, "1", 20)

    assert page.images[0].title == "400 were read"
    assert looked_up.title == "100 were read"
