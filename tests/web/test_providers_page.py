"""The page of the providers."""

import re
from typing import Any

from imagevault.cache.statistics import CacheRate
from imagevault.search.provider_list import QuotaLeft
from imagevault.search.provider_terms import OLD_TERMS
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream import quota
from imagevault.upstream.call_history import CallSlot
from imagevault.web.providers_page import Rect, cache_bar, calls_plot, latency_plot, quota_bar

TOML = """
default = ["pexels"]
[providers.pexels]
enabled = true
[providers.unknown]
x = 1
"""


class TestPage:
    async def test_needs_an_account(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_SEARCH": "open"})

        response = await api.get("/my/providers")

        assert (response.status_code, response.headers["content-type"]) == (401, "text/html; charset=utf-8")

    async def test_shows_everybody_the_state_and_admins_the_numbers(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Errors, quotas, and the line of the config that an admin has to change."""
        api = await start(configured, toml=TOML)
        person = await api.sign_in()
        admin = await api.sign_in("root", admin=True)
        pexels.fail(Answer("<h1>down</h1>", 503))
        await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=person)
        await api.services.call_history.flush(now=True)

        seen = (await api.get("/my/providers", headers=person)).text
        text = (await api.get("/my/providers", headers=admin)).text

        assert "Photos" not in seen
        assert "Pexels" in seen
        assert "Last error" not in seen
        assert "last hour" not in seen
        assert "failed</small>" in text
        assert "line 3" not in seen
        assert "UTC: " in text
        assert "of 200/hour left" in text
        assert "imagevault.toml, line 3" in text
        assert "providers.unknown" in text

    async def test_says_when_terms_should_be_read_again(self, start: Any, configured: dict[str, str]) -> None:
        """As the API says it of the same record."""
        api = await start(configured)
        headers = await api.sign_in()
        checked = [record["terms"] for record in (await api.get("/providers", headers=headers)).json()["providers"]]
        youngest = min(terms["age"] for terms in checked if terms is not None)

        fresh = (await api.get("/my/providers", headers=headers)).text
        api.services.gateway.clock.offset += (OLD_TERMS + 1 - youngest) * 86400
        old = (await api.get("/my/providers", headers=headers)).text

        assert "read them again" not in fresh or youngest > OLD_TERMS
        assert f"{OLD_TERMS + 1} days ago, read them again" in old

    async def test_one_that_is_held_back_does_not_work(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """Its state says so, not only its breaker. What is left of a quota of one second is not shown."""
        api = await start({**configured, "PEXELS_QUOTA": "200/hour, 5/second"})
        admin = await api.sign_in("grace", admin=True)
        pexels.fail(Answer("<h1>down</h1>", 503))
        for number in range(8):
            await api.get("/search", params={"q": f"fox {number}", "provider": "pexels"}, headers=admin)

        text = (await api.get("/my/providers", headers=admin)).text
        form = (await api.get("/", headers=admin)).text

        assert "Calls are held back after several failures." in text
        assert re.search(r"Does not answer, next try in \d+ seconds\.", text)
        assert "5/second" not in text
        assert re.search(r"Pexels <small>does not answer, next try in \d+ seconds<", form)

    async def test_one_that_pauses_says_until_when(
        self, start: Any, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """To everybody, on the page of the providers and in the form of a search."""
        api = await start(configured)
        person = await api.sign_in()
        admin = await api.sign_in("grace", admin=True)
        pexels.fail(Answer("{}", 429, headers={"Retry-After": "6000"}))
        await api.get("/search", params={"q": "fox", "provider": "pexels"}, headers=person)

        form = (await api.get("/", headers=person)).text
        seen = (await api.get("/my/providers", headers=person)).text
        text = (await api.get("/my/providers", headers=admin)).text

        assert re.search(r'<label class="chip out">.*Pexels <small>pauses for \d+ minutes</small>', form)
        for page in (seen, text):
            assert re.search(r'<p class="state bad">Pauses for \d+ minutes\.', page)
        assert re.search(r"It asked for a pause\. The next call is possible in \d+ minutes\.", text)
        assert "Calls go through." not in text

    async def test_providers_have_one_order(self, start: Any, configured: dict[str, str]) -> None:
        """By their titles, letter case ignored, in the form of a search too, whether or not they work."""
        api = await start({**configured, "PIXABAY_ENABLED": "true", "NASA_ENABLED": "true", "MET_ENABLED": "true"})
        headers = await api.sign_in()

        cards = re.findall(r"<h2>.*?<small>(\w+)</small></h2>", (await api.get("/my/providers", headers=headers)).text)
        chips = re.findall(r'name="provider" value="(\w+)"', (await api.get("/", headers=headers)).text)

        titles = {name: provider.info.title for name, provider in api.services.gateway.providers.items()}
        assert cards == sorted(cards, key=lambda name: titles[name].casefold())
        assert cards != sorted(cards)
        assert chips == ["all", *(name for name in cards if name in chips)]
        assert len(chips) > 4

    async def test_tells_an_admin_what_is_missing(self, start: Any) -> None:
        api = await start()

        text = (await api.get("/my/providers", headers=await api.sign_in(admin=True))).text

        assert "Is not set up" in text
        assert "PEXELS_API_KEY" in text


class TestBars:
    def test_a_quota(self) -> None:
        bar = quota_bar(QuotaLeft("200/hour", 200, 30, 600))

        assert bar.parts == [Rect("low", 0, 0, 15.0, 100)]
        assert bar.words == "30 of 200/hour left, more in 10 minutes"
        assert quota_bar(QuotaLeft("10000/day", 10_000, 9_999, None)).words == "9,999 of 10,000/day left"

    def test_the_limiter_says_what_is_little_and_what_is_short(self) -> None:
        """A page of results is refreshed in the background, and a call waits, by the same rules."""
        limit = 1000
        low = round(limit * quota.LOW)
        bars = {left: quota_bar(QuotaLeft(f"{limit}/hour", limit, left)).parts[0].kind for left in (low - 1, low)}

        assert bars == {low - 1: "low", low: "good"}
        names = ["9/second", "20/5 seconds", "20/6 seconds", "20/minute", f"{10**12}/day"]
        assert [QuotaLeft(name, 20, 9).is_burst for name in names] == [True, True, False, False, False]

    def test_the_cache(self) -> None:
        bar = cache_bar(CacheRate(hits=5, stale=1, misses=4))

        assert bar is not None
        assert bar.parts == [
            Rect("good", 0.0, 0, 50.0, 100),
            Rect("low", 50.0, 0, 10.0, 100),
            Rect("rest", 60.0, 0, 40.0, 100),
        ]
        assert cache_bar(CacheRate(hits=0, stale=0, misses=0)) is None

    def test_the_calls_of_an_hour(self) -> None:
        """Twelve columns from left to right; failures are drawn over the foot of their column."""
        idle = CallSlot(at=0, calls=0, failures=0, average_ms=None)
        slots = [idle, CallSlot(at=300, calls=4, failures=1, average_ms=100), *[idle] * 9]
        slots.append(CallSlot(at=3300, calls=1, failures=0, average_ms=400))

        calls, latency = calls_plot(slots), latency_plot(slots)

        assert calls is not None
        assert latency is not None
        assert calls.parts == [
            Rect("good", 8.3, 0.0, 7.0, 100.0),
            Rect("bad", 8.3, 75.0, 7.0, 25.0),
            Rect("good", 91.7, 75.0, 7.0, 25.0),
        ]
        assert calls.words == "5 calls, 1 failed"
        assert latency.parts == [Rect("rest", 8.3, 75.0, 7.0, 25.0), Rect("rest", 91.7, 0.0, 7.0, 100.0)]
        assert latency.words == "160 ms on average, 400 ms in the slowest five minutes"
        assert calls_plot([idle] * 12) is None
        assert latency_plot([]) is None
