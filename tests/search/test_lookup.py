"""`GET /images?ids=`: several images at once, each found or with its reason."""

from typing import Any

import httpx

from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels


async def look_up(api: Any, headers: dict[str, str], ids: str) -> httpx.Response:
    return await api.get("/images", params={"ids": ids}, headers=headers)  # type: ignore[no-any-return]


def outcomes(response: httpx.Response) -> list[tuple[str, str, bool]]:
    return [(found["id"], found["status"], found["image"] is not None) for found in response.json()["images"]]


class TestLookup:
    async def test_each_is_found_or_has_its_reason(self, start: Any, configured: dict[str, str]) -> None:
        api = await start(configured)
        headers = await api.sign_in()
        search = await api.get("/search", params={"q": "nature", "provider": "pexels", "per_page": 2}, headers=headers)
        records = search.json()["images"]
        ids = [record["id"] for record in records]

        response = await look_up(api, headers, f"{ids[0]},pexels:1,nosuch:1,{ids[1]},nocolon,met:1")

        assert response.status_code == 200
        assert outcomes(response) == [
            (ids[0], "ok", True),
            ("pexels:1", "not_found", False),
            ("nosuch:1", "bad_id", False),
            (f"{ids[1]},nocolon", "not_found", False),
            ("met:1", "unconfigured", False),
        ]
        found = response.json()["images"]
        assert found[0]["image"] == records[0]
        assert found[1]["detail"] == "Pexels has no image 1."
        assert found[0]["detail"] is None

    async def test_files_move_with_the_upstream(self, start: Any, configured: dict[str, str], pexels: Any) -> None:
        """Links keep host, path and query below the path that the admin set, also those of pages that are cached."""
        api = await start(configured)
        moved = await start({**configured, "PEXELS_FILES_PATH": "/files"})
        query = {"q": "nature", "provider": "pexels", "per_page": 1}

        [real] = (await api.get("/search", params=query, headers=await api.sign_in())).json()["images"]
        [other] = (await moved.get("/search", params=query, headers=await moved.sign_in("boris"))).json()["images"]

        base = f"http://127.0.0.1:{pexels.port}/files/images.pexels.com/"
        assert other["preview"]["url"] == real["preview"]["url"].replace("https://images.pexels.com/", base)
        for rendition, original in zip(other.pop("renditions"), real.pop("renditions"), strict=True):
            assert rendition["url"] == original["url"].replace("https://images.pexels.com/", base)
        del other["preview"], real["preview"]
        assert other == real

    async def test_a_comma_may_be_part_of_an_id(self, start: Any, tmp_path: Any) -> None:
        """Names of files hold commas; an id begins with a provider's name."""
        api = await start()
        headers = await api.sign_in()

        response = await look_up(api, headers, "local:Tower, 1889.jpg,local:fox-in-snow.jpg")

        assert outcomes(response) == [
            ("local:Tower, 1889.jpg", "not_found", False),
            ("local:fox-in-snow.jpg", "ok", True),
        ]

    async def test_an_id_comes_once(self, start: Any) -> None:
        api = await start()

        response = await look_up(api, await api.sign_in(), "local:fox-in-snow.jpg,, local:fox-in-snow.jpg,")

        assert outcomes(response) == [("local:fox-in-snow.jpg", "ok", True)]

    async def test_a_provider_that_fails_costs_its_own_images_only(
        self, start: Any, configured: dict[str, str], pexels: SimulatedPexels
    ) -> None:
        api = await start(configured)
        headers = await api.sign_in()
        pexels.fail(Answer("{}"), times=1)

        response = await look_up(api, headers, "pexels:2014422,local:fox-in-snow.jpg")

        assert outcomes(response) == [
            ("pexels:2014422", "invalid_response", False),
            ("local:fox-in-snow.jpg", "ok", True),
        ]
        pexels.heal()

    async def test_bad_input(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()

        none = await look_up(api, headers, ",")
        many = await look_up(api, headers, ",".join(f"local:{number}" for number in range(101)))
        missing = await api.get("/images", headers=headers)
        long = await look_up(api, headers, "local:" + "x" * 500)

        assert (none.status_code, none.json()["errors"][0]["field"]) == (400, "ids")
        assert (many.status_code, many.json()["errors"][0]["field"]) == (400, "ids")
        assert (missing.status_code, missing.json()["errors"][0]["field"]) == (400, "ids")
        assert (long.status_code, long.json()["images"][0]["status"]) == (200, "bad_id")

    async def test_signing_in_is_needed(self, start: Any) -> None:
        api = await start()

        assert (await look_up(api, {}, "local:fox-in-snow.jpg")).status_code == 401
