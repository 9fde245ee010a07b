"""Languages: language and script must agree, then the region, then the likely one, then the first."""

from typing import Any

import pytest

from imagevault.search.languages import is_language_tag, nearest_language

PEXELS = ["en-US", "pt-BR", "es-ES", "ca-ES", "de-DE", "zh-TW", "zh-CN", "nb-NO", "tr-TR"]
PIXABAY = ["cs", "de", "en", "es", "no", "pt", "zh", "nb"]


@pytest.mark.parametrize(
    ("wanted", "offered", "nearest"),
    [
        ("de", PEXELS, "de-DE"),
        ("de-AT", PEXELS, "de-DE"),
        ("DE-de", PEXELS, "de-DE"),
        ("no", PEXELS, "nb-NO"),
        ("no-NO", PEXELS, "nb-NO"),
        ("nb", PIXABAY, "no"),
        ("nn-NO", PEXELS, None),
        ("zh", PEXELS, "zh-CN"),
        ("zh-Hans", PEXELS, "zh-CN"),
        ("zh-Hant", PEXELS, "zh-TW"),
        ("zh-HK", PEXELS, "zh-TW"),
        ("zh-SG", PEXELS, "zh-CN"),
        ("zh-TW", PIXABAY, None),
        ("pt-PT", PEXELS, "pt-BR"),
        ("pt", ["pt-PT", "pt-BR"], "pt-BR"),
        ("pt-AO", ["pt-PT", "pt-BR"], "pt-BR"),
        ("pt-PT", ["pt-BR", "pt-PT"], "pt-PT"),
        ("es-419", ["es-MX", "es-ES"], "es-ES"),
        ("sr-Latn", ["sr-RS"], None),
        ("en-GB", PIXABAY, "en"),
        ("ja", PEXELS, None),
        ("den", PEXELS, None),
        ("xx", PEXELS, None),
    ],
)
def test_the_nearest(wanted: str, offered: list[str], nearest: str | None) -> None:
    assert nearest_language(wanted, offered) == nearest


@pytest.mark.parametrize("text", ["de", "de-DE", "pt_BR", "zh-Hant-TW", "es-419", "yue"])
def test_is_a_tag(text: str) -> None:
    assert is_language_tag(text)


@pytest.mark.parametrize("text", ["", "d", "german", "de-", "de-DE-1996", "de DE", "de-DE\n", "x" * 10_000])
def test_is_no_tag(text: str) -> None:
    assert not is_language_tag(text)


class TestAnswer:
    """`locale` in a search over HTTP: a hint, which no provider refuses."""

    async def search(self, api: Any, **params: Any) -> dict[str, Any]:
        """What each provider ignored."""
        answer = await api.get("/search", params={"q": "mountain", **params}, headers=await api.sign_in())
        assert answer.status_code == 200, answer.text
        assert {status["status"] for status in answer.json()["providers"]} == {"ok"}
        return {status["name"]: status["hints_ignored"] for status in answer.json()["providers"]}

    async def test_says_who_cannot_follow_it(self, start: Any, configured: dict[str, str]) -> None:
        """Pexels knows German. The local samples know no language, and answer all the same."""
        api = await start(configured)

        ignored = await self.search(api, provider="pexels,local", locale="de-AT")

        assert ignored == {"pexels": [], "local": ["locale"]}

    async def test_a_language_that_nobody_knows(self, start: Any, configured: dict[str, str], pexels: Any) -> None:
        """It is ignored, and not sent."""
        api = await start(configured)

        ignored = await self.search(api, provider="pexels,local", locale="yue")

        assert ignored == {"pexels": ["locale"], "local": ["locale"]}
        assert "locale" not in pexels.calls[-1].query

    async def test_nothing_is_ignored_without_one(self, start: Any, configured: dict[str, str]) -> None:
        api = await start(configured)

        assert await self.search(api, provider="pexels,local") == {"pexels": [], "local": []}

    async def test_what_is_no_language_is_wrong(self, start: Any) -> None:
        api = await start()

        params = {"q": "mountain", "locale": "german"}
        answer = await api.get("/search", params=params, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "locale")
