"""Bare URLs whose image its provider knows: by the page or a file, from the cache or by one look-up."""

from typing import Any

import httpx
import pytest

from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.testing import faults
from imagevault.testing.simulated import SIMULATED, environment
from imagevault.testing.upstreams.pexels import SimulatedPexels

WORDS = {"title": "Mine", "author": "Me", "license": "All mine"}


@pytest.fixture
async def api(start: Any, configured: dict[str, str]) -> Any:
    return await start(configured)


async def take(api: Any, headers: dict[str, str], **body: str) -> dict[str, Any]:
    answer = await api.post("/download", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def test_is_recorded_as_the_image(api: Any, pexels: SimulatedPexels) -> None:
    """As by its id: from the cache without a call. What the caller says does not count against the record."""
    headers = await api.sign_in()
    search = await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=headers)
    image = search.json()["images"][0]
    by_id = await take(api, headers, image=image["id"])
    calls = len(pexels.calls)
    small = next(rendition for rendition in image["renditions"] if rendition["name"] == "small")
    other_size = f"{small['url'].partition('?')[0]}?w=123"

    page = await take(api, headers, url=f"{image['source_url']}?utm_source=x", **WORDS)
    file = await take(api, headers, url=small["url"])
    other = await take(api, headers, url=other_size)

    same = ("image", "provider", "title", "author", "license", "attribution", "passport", "stated_by_caller")
    for record in (page, file, other):
        assert {name: record[name] for name in same} == {name: by_id[name] for name in same}
    assert (page["url"], page["rendition"]) == (by_id["url"], by_id["rendition"])
    assert (file["url"], file["rendition"], file["width"]) == (small["url"], "small", small["width"])
    assert (other["url"], other["rendition"], other["width"]) == (other_size, None, None)
    assert len(pexels.calls) == calls
    assert (await api.get(f"/downloads/{page['id']}", headers=headers)).json()["record"]


async def test_costs_one_look_up_where_nothing_is_cached(api: Any, pexels: SimulatedPexels) -> None:
    headers = await api.sign_in()
    asking = {"Authorization": pexels.key, "User-Agent": "a test"}
    async with httpx.AsyncClient(base_url=pexels.url, headers=asking) as client:
        found = (await client.get("search?query=fox")).json()["photos"][0]
    pexels.calls.clear()

    record = await take(api, headers, url=f"https://www.pexels.com/de-de/foto/other-words-{found['id']}/")
    page = await take(api, headers, url=found["url"])

    assert record["image"] is None  # not the address of a photo's page that this knows
    assert page["image"] == f"pexels:{found['id']}"
    assert len(pexels.calls) == 1


PAGES = {
    "artic": "/a-title-of-the-museum",
    "europeana": "?lang=de",
    "met": "?ft=fox",
    "smk": "",
    "wellcome": "",
}


@pytest.mark.parametrize("name", PAGES)
async def test_is_known_by_the_page_of_a_museum(start: Any, name: str) -> None:
    """With what a browser adds to its address. Here nothing is cached, and one look-up finds it."""
    plenty = {f"{name.upper()}_ENABLED": "true", "MET_QUOTA": "1000/second, 100000/minute"}
    with SIMULATED[name]() as upstream:
        environ = environment(name, upstream) | plenty
        api = await start(environ)
        headers = await api.sign_in()
        search = await api.get("/search", params={"q": "fox", "provider": name}, headers=headers)
        image = search.json()["images"][0]
        api.services.database.use()
        await api.services.gateway.pages.drain()
        await CachedPage.delete(force=True)
        await CachedImage.delete(force=True)
        again = await start(environ)

        record = await take(again, headers, url=image["source_url"] + PAGES[name], **WORDS)

    assert (record["image"], record["title"]) == (image["id"], image["title"])


ADDRESSES = [
    ("pexels", "https://www.pexels.com/photo/{id}/"),
    ("pexels", "https://www.pexels.com/photo/other-words-{id}/"),
    ("pexels", "https://www.pexels.com/de-de/photo/other-words-{id}/"),
    ("flickr", "https://www.flickr.com/photos/alias/{id}/"),
    ("flickr", "https://www.flickr.com/photos/alias/{id}/in/photostream/"),
    ("pixabay", "https://pixabay.com/de/photos/andere-{id}/"),
    ("pixabay", "https://pixabay.com/photos/id-{id}/"),
    ("unsplash", "https://unsplash.com/photos/other-words-{id}"),
    ("wikimedia", "https://commons.wikimedia.org/w/index.php?curid={id}"),
]


@pytest.mark.parametrize(("name", "address"), ADDRESSES)
async def test_every_page_of_an_image_stands_for_its_file(start: Any, name: str, address: str) -> None:
    """A photo's page has several addresses: of other words, in other languages. None of them is a file."""
    with SIMULATED[name]() as upstream:
        api = await start(environment(name, upstream) | {f"{name.upper()}_ENABLED": "true"})
        headers = await api.sign_in()
        search = await api.get("/search", params={"q": "fox", "provider": name}, headers=headers)
        image = search.json()["images"][0]
        by_id = await take(api, headers, image=image["id"])

        record = await take(api, headers, url=address.format(id=image["id"].partition(":")[2]))

    same = ("image", "url", "rendition", "width", "height")
    assert {key: record[key] for key in same} == {key: by_id[key] for key in same}


async def test_stays_as_the_caller_says_where_the_provider_does_not_know_it(api: Any, pexels: SimulatedPexels) -> None:
    """An unknown id, a provider that is down, an odd address, and a provider that is not there."""
    headers = await api.sign_in()
    pexels.fail(faults.reset())
    for url in (
        "https://www.pexels.com/photo/lily-999999999999999/",
        "https://images.pexels.com/photos/999999999999999/x.jpeg",
        "https://www.pexels.com/photo/lily/",
        "https://www.flickr.com/photos/ann/15218475961",
    ):
        record = await take(api, headers, url=url, **WORDS)

        assert (record["url"], record["image"], record["title"]) == (url, None, "Mine")
        assert record["stated_by_caller"] == ["title", "author", "license"]


async def test_a_key_of_other_providers_may_not(api: Any, pexels: SimulatedPexels) -> None:
    headers = await api.sign_in()
    wanted = {"name": "x", "scopes": ["downloads"], "providers": ["local"]}
    key = (await api.post("/api-keys", json=wanted, headers=headers)).json()["key"]

    answer = await api.post(
        "/download",
        json={"url": "https://www.pexels.com/photo/lily-2014422/"},
        headers={"Authorization": f"Bearer {key}"},
    )

    assert (answer.status_code, pexels.calls) == (403, [])
