"""Hidden images: out of every answer, in every worker, and back again."""

from typing import Any

import pytest

from imagevault.cache.tables import CachedPage
from imagevault.errors import BadInput
from imagevault.testing.upstreams.pexels import SimulatedPexels

FOX = "local:fox-in-snow.jpg"


@pytest.fixture
async def two(start: Any, database_url: str, configured: dict[str, str]) -> Any:
    """Two servers on one database."""
    environ = {"DATABASE_URL": database_url, **configured}
    return await start(environ), await start(environ)


async def ids(api: Any, headers: dict[str, str], **params: Any) -> list[str]:
    answer = await api.get("/search", params={"per_page": 5, **params}, headers=headers)
    return [image["id"] for image in answer.json()["images"]] if answer.status_code == 200 else []


class TestHidden:
    async def test_is_in_no_answer_of_any_worker(self, two: Any, pexels: SimulatedPexels) -> None:
        """Search, look-up, several look-ups, credits, a new download. The next image takes its place."""
        first, second = two
        headers = await first.sign_in()
        before = await ids(first, headers, q="nature", provider="pexels")
        assert before == await ids(second, headers, q="nature", provider="pexels")
        await first.services.gateway.pages.drain()
        second.services.database.use()

        await first.services.gateway.hidden.hide(before[1], "takedown\nnotice")
        await second.services.gateway.hidden.refresh()

        for api in two:
            found = await ids(api, headers, q="nature", provider="pexels")
            image = await api.get(f"/images/{before[1]}", headers=headers)
            several = await api.get("/images", params={"ids": before[1]}, headers=headers)
            credits = await api.post("/credits", json={"ids": [before[1]]}, headers=headers)
            kept = await api.post("/download", json={"image": before[1]}, headers=headers)
            assert (found[:4], len(found)) == ([before[0], *before[2:5]], 5)
            assert image.status_code == kept.status_code == 404
            assert "hidden" in image.json()["detail"]
            assert several.json()["images"][0]["status"] == "not_found"
            assert (credits.json()["credits"], credits.json()["missing"][0]["id"]) == ([], before[1])
        assert await CachedPage.count() == 0
        assert len(pexels.calls) == 1

    @pytest.mark.parametrize("image", ["pexels", "pexels:", ":5", "pexels: 5", "pexels:5 ", "pexels:a\nb", "Pexels:5"])
    async def test_is_named_by_an_id_that_an_image_can_have(self, start: Any, image: str) -> None:
        """Another would be in the list, and hide nothing."""
        api = await start()
        api.services.database.use()

        with pytest.raises(BadInput, match="must be a provider's name, a colon and its own id"):
            await api.services.gateway.hidden.hide(image, "x")

    async def test_comes_back(self, two: Any) -> None:
        """In every worker too; the list is empty again."""
        first, second = two
        headers = await first.sign_in()
        hidden = first.services.gateway.hidden
        await hidden.hide(FOX, "x")
        await hidden.hide(FOX, "y")
        listed = [(one.image, one.reason) for one in await hidden.list_all()]
        second.services.database.use()
        await second.services.gateway.hidden.refresh()
        is_gone = [(await api.get(f"/images/{FOX}", headers=headers)).status_code for api in two]

        await second.services.gateway.hidden.unhide(FOX)
        await hidden.refresh()

        assert (listed, is_gone) == ([(FOX, "y")], [404, 404])
        assert [(await api.get(f"/images/{FOX}", headers=headers)).status_code for api in two] == [200, 200]
        assert await hidden.list_all() == []

    async def test_file_is_not_served(self, start: Any) -> None:
        """A link that was given before does not open any more."""
        api = await start()
        headers = await api.sign_in()
        link = (await api.get(f"/images/{FOX}", headers=headers)).json()["preview"]["url"]
        assert (await api.get(link)).status_code == 200

        await api.services.gateway.hidden.hide(FOX, "x")

        assert (await api.get(link)).status_code == 404

    async def test_is_known_to_a_server_that_starts_later(self, start: Any, database_url: str) -> None:
        api = await start({"DATABASE_URL": database_url})
        api.services.database.use()
        await api.services.gateway.hidden.hide(FOX, "x")

        later = await start({"DATABASE_URL": database_url})

        assert FOX not in await ids(later, await later.sign_in(), q="fox", provider="local")
