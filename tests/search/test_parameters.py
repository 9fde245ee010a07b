"""Orders, and parameters that single providers have: through the whole server, to the upstream and back."""

from typing import Any

import httpx
import pytest

from imagevault.testing.upstreams.pixabay import SimulatedPixabay


@pytest.fixture
async def api(start: Any) -> Any:
    """A server with Pixabay, which has a parameter and orders, and the local samples, which have none."""
    with SimulatedPixabay() as pixabay:
        environ = {
            "PIXABAY_API_KEY": pixabay.key,
            "PIXABAY_ENABLED": "true",
            "PIXABAY_TIMEOUT": "30",
            "PIXABAY_BASE_URL": pixabay.url,
        }
        api = await start(environ)
        api.pixabay = pixabay
        api.headers = await api.sign_in()
        yield api


async def search(api: Any, **parameters: Any) -> httpx.Response:
    answer: httpx.Response = await api.get("/search", params={"q": "cat", **parameters}, headers=api.headers)
    await api.services.gateway.pages.drain()
    return answer


def asked(api: Any) -> list[dict[str, str]]:
    return [dict(call.query) for call in api.pixabay.calls]


class TestParameters:
    async def test_reach_their_provider_alone_and_belong_to_the_walk(self, api: Any) -> None:
        """The cursor carries them; another value is another page."""
        parameters = {"provider": "pixabay,local", "pixabay.category": "animals", "per_page": 5}
        first = await search(api, **parameters)
        second = await search(api, cursor=first.json()["next"], **{"pixabay.category": "animals"})
        other = await search(api, cursor=first.json()["next"], **{"pixabay.category": "food"})
        without = await search(api, provider="pixabay")

        assert [answer.status_code for answer in (first, second, other, without)] == [200, 200, 400, 200]
        assert [call.get("category") for call in asked(api)] == ["animals", None]

    @pytest.mark.parametrize(
        ("parameters", "field", "message"),
        [
            (
                {"provider": "local", "pixabay.category": "animals"},
                "pixabay.category",
                "pixabay is not asked in this search; name it in provider, or leave this out",
            ),
            ({"provider": "pixabay", "pixabay.category": "cats"}, "pixabay.category", "must be one of backgrounds,"),
            ({"provider": "pixabay", "pixabay.category": "a" * 101}, "pixabay.category", "must have at most 100"),
            (
                {"provider": "pixabay", "pixabay.categoy": "animals"},
                "pixabay.categoy",
                "pixabay has no parameter categoy. Did you mean category?",
            ),
            ({"provider": "local", "local.x": "1"}, "local.x", "local has no parameter x."),
            ({"pixabay.category": "animals"}, "pixabay.category", "pixabay is not asked in this search"),
            ({"provider": "pixabay", "Pixabay.category": "a"}, "Pixabay.category", "there is no such parameter."),
        ],
    )
    async def test_that_are_wrong(self, api: Any, parameters: dict[str, str], field: str, message: str) -> None:
        answer = await search(api, **parameters)

        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert error["field"] == field
        assert error["message"].startswith(message)
        assert asked(api) == []

    async def test_are_given_once(self, api: Any) -> None:
        url = "/search?q=cat&provider=pixabay&pixabay.category=food&pixabay.category=animals"

        assert (await api.get(url, headers=api.headers)).status_code == 400

    async def test_are_in_the_api_document_and_the_provider_list(self, api: Any) -> None:
        document = (await api.get("/docs/openapi.json")).json()
        listed = (await api.get("/providers", headers=api.headers)).json()["providers"]

        described = {each["name"]: each for each in document["paths"]["/search"]["get"]["parameters"]}
        assert "animals" in described["pixabay.category"]["schema"]["enum"]
        [pixabay] = [each for each in listed if each["name"] == "pixabay"]
        assert "animals" in pixabay["parameters"]["category"]["values"]
        assert (pixabay["sorts"], pixabay["paging"], pixabay["aggregator"]) == (["newest", "popular"], "number", False)
        assert pixabay["terms"]["url"].startswith("https://pixabay.com/")


class TestSort:
    async def test_is_native_or_unsupported(self, api: Any) -> None:
        answer = await search(api, provider="pixabay,local", sort="newest")

        statuses = {status["name"]: status for status in answer.json()["providers"]}
        assert (statuses["pixabay"]["status"], statuses["local"]["status"]) == ("ok", "unsupported")
        assert statuses["local"]["detail"] == "sort=newest is not possible here"
        assert [call["order"] for call in asked(api)] == ["latest"]

    async def test_names_the_orders_that_there_are(self, api: Any) -> None:
        answer = await search(api, provider="pixabay", sort="oldest")

        assert answer.status_code == 422
        assert "sort=oldest is not possible here; possible are newest, popular" in answer.json()["detail"]

    async def test_of_another_name_is_refused(self, api: Any) -> None:
        answer = await search(api, provider="pixabay", sort="date")

        assert answer.json()["errors"] == [
            {"field": "sort", "message": "must be one of relevance, newest, oldest, popular"}
        ]
