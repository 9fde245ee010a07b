"""Searches through the whole server, against upstreams simulated over real HTTP."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from imagevault.testing import Answer, Fault, faults
from imagevault.testing.upstreams.pexels import SimulatedPexels


async def search(api: Any, headers: dict[str, str], **params: Any) -> httpx.Response:
    return await api.get("/search", params=params, headers=headers)  # type: ignore[no-any-return]


def status_of(response: httpx.Response, name: str) -> dict[str, Any]:
    return next(each for each in response.json()["providers"] if each["name"] == name)


def ids(response: httpx.Response) -> list[str]:
    return [image["id"] for image in response.json()["images"]]


class TestDefaultChain:
    async def test_goes_on_to_the_first_that_answers(self, start: Any) -> None:
        """With no key for Pexels the local samples answer, and the response says why Pexels did not."""
        api = await start()

        response = await search(api, await api.sign_in(), q="mountain")

        assert response.status_code == 200
        assert status_of(response, "pexels")["status"] == "unconfigured"
        assert "PEXELS_API_KEY" in status_of(response, "pexels")["detail"]
        assert status_of(response, "local")["status"] == "ok"
        assert len(response.json()["images"]) >= 4

    async def test_stops_at_the_first_that_answers(self, start: Any, configured: dict[str, str]) -> None:
        """No results is an answer too; the ones behind are not asked."""
        api = await start(configured)

        response = await search(api, await api.sign_in(), q="nothing")

        assert (response.status_code, ids(response)) == (200, [])
        assert [each["name"] for each in response.json()["providers"]] == ["pexels"]

    async def test_its_cursor_stays_with_the_one_that_answered(self, start: Any, configured: dict[str, str]) -> None:
        """The next page comes from the same provider, also when that is not the first of the chain."""
        api = await start(configured)
        headers = await api.sign_in()
        first = await search(api, headers, q="nature", per_page=5)

        second = await search(api, headers, cursor=first.json()["next"])

        assert {id.partition(":")[0] for id in ids(second)} == {"pexels"}
        assert not set(ids(first)) & set(ids(second))

    async def test_each_has_its_share_of_the_time(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """One that hangs leaves time for the next."""
        api = await start({**configured, "IMAGEVAULT_DEADLINE": "1"})
        pexels.fail(faults.hang())

        response = await search(api, await api.sign_in(), q="mountain")

        assert status_of(response, "pexels")["status"] == "timeout"
        assert status_of(response, "local")["status"] == "ok"
        pexels.heal()


class TestPexels:
    async def test_fills_every_field(self, start: Any, configured: dict[str, str]) -> None:
        """Thirty pictures, each with all that the record promises."""
        api = await start(configured)

        response = await search(api, await api.sign_in(), q="nature", provider="pexels")

        images = response.json()["images"]
        assert len(images) == 30
        for image in images:
            assert image["id"].startswith("pexels:")
            assert image["width"] > 0
            assert image["height"] > 0
            assert image["title"]
            assert image["author"]["name"]
            assert image["author"]["url"].startswith("https://www.pexels.com/")
            assert image["source_url"].startswith("https://www.pexels.com/photo/")
            assert image["license"]["name"] == "Pexels License"
            assert image["attribution"]["text"] == f"Photo by {image['author']['name']} on Pexels"
            assert image["source_url"] in image["attribution"]["html"]
            assert {each["name"] for each in image["renditions"]} >= {"thumbnail", "original"}
            assert all(each["url"].startswith("https://images.pexels.com/") for each in image["renditions"])
        assert response.json()["providers"][0]["total"] == 8000

    async def test_pages_are_cut_out_of_provider_pages(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Ten pages of 8 cost one upstream call, and another per_page shares what is there."""
        api = await start(configured)
        headers = await api.sign_in()
        seen: list[str] = []
        cursor: dict[str, str] = {"q": "nature", "provider": "pexels"}
        for _ in range(10):
            response = await search(api, headers, per_page=8, **cursor)
            seen += ids(response)
            cursor = {"cursor": response.json()["next"]}
        again = await search(api, headers, q="  NATURE ", provider="pexels", per_page=30)

        assert len(set(seen)) == len(seen) == 80
        assert ids(again) == seen[:30]
        assert len(pexels.calls) == 1

    async def test_page_is_a_fixed_range(self, start: Any, configured: dict[str, str]) -> None:
        """Pages by number never overlap, and agree with the walk."""
        api = await start(configured)
        headers = await api.sign_in()

        pages = [await search(api, headers, q="nature", provider="pexels", per_page=50, page=n) for n in (1, 2, 3)]
        walked = await search(api, headers, q="nature", provider="pexels", per_page=100)

        together = [id for page in pages for id in ids(page)]
        assert len(set(together)) == len(together)
        assert together[:100] == ids(walked)

    async def test_walks_to_the_very_end(self, start: Any, configured: dict[str, str]) -> None:
        """Seven pictures in pages of three: 3, 3, 1, and then the end."""
        api = await start(configured)
        headers = await api.sign_in()
        params: dict[str, Any] = {"q": "few", "provider": "pexels", "per_page": 3}
        counts = []
        while params:
            response = await search(api, headers, **params)
            counts.append(len(ids(response)))
            following = response.json()["next"]
            assert (following is not None) == ("link" in response.headers)
            params = {"cursor": following} if following else {}

        assert counts == [3, 3, 1]

    async def test_equal_searches_at_once_are_one_call(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A hundred callers with the same words, differently written, cost one upstream call."""
        api = await start(configured)
        headers = await api.sign_in()
        pexels.fail(faults.delay(0.1))

        answers = await asyncio.gather(
            *(
                search(api, headers, q=("red fox", "RED  FOX", " Red fox ")[n % 3], provider="pexels")
                for n in range(100)
            )
        )

        assert {response.status_code for response in answers} == {200}
        assert len(pexels.calls) == 1

    async def test_native_filters_are_sent_in_its_own_words(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """A hex colour becomes the nearest name that Pexels knows."""
        api = await start(configured)

        response = await search(
            api, await api.sign_in(), q="nature", provider="pexels", orientation="portrait", color="1E90FF", locale="de"
        )

        assert response.status_code == 200, response.text
        query = pexels.calls[-1].query
        assert (query["orientation"], query["color"], query["locale"]) == ("portrait", "blue", "de-DE")
        assert all(image["height"] > image["width"] for image in response.json()["images"])

    async def test_emulates_a_licence_filter(self, start: Any, configured: dict[str, str]) -> None:
        """The Pexels licence allows commercial use, which is emulated; none is public domain, which costs no call."""
        api = await start(configured)
        headers = await api.sign_in()

        commercial = await search(api, headers, q="nature", provider="pexels", license="commercial")
        public = await search(api, headers, q="few", provider="pexels", license="public-domain")

        assert (len(ids(commercial)), public.status_code) == (30, 422)
        assert "all is under the Pexels License" in public.json()["detail"]
        assert status_of(commercial, "pexels")["emulated"] == ["license"]

    async def test_looks_up_one_image(self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]) -> None:
        """By id: what was searched costs no call more, what was not costs one; 404 for none."""
        api = await start(configured)
        headers = await api.sign_in()
        listed = (await search(api, headers, q="nature", provider="pexels", per_page=1)).json()["images"][0]

        found = await api.get(f"/images/{listed['id']}", headers=headers)
        other = await api.get("/images/pexels:900008999", headers=headers)
        missing = await api.get("/images/pexels:1", headers=headers)

        assert found.json() == listed
        assert other.json()["id"] == "pexels:900008999"
        assert missing.status_code == 404
        assert [call.path for call in pexels.calls] == ["/v1/search", "/v1/photos/900008999", "/v1/photos/1"]


FAILURES: list[tuple[Fault | Answer, int, str]] = [
    (Answer({"error": "no"}, 401), 502, "unauthorized"),
    (Answer({"error": "no"}, 403), 502, "unauthorized"),
    (Answer({"code": "Too Many Requests"}, 429), 503, "rate_limited"),
    (Answer({"code": "Too Many Requests"}, 429, {"Retry-After": "17"}), 503, "rate_limited"),
    (Answer("<h1>broken</h1>", 500), 502, "unavailable"),
    (Answer("<h1>down</h1>", 503), 502, "unavailable"),
    (Answer({"error": "not found"}, 404), 502, "invalid_response"),
    (faults.html_page(), 502, "invalid_response"),
    (faults.cut_json(), 502, "invalid_response"),
    (faults.truncated(), 502, "invalid_response"),
    (faults.wrong_types(), 502, "invalid_response"),
    (faults.reset(), 502, "unavailable"),
    (faults.oversized(6_000_000), 502, "invalid_response"),
    (faults.gzip_bomb(200_000_000), 502, "invalid_response"),
    (Answer("", 302, {"Location": "https://elsewhere.example/v1/search"}), 502, "invalid_response"),
    (Answer("", 302, {"Location": "http://169.254.169.254/latest/meta-data"}), 502, "invalid_response"),
]


class TestFailures:
    @pytest.mark.parametrize(("fault", "code", "word"), FAILURES)
    async def test_each_has_its_name(
        self,
        start: Any,
        pexels: SimulatedPexels,
        configured: dict[str, str],
        fault: Fault | Answer,
        code: int,
        word: str,
    ) -> None:
        """Whatever the upstream does: a status for the provider, a problem for the caller, and no key in either."""
        api = await start({**configured, "PEXELS_API_KEY": "a-key-that-must-not-be-seen"})
        pexels.key = "a-key-that-must-not-be-seen"
        pexels.fail(fault)

        response = await search(api, await api.sign_in(), q="nature", provider="pexels")

        assert (response.status_code, status_of(response, "pexels")["status"]) == (code, word)
        assert response.headers["content-type"] == "application/problem+json"
        assert "a-key-that-must-not-be-seen" not in response.text
        assert len(pexels.calls) <= 4

    async def test_retry_after_is_passed_on(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """The seconds that the upstream asks for reach the caller."""
        api = await start(configured)
        pexels.fail(Answer({}, 429, {"Retry-After": "17"}))

        response = await search(api, await api.sign_in(), q="nature", provider="pexels")

        assert response.headers["retry-after"] == "17"
        assert status_of(response, "pexels")["retry_after"] == 17

    async def test_a_hanging_one_times_out_and_its_late_page_is_used(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """504 at the deadline; when the answer comes after all, the next search has it without a call."""
        api = await start({**configured, "IMAGEVAULT_DEADLINE": "0.5"})
        headers = await api.sign_in()
        pexels.fail(faults.hang(), times=1)
        begun = time.monotonic()

        late = await search(api, headers, q="nature", provider="pexels")
        took = time.monotonic() - begun
        pexels.heal()
        await api.services.gateway.pages.drain()
        again = await search(api, headers, q="nature", provider="pexels")

        assert (late.status_code, status_of(late, "pexels")["status"]) == (504, "timeout")
        assert took >= 0.5
        assert again.status_code == 200
        assert status_of(again, "pexels")["cache"] == "hit"

    async def test_unsupported_filters_are_never_ignored(self, start: Any) -> None:
        """422 that names the filter, when the only provider asked can neither do nor emulate it."""
        api = await start()

        response = await search(api, await api.sign_in(), q="mountain", provider="local", color="red")

        assert response.status_code == 422
        assert status_of(response, "local")["status"] == "unsupported"
        assert "color=red" in response.json()["detail"]

    async def test_unsupported_filters_are_the_callers_where_the_rest_has_no_key(self, start: Any) -> None:
        """422, since another filter would find images."""
        api = await start()

        response = await search(api, await api.sign_in(), q="mountain", provider="pexels,local", color="red")

        assert response.status_code == 422
        assert [status_of(response, name)["status"] for name in ("pexels", "local")] == ["unconfigured", "unsupported"]

    async def test_a_provider_that_cannot_search_so_is_no_failure_beside_one_that_waits(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """503 with the wait of the only one that may still answer."""
        api = await start(configured)
        pexels.fail(Answer({"code": "Too Many Requests"}, 429, {"Retry-After": "17"}))

        response = await search(api, await api.sign_in(), q="mountain", provider="pexels,local", color="red")

        assert [status_of(response, name)["status"] for name in ("pexels", "local")] == ["rate_limited", "unsupported"]
        assert (response.status_code, response.headers["retry-after"]) == (503, "17")

    async def test_nobody_configured(self, start: Any) -> None:
        """503, and it says which variable is missing."""
        api = await start()

        response = await search(api, await api.sign_in(), q="fox", provider="pexels")

        assert response.status_code == 503
        assert "PEXELS_API_KEY" in response.json()["detail"]

    async def test_a_switched_off_provider_is_not_there(self, start: Any) -> None:
        """400, with the names that exist."""
        api = await start(toml="[providers.pexels]\nenabled = false\n")

        response = await search(api, await api.sign_in(), q="fox", provider="pexels")

        assert response.status_code == 400
        assert "There are: local" in response.json()["detail"]


FILTERS = {"orientation": "landscape", "sensitive": "exclude"}


class TestNames:
    """The parameter `provider`."""

    @pytest.mark.parametrize("provider", ["local,", ",local", " local ,, ", "local,local", "local , local,"])
    async def test_empty_and_repeated_names_are_ignored(self, start: Any, provider: str) -> None:
        """One provider is searched, once."""
        api = await start()

        response = await search(api, await api.sign_in(), q="fox", provider=provider, page=1)

        assert response.status_code == 200
        assert [status["name"] for status in response.json()["providers"]] == ["local"]

    @pytest.mark.parametrize("provider", ["", ",", " ", " , ,"])
    async def test_no_name_at_all(self, start: Any, provider: str) -> None:
        """400, and the remedy; the default chain is for a search without the parameter."""
        api = await start()

        response = await search(api, await api.sign_in(), q="fox", provider=provider)

        [error] = response.json()["errors"]
        assert response.status_code == 400
        assert error == {
            "field": "provider",
            "message": "must name at least one provider, or be all. There are: local, pexels.",
        }

    @pytest.mark.parametrize("provider", ["all", " all ", "all,", "all,all"])
    async def test_all(self, start: Any, provider: str) -> None:
        """With the cursor of the search too."""
        api = await start(toml="[providers.pexels]\nenabled = false\n")
        headers = await api.sign_in()

        first = await search(api, headers, q="mountain", provider=provider, per_page=1)
        second = await search(api, headers, cursor=first.json()["next"], provider=provider)

        assert (first.status_code, second.status_code) == (200, 200)
        assert [status["name"] for status in first.json()["providers"]] == ["local"]

    @pytest.mark.parametrize("provider", ["all", " all ", "all,"])
    async def test_all_beside_a_cursor(self, start: Any, provider: str) -> None:
        """The cursor knows its providers: one that was switched on since is not part of the walk."""
        api = await start()
        headers = await api.sign_in()
        first = await search(api, headers, q="mountain", provider="local", per_page=1)

        response = await search(api, headers, cursor=first.json()["next"], provider=provider)

        assert response.status_code == 200

    @pytest.mark.parametrize("provider", ["all,local", "local,all"])
    async def test_all_beside_a_name(self, start: Any, provider: str) -> None:
        """400 with the reason, instead of "there is no provider all"."""
        api = await start()

        response = await search(api, await api.sign_in(), q="fox", provider=provider)

        assert response.status_code == 400
        assert response.json()["errors"][0]["message"] == "all must stand alone, because it means every provider"

    @pytest.mark.parametrize("provider", ["", ","])
    async def test_no_name_beside_a_cursor(self, start: Any, provider: str) -> None:
        """The same error as in the search that it repeats."""
        api = await start()
        headers = await api.sign_in()
        first = await search(api, headers, q="mountain", provider="local", per_page=1)

        response = await search(api, headers, cursor=first.json()["next"], provider=provider)

        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "provider"


class TestCursor:
    async def first(self, api: Any, headers: dict[str, str]) -> str:
        response = await search(api, headers, q="mountain", provider="local", per_page=1, **FILTERS)
        return str(response.json()["next"])

    async def test_altered_by_one_character(self, start: Any) -> None:
        """Any other character anywhere makes it nobody's cursor."""
        api = await start()
        headers = await api.sign_in()
        cursor = await self.first(api, headers)

        for position in range(len(cursor)):
            altered = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
            response = await search(api, headers, cursor=altered)
            assert response.status_code == 400, position

    @pytest.mark.parametrize(
        ("repeated", "right"),
        [
            ({"q": "fox"}, False),
            ({"q": "MOUNTAIN"}, True),
            ({"orientation": "portrait"}, False),
            ({"orientation": "landscape"}, True),
            ({"size": "small"}, False),
            ({"sensitive": "include"}, False),
            ({"sensitive": "exclude"}, True),
            ({"license": "any"}, True),
            ({"provider": "pexels"}, False),
            ({"provider": "local"}, True),
            ({"per_page": "2"}, True),
            ({"page": "2"}, False),
        ],
    )
    async def test_what_is_repeated_must_agree(self, start: Any, repeated: dict[str, str], right: bool) -> None:
        """A cursor belongs to its query, filters and providers."""
        api = await start()
        headers = await api.sign_in()

        response = await search(api, headers, cursor=await self.first(api, headers), **repeated)

        assert response.status_code == (200 if right else 400), response.text

    async def test_a_provider_that_is_gone(self, start: Any) -> None:
        """A cursor that was given while a provider was on is refused once it is off."""
        api = await start()
        cursor = await self.first(api, await api.sign_in())
        later = await start(toml="[providers.local]\nenabled = false\n")

        response = await search(later, await later.sign_in("bob"), cursor=cursor)

        assert response.status_code == 400
        assert "local" in response.json()["detail"]


class TestOpenSearch:
    async def test_needs_an_account_unless_opened(self, start: Any) -> None:
        """`search = "open"` lets anyone search, but not with a credential that is no longer good."""
        closed = await start()
        opened = await start({"IMAGEVAULT_SEARCH": "open"})

        assert (await search(closed, {}, q="mountain")).status_code == 401
        assert (await search(opened, {}, q="mountain")).status_code == 200
        assert (await search(opened, {"Authorization": "Bearer old"}, q="mountain")).status_code == 401


class TestMedia:
    async def link(self, api: Any) -> str:
        response = await search(api, await api.sign_in(), q="mountain", provider="local", per_page=1)
        return str(response.json()["images"][0]["renditions"][0]["url"])

    async def test_a_link_opens_without_a_credential(self, start: Any) -> None:
        """A real picture, with its own type, cacheable by anyone, and nothing else of it can run."""
        api = await start()

        response = await api.get(await self.link(api))

        assert response.status_code == 200
        assert response.headers["content-type"] in {"image/jpeg", "image/png", "image/webp"}
        assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert response.headers["cache-control"].startswith("public, max-age=")
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("/thumbnail/", "/original/"),
            ("expires=", "expires=9"),
            ("signature=", "signature=A"),
            ("/media/local", "/media/pexels"),
            (".jpg?", ".jpg%2f..%2fx?"),
        ],
    )
    async def test_an_altered_link_does_not(self, start: Any, old: str, new: str) -> None:
        """What a link was not given for is refused."""
        api = await start()
        link = await self.link(api)
        altered = link.replace(old, new)
        assert altered != link

        assert (await api.get(altered)).status_code == 403

    async def test_a_link_ends(self, start: Any) -> None:
        """Good for a day at least, and not for ever."""
        api = await start()
        link = await self.link(api)
        media = api.services.gateway.links
        now = time.time()

        media._clock = lambda: now + 24 * 3600
        assert (await api.get(link)).status_code == 200
        media._clock = lambda: now + 48 * 3600
        assert (await api.get(link)).status_code == 403


class TestProviders:
    async def test_tells_what_each_can_do(self, start: Any) -> None:
        """State, filters and notice for everyone; why one is not ready for admins only."""
        api = await start(toml='[providers.pexel]\napi_key = "x"\n')

        users = (await api.get("/providers", headers=await api.sign_in("bob"))).json()
        admins = (await api.get("/providers", headers=await api.sign_in("ada", admin=True))).json()

        pexels = next(each for each in users["providers"] if each["name"] == "pexels")
        assert (pexels["state"], pexels["reason"]) == ("unconfigured", None)
        assert pexels["notice"] == "Photos provided by Pexels"
        assert pexels["filters"]["orientation"] == ["landscape", "portrait", "square"]
        assert pexels["emulated"] == ["license"]
        reasons = {each["name"]: each["reason"] for each in admins["providers"]}
        assert "PEXELS_API_KEY is not set" in reasons["pexels"]
        assert (users["problems"], admins["problems"]) == (
            [],
            ["[providers.pexel]: there is no such provider. Did you mean pexels?"],
        )
