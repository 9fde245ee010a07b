"""Odd headers of one provider's answer, from the upstream to the consumer: they cost no other provider its answer."""

from typing import Any

import pytest

from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels

DAY = 86_400
ROUTES = {
    "all": {"provider": "all"},
    "default chain": {},
    "two by name": {"provider": "pexels,local"},
}
# What `Retry-After` states, and the seconds that a consumer is told: an unreadable one counts as not stated.
WAITS = {
    "a year of eleven digits": ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
    "the last day": ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
    "a zone of a hundred hours": ("Fri, 31 Dec 9999 23:59:59 -9959", None),
    "400 digits": ("9" * 400, None),
    "12 digits": ("9" * 12, DAY),
    "below zero": ("-5", None),
    "a fraction": ("1e400", None),
}
CHAIN = 'default = ["pexels", "local"]\n'


@pytest.fixture(params=ROUTES.values(), ids=list(ROUTES))
def route(request: pytest.FixtureRequest) -> dict[str, str]:
    """How the search reaches Pexels."""
    return dict(request.param)


async def search(api: Any, route: dict[str, str]) -> dict[str, Any]:
    """The answer; the local samples are always in it where Pexels is not."""
    response = await api.get("/search", params={"q": "mountain", **route}, headers=await api.sign_in())
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def status_of(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(status for status in answer["providers"] if status["name"] == name)


@pytest.mark.parametrize(("stated", "told"), WAITS.values(), ids=list(WAITS))
async def test_a_wait(
    start: Any,
    pexels: SimulatedPexels,
    configured: dict[str, str],
    route: dict[str, str],
    stated: str,
    told: int | None,
) -> None:
    api = await start(configured, toml=CHAIN)
    pexels.fail(Answer({}, 429, {"Retry-After": stated}))

    answer = await search(api, route)

    assert {image["provider"] for image in answer["images"]} == {"local"}
    assert status_of(answer, "local")["status"] == "ok"
    assert (status_of(answer, "pexels")["status"], status_of(answer, "pexels")["retry_after"]) == ("rate_limited", told)


@pytest.mark.parametrize("left", ["18446744073709551616", "9" * 4000, "-1", "20/min", "NaN", ""])
async def test_calls_that_are_left(
    start: Any, pexels: SimulatedPexels, configured: dict[str, str], route: dict[str, str], left: str
) -> None:
    """The photos are shown, and the next search works too: nothing odd is stored."""
    api = await start(configured, toml=CHAIN)

    def with_odd_headers(exchange: Any) -> None:
        sent = exchange.answer()
        headers = {**sent.headers, "X-Ratelimit-Remaining": left, "X-Ratelimit-Reset": left}
        exchange.send(Answer(sent.body, sent.status, {**headers, "Content-Type": "application/json"}))

    pexels.fail(with_odd_headers)

    first = await search(api, route)
    api.services.database.use()
    await api.services.gateway.pages.drain()
    again = await api.get("/search", params={"q": "lake", **route}, headers=await api.sign_in("bob"))

    assert status_of(first, "pexels")["status"] == "ok"
    assert "pexels" in {image["provider"] for image in first["images"]}
    assert status_of(again.json(), "pexels")["status"] in {"ok", "rate_limited"}  # -1 says that no call is left


async def test_a_message_of_half_a_character(
    start: Any, pexels: SimulatedPexels, configured: dict[str, str], route: dict[str, str]
) -> None:
    """A lone surrogate cannot be sent to anybody."""
    api = await start(configured, toml=CHAIN)
    pexels.fail(Answer(b'{"photos": "\\ud800"}', 200, {"Content-Type": "application/json"}))

    answer = await search(api, route)

    assert status_of(answer, "local")["status"] == "ok"
    assert status_of(answer, "pexels")["status"] == "invalid_response"
