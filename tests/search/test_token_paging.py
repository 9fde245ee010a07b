"""Providers that page by token: walks through the whole server, over restarts, with tokens short and long."""

import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.cache.page_digests import PageDigests, encode
from imagevault.cache.tables import CachedPage
from imagevault.records import Image

PLUGIN = '''
"""Pages by token. The token names the place in the list, padded to the length that the query says."""

import httpx

from imagevault import Image, License, Page, ProviderInfo, Rendition, SearchQuery, hookimpl

SIZE = 4
COUNT = 18


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Tokens",
        base_url="https://api.tokens.example/",
        file_hosts={"files.tokens.example"},
        page_size=SIZE,
        paging="token",
        license=License("own", "Own"),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient) -> Page:
    answer = await http.get("pictures", params={"q": query.text, "after": query.token or "0"})
    answer.raise_for_status()
    found = answer.json()
    return Page([picture(number) for number in found["numbers"]], total=COUNT, next=found["next"])


def picture(number: int) -> Image:
    link = f"https://files.tokens.example/{number}.jpg"
    return Image(id=f"{number}", renditions=[Rendition(name="original", url=link)])
'''
COUNT = 18
ALL = [f"tokens:{number}" for number in range(COUNT)]


class Upstream(httpx.AsyncBaseTransport):
    """A list of numbers, four on a page. `refuses` are the tokens that it takes no more."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.refuses: set[int] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        token = request.url.params["after"]
        self.tokens.append(token)
        place = int(token.partition("-")[0])
        if place in self.refuses:
            return httpx.Response(400, json={"error": "the cursor has expired"})
        numbers = [] if request.url.params["q"] == "gaps" and place == 4 else list(range(COUNT))[place : place + 4]
        length = {"long": 300}.get(request.url.params["q"], 12)
        following = f"{place + 4}-".ljust(length, "x") if place + 4 < COUNT else None
        return httpx.Response(200, json={"numbers": numbers, "next": following})


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def begin(start: Any, upstream: Upstream, tmp_path: Path) -> Any:
    """A starter of servers on one database; a second start is a restart."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "tokens.py").write_text(PLUGIN)

    numbers = itertools.count()

    async def begin(**environ: str) -> Any:
        api = await start({"IMAGEVAULT_PLUGINS_DIR": "plugins", **environ}, transports={"tokens": upstream})
        api.headers = await api.sign_in(f"ada{next(numbers)}")
        return api

    return begin


async def search(api: Any, **parameters: Any) -> httpx.Response:
    """One search, whose pages are stored when it returns."""
    answer: httpx.Response = await api.get("/search", params=parameters, headers=api.headers)
    await api.services.gateway.pages.drain()
    return answer


def ids(answer: httpx.Response) -> list[str]:
    return [image["id"] for image in answer.json()["images"]]


@pytest.mark.parametrize("query", ["short", "long"])
@pytest.mark.parametrize("per_page", [3, 5])
async def test_a_walk_over_restarts_has_no_repeat_and_no_gap(
    begin: Any, upstream: Upstream, query: str, per_page: int
) -> None:
    """A new server with an empty memory answers each page."""
    answer = await search(await begin(), provider="tokens", q=query, per_page=per_page)
    shown = ids(answer)

    while answer.json()["next"]:
        api = await begin()
        answer = await search(api, cursor=answer.json()["next"])
        shown += ids(answer)

    assert shown == ALL
    assert len(upstream.tokens) == len(set(upstream.tokens)) == 5


async def test_an_empty_page_is_not_the_end(begin: Any) -> None:
    answer = await search(await begin(), provider="tokens", q="gaps", per_page=100)

    while answer.json()["next"]:
        shown = ids(answer)
        answer = await search(await begin(), cursor=answer.json()["next"])

    assert shown + ids(answer) == ALL[:4] + ALL[8:]


async def test_page_numbers_are_refused(begin: Any, upstream: Upstream) -> None:
    answer = await search(await begin(), provider="tokens", q="short", page=2)

    assert (answer.status_code, upstream.tokens) == (400, [])
    assert answer.json()["errors"] == [
        {"field": "page", "message": "tokens has no numbered pages; use cursor to continue"}
    ]


async def test_a_long_token_needs_the_page_that_named_it(begin: Any, upstream: Upstream) -> None:
    """Without it, the provider is unavailable, and it is not asked."""
    api = await begin()
    first = await search(api, provider="tokens", q="long", per_page=4)
    await CachedPage.delete(force=True)
    api = await begin()
    called = len(upstream.tokens)

    answer = await search(api, cursor=first.json()["next"])

    assert (answer.status_code, len(upstream.tokens)) == (502, called)
    assert answer.json()["detail"] == (
        "No provider answered. tokens: the place in its list is no longer known; start a new search"
    )


async def test_a_refused_token_is_no_fault_of_the_upstream(begin: Any, upstream: Upstream) -> None:
    """The provider is unavailable, its breaker stays closed, and the place is the same when it answers again."""
    api = await begin()
    first = await search(api, provider="tokens", q="short", per_page=4)
    upstream.refuses = {4}

    answers = [await search(api, cursor=first.json()["next"]) for _ in range(8)]

    assert {answer.status_code for answer in answers} == {502}
    assert {answer.json()["detail"] for answer in answers} == {
        "No provider answered. tokens: Tokens no longer goes on from this page; start a new search"
    }
    upstream.refuses = set()
    assert ids(await search(api, cursor=first.json()["next"])) == ALL[4:8]


async def test_a_place_among_numbered_pages_ends_when_a_provider_pages_by_token(begin: Any, tmp_path: Path) -> None:
    """And the reverse: the cursor would lead elsewhere."""
    plugin = tmp_path / "plugins" / "tokens.py"
    plugin.write_text(PLUGIN.replace('paging="token",', ""))
    numbered = await search(await begin(), provider="tokens", q="short", per_page=4)
    plugin.write_text(PLUGIN)
    api = await begin()
    by_token = await search(api, provider="tokens", q="short", per_page=4)

    answer = await search(api, cursor=numbered.json()["next"])

    assert answer.status_code == 400
    assert "no longer valid: tokens was disabled or changed" in answer.json()["errors"][0]["message"]
    plugin.write_text(PLUGIN.replace('paging="token",', ""))
    assert (await search(await begin(), cursor=by_token.json()["next"])).status_code == 400


async def test_a_picture_of_a_passed_page_is_not_shown_again(begin: Any, upstream: Upstream) -> None:
    """The upstream's list moved on: the second page holds what was on the first. Each server has an empty memory."""
    first = await search(await begin(), provider="tokens", q="short", per_page=4)

    async def shifted(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"numbers": [2, 3, 4, 5], "next": None})

    upstream.handle_async_request = shifted  # type: ignore[method-assign]
    answer = await search(await begin(), cursor=first.json()["next"])

    assert (ids(first), ids(answer)) == (ALL[:4], ALL[4:6])


class TestNextToken:
    def test_stands_behind_the_digests_of_the_images(self) -> None:
        images = [Image(id=f"{number}", identities=[f"flickr:{number}"]) for number in range(3)]

        by_token = PageDigests(1, encode(images, "next"))
        by_number = PageDigests(1, encode(images))

        assert (by_number.next_token, by_token.next_token is None) == (None, False)
        assert by_token.of_passed_page() == by_number.of_passed_page() != set()
        assert by_token.of_first_images(2, 1) < by_token.of_passed_page()
        assert PageDigests(1, encode([], "next")).next_token == by_token.next_token
        assert PageDigests(1, b"").next_token is None
