"""The page of a search at `/`, as the server sends it; browsers see it in tests/browser."""

import asyncio
import gzip
import html
import re
from typing import Any

import httpx
import pytest

from imagevault.errors import DatabaseUnavailable
from imagevault.testing import Answer, faults
from imagevault.testing.upstreams.pexels import SimulatedPexels

OPEN = {"IMAGEVAULT_SEARCH": "open"}
BUDGET = 25 * 1024  # bytes of HTML, style and script together, as gzip


def policy_of(response: httpx.Response) -> dict[str, set[str]]:
    parts = (part.split() for part in response.headers["content-security-policy"].split(";"))
    return {name: set(values) for name, *values in parts}


def offers(text: str) -> dict[str, str]:
    """What the page of a search that did not work offers: words -> address."""
    message = text[text.index('<section id="found" class="message"') :]
    return {words: html.unescape(address) for address, words in re.findall(r'<li><a href="([^"]*)">([^<]*)', message)}


class TestStart:
    async def test_says_that_an_account_is_needed_where_it_is(self, start: Any) -> None:
        api = await start()

        response = await api.get("/", params={"q": "fox"})

        assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Searching here needs an account" in response.text
        assert 'class="tile"' not in response.text
        assert "<form" not in response.text

    async def test_has_a_form_where_anyone_may_search(self, start: Any) -> None:
        api = await start(OPEN)

        text = (await api.get("/")).text

        assert '<form class="search" method="get" action="/"' in text
        assert 'value="local"' in text
        assert "not set up" in text  # Pexels, which has no key here
        assert "One search over many picture collections" in text

    async def test_an_account_searches_where_others_may_not(self, start: Any) -> None:
        api = await start()

        response = await api.get("/", params={"q": "fox", "provider": "local"}, headers=await api.sign_in())

        assert 'href="/picture/local:fox-in-snow.jpg"' in response.text

    async def test_every_address_in_it_is_here(self, start: Any) -> None:
        api = await start(OPEN)

        addresses = set(re.findall(r'(?:src|href)="(/[^"]*)"', (await api.get("/")).text))

        assert len(addresses) > 6
        for address in addresses:
            assert (await api.get(address)).status_code == 200, address

    async def test_is_no_part_of_the_api(self, start: Any) -> None:
        api = await start(OPEN)

        assert not {"/", "/picture/{id}"} & set((await api.get("/docs/openapi.json")).json()["paths"])

    @pytest.mark.parametrize(("method", "path", "status"), [("POST", "/", 405), ("GET", "/x", 404)])
    async def test_what_is_no_page_is_still_a_problem(self, start: Any, method: str, path: str, status: int) -> None:
        api = await start(OPEN)

        answer = await api.client.request(method, path)

        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


class TestFound:
    async def test_shows_pictures_with_author_and_licence(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        api = await start({**OPEN, **configured})
        found = (await api.get("/search", params={"q": "red fox"})).json()["images"][0]

        text = (await api.get("/", params={"q": "red fox"})).text

        assert text.count('class="tile"') == 30
        assert f'<img src="{found["preview"]["url"].replace("&", "&amp;")}"' in text
        assert found["author"]["name"] in text
        assert "Pexels License" in text
        assert "Photos provided by Pexels" in text

    async def test_more_pictures_are_those_of_the_next_page(self, start: Any, configured: dict[str, str]) -> None:
        """Walking by the links shows what the API shows, without script."""
        api = await start({**OPEN, **configured, "PEXELS_TIMEOUT": "20"})
        shown: list[str] = []
        address = "/?q=red+fox&provider=pexels"
        for _ in range(3):
            text = (await api.get(address)).text
            shown += re.findall(r'class="tile" href="/picture/([^"?]*)', text)
            address = re.findall(r'rel="next" href="([^"]*)"', text)[0].replace("&amp;", "&")

        found = (await api.get("/search", params={"q": "red fox", "provider": "pexels", "per_page": 90})).json()

        assert shown == [image["id"] for image in found["images"]]

    async def test_each_provider_may_be_a_parameter_of_its_own(self, start: Any, configured: dict[str, str]) -> None:
        """That is how a form without script sends them. Parameters that links collect on their way are ignored."""
        api = await start({**OPEN, **configured})

        text = (await api.get("/?q=fox&provider=pexels&provider=local&utm_source=x&orientation=&locale=")).text

        assert "<b>Pexels</b> has" in text
        assert "<b>Local library</b> has" in text
        assert 'value="local" checked' in text

    async def test_says_what_a_failing_provider_did(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        api = await start({**OPEN, **configured})
        pexels.fail(Answer("<h1>down</h1>", 503))

        text = (await api.get("/?q=fox&provider=pexels&provider=local")).text

        assert "</span> from 1 provider, 1 did not answer</summary>" in text
        assert "<b>Pexels</b> cannot be reached" in text
        assert 'href="/picture/local:fox-in-snow.jpg"' in text

    async def test_one_that_cannot_be_asked_did_not_fail(self, start: Any, configured: dict[str, str]) -> None:
        """It lacks a filter, or its key. Those that answered are counted as the source of the pictures."""
        api = await start({**OPEN, **configured, "PIXABAY_ENABLED": "true"})

        text = (await api.get("/?q=fox&provider=pexels&provider=local&provider=pixabay&color=red")).text
        few = (await api.get("/?q=fox&provider=local&provider=pixabay")).text

        assert "</span> from 1 provider, 1 cannot search like this, 1 is not set up</summary>" in text
        assert '<li class="unasked"><b>Local library</b> cannot search like this: Colour red is not possible' in text
        assert "</span> from 1 provider, 1 is not set up</summary>" in few
        assert "did not answer" not in text + few

    async def test_a_hostile_title_is_text(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        title = "</b><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"

        def change(content: Any) -> Any:
            for photo in content["photos"]:
                photo["alt"] = title
            return content

        api = await start({**OPEN, **configured})
        pexels.fail(faults.changed(change))

        text = (await api.get("/", params={"q": title})).text

        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 30

    async def test_helps_where_nothing_is_found(self, start: Any) -> None:
        api = await start(OPEN)

        text = (await api.get("/?q=fox&provider=local&orientation=portrait")).text

        assert "No picture matches" in text
        assert 'href="/?q=fox&amp;provider=local"' in text  # without the filter
        assert 'href="/?q=fox&amp;provider=all&amp;orientation=portrait"' in text

    async def test_helps_where_no_provider_answers(self, start: Any) -> None:
        api = await start(OPEN)

        text = (await api.get("/?q=fox&provider=pexels")).text

        assert "None of the providers could answer" in text
        assert "PEXELS_API_KEY" in text
        assert offers(text) == {"Search all providers": "/?q=fox&provider=all"}

    async def test_offers_another_try_where_a_provider_may_answer_then(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """The same page of the same search."""
        api = await start({**OPEN, **configured})
        whole_page = (await api.get("/search?q=fox&provider=pexels&per_page=80")).json()  # what follows is not kept
        address = f"/?q=fox&provider=pexels&cursor={whole_page['next']}"
        pexels.fail(Answer("<h1>down</h1>", 503))

        first = (await api.get("/?q=bear&provider=pexels&orientation=portrait")).text
        later = (await api.get(address)).text

        assert offers(first) == {
            "Try again": "/?q=bear&provider=pexels&orientation=portrait",
            "Search without the filters": "/?q=bear&provider=pexels",
            "Search all providers": "/?q=bear&provider=all&orientation=portrait",
        }
        assert offers(later)["Try again"] == address

    async def test_offers_no_other_try_where_no_provider_can_search_so(self, start: Any) -> None:
        api = await start(OPEN)

        text = (await api.get("/?q=fox&provider=local&color=red")).text

        assert "The search did not work" in text
        assert offers(text) == {
            "Search without the filters": "/?q=fox&provider=local",
            "Search all providers": "/?q=fox&provider=all&color=red",
        }

    @pytest.mark.parametrize(
        ("query", "label", "offered"),
        [
            ("q=fox&color=nocolor", "Colour: must be", {"Search without the filters": "/?q=fox"}),
            ("q=fox&orientation=round", "Orientation: must be", {"Search without the filters": "/?q=fox"}),
            ("q=x&cursor=nonsense", "cursor: ", {"Start the search again": "/?q=x"}),
            ("q=fox&provider=none", "Providers: there is no", {"Search all providers": "/?q=fox&provider=all"}),
            (f"q={'fox+' * 60}&color=red", "Words: must have at most 200", {}),
        ],
    )
    async def test_says_what_is_wrong_with_the_search_and_offers_what_helps(
        self, start: Any, query: str, label: str, offered: dict[str, str]
    ) -> None:
        api = await start(OPEN)

        response = await api.get(f"/?{query}")

        assert (response.status_code, response.headers["content-type"]) == (400, "text/html; charset=utf-8")
        assert "The search did not work" in response.text
        assert f"<p>{label}" in response.text
        assert offers(response.text) == offered
        assert '<form class="search"' in response.text
        assert 'value="local"' in response.text  # the providers to choose from

    async def test_blanks_are_no_search(self, start: Any) -> None:
        api = await start(OPEN)

        response = await api.get("/?q=%20")

        assert response.status_code == 200
        assert "The search did not work" not in response.text


class TestDatabaseAway:
    """The page says it in words. While nothing is sent, the status says it too."""

    @pytest.fixture
    async def api(self, start: Any) -> Any:
        return await start(OPEN)

    @pytest.mark.parametrize("address", ["/", "/?q=fox&provider=local&orientation=portrait"])
    async def test_before_the_form_is_sent(self, api: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        async def away() -> None:
            raise DatabaseUnavailable("could not connect to server db.internal:5432")

        monkeypatch.setattr(api.services.gateway.limiter, "refresh", away)

        response = await api.get(address)

        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.text.startswith("<!DOCTYPE html>")
        assert response.text.rstrip().endswith("</html>")
        assert '<form class="search"' in response.text
        assert response.text.index("<form") < response.text.index("The database does not answer")
        assert ('value="fox"' in response.text) == ("fox" in address)
        assert "db.internal" not in response.text

    async def test_after_the_form_is_sent(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(*_: Any) -> None:
            raise DatabaseUnavailable("could not connect to server db.internal:5432")

        monkeypatch.setattr(api.services.gateway, "search", away)

        response = await api.get("/?q=fox&provider=local")

        assert response.status_code == 200
        assert "The database does not answer" in response.text
        assert response.text.rstrip().endswith("</html>")
        assert "db.internal" not in response.text


class TestResponse:
    async def test_its_policy_lets_in_its_own_style_and_the_hosts_of_the_providers_asked(self, start: Any) -> None:
        api = await start({**OPEN, "PEXELS_API_KEY": "test-key-of-pexels"})

        policies = {
            chosen: policy_of(await api.get("/", params={"provider": chosen})) for chosen in ("pexels", "local")
        }

        assert policies["pexels"]["img-src"] == {"'self'", "https://images.pexels.com"}
        assert policies["local"]["img-src"] == {"'self'", "http://127.0.0.1:8000"}
        for policy in policies.values():
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
            assert policy["script-src"] == policy["connect-src"] == policy["form-action"] == {"'self'"}
            assert [source[:8] for source in policy["style-src"]] == ["'sha256-"]
            assert policy["require-trusted-types-for"] == {"'script'"}

    async def test_is_small(self, start: Any, configured: dict[str, str]) -> None:
        """Page, style and scripts together stay below 25 KB as gzip, with thirty pictures."""
        api = await start({**OPEN, **configured})
        page = await api.get("/", params={"q": "red fox"})
        scripts = set(re.findall(r'"(/assets/[^"]*\.js)"', page.text))

        sizes = [len(gzip.compress((await api.get(address)).content)) for address in scripts]

        assert len(scripts) >= 5
        assert len(gzip.compress(page.content)) + sum(sizes) < BUDGET

    async def test_the_form_comes_before_the_providers_answer(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str], raw_scope: Any
    ) -> None:
        """Also as gzip: what is sent first can be read first."""
        api = await start({**OPEN, **configured})
        pexels.fail(faults.hang())
        sent: list[bytes] = []

        ended = asyncio.Event()
        received = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in received:
                return message
            await ended.wait()
            return {"type": "http.disconnect"}

        async def keep(message: Any) -> None:
            if not message.get("more_body", True):
                ended.set()
            if message["type"] == "http.response.body" and message["body"]:
                sent.append(message["body"])
                if len(sent) == 1:
                    assert b"<form" in gzip.zlib.decompressobj(31).decompress(message["body"])  # type: ignore[attr-defined]
                    pexels.heal()

        app = api.client._transport.app
        headers = [(b"host", b"127.0.0.1:8000"), (b"accept-encoding", b"gzip, br")]
        await app(raw_scope(headers, path="/", query_string=b"q=fox&provider=pexels"), receive, keep)

        assert b"</html>" in gzip.decompress(b"".join(sent))

    async def test_assets_are_kept_for_ever_under_their_version_only(self, start: Any) -> None:
        api = await start(OPEN)
        address = re.findall(r'"(/assets/[^"]*page\.js)"', (await api.get("/")).text)[0]

        current = await api.get(address)
        other = await api.get("/assets/000000000000/page.js")

        assert current.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert other.headers["cache-control"] == "no-cache"
        assert current.content == other.content
        assert (await api.get("/assets/000000000000/..%2fpage.css")).status_code == 404
