"""What people type, and what goes over the wire to each of the upstreams."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from imagevault.testing import Call, Upstream
from imagevault.testing.simulated import SIMULATED, environment

PLENTY = ",".join(f"1000000/{period}" for period in ("second", "minute", "hour", "day", "month"))


def parameter(name: str, before: str = "", after: str = "") -> Callable[[Call], str | None]:
    """Reads the words of a call out of a parameter, without what the provider puts around them."""

    def words(call: Call) -> str | None:
        value = call.query.get(name)
        return None if value is None else value.removeprefix(before).removesuffix(after)

    return words


def words_of_artic(call: Call) -> str | None:
    value = call.query.get("params")
    return None if value is None else json.loads(value).get("q")


WORDS: dict[str, Callable[[Call], str | None]] = {
    "artic": words_of_artic,
    "cleveland": parameter("q"),
    "europeana": parameter("query"),
    "flickr": parameter("text"),
    "met": parameter("q"),
    "nasa": parameter("q"),
    "openverse": parameter("q"),
    "pexels": parameter("query"),
    "pixabay": parameter("q"),
    "smithsonian": parameter("q", after=' AND online_media_type:"Images" AND media_usage:CC0'),
    "smk": parameter("keys"),
    "unsplash": parameter("query"),
    "wellcome": parameter("query"),
    "wikimedia": parameter("gsrsearch", before="filetype:bitmap "),
}

# Operators are words where the upstream can be told so: these providers get other words than were typed.
LUCENE = ("europeana", "smithsonian")
QUERIES: dict[str, dict[str, str | None]] = {
    "İstanbul": {},
    "IŞIK": {},
    "LEGO™ bricks": {},
    "Σίσυφος": {},
    "½ moon": {},
    "№ 7": {},
    "㈱": {},
    "Buße": {},
    "🦊": {},
    "ส้ม": {},
    "C++": {},
    "t-shirt": {},
    "50% off": {},
    "AT&T": {},
    "#cats": {},
    "@home": {},
    "-dog cat": dict.fromkeys((*LUCENE, "flickr", "openverse", "wikimedia"), "dog cat"),
    "cat AND dog": dict.fromkeys((*LUCENE, "flickr", "wikimedia"), "cat and dog"),
    "cat OR dog": dict.fromkeys((*LUCENE, "flickr", "wikimedia"), "cat or dog"),
    "NOT cat": dict.fromkeys((*LUCENE, "flickr", "wikimedia"), "not cat"),
    "title:fox": dict.fromkeys((*LUCENE, "wikimedia"), "title fox"),
    '"red fox"': dict.fromkeys((*LUCENE, "artic", "flickr", "openverse", "wikimedia"), "red fox"),
    "fox*": dict.fromkeys((*LUCENE, "wikimedia"), "fox"),
    "(cat)": dict.fromkeys(LUCENE, "cat"),
    "a/b": dict.fromkeys((*LUCENE, "wikimedia"), "a b"),
    "!!!": dict.fromkeys((*LUCENE, "wikimedia"), None),
    "x" * 150: {"pixabay": "x" * 100},
}
# SMK takes letters and digits only, and these: %&+#=
SMK = {
    "LEGO™ bricks": "LEGO bricks",
    "№ 7": "7",
    "㈱": None,
    "🦊": None,
    "t-shirt": "t shirt",
    "@home": "home",
    "-dog cat": "dog cat",
    "title:fox": "title fox",
    '"red fox"': "red fox",
    "fox*": "fox",
    "(cat)": "cat",
    "a/b": "a b",
    "!!!": None,
}
# What nobody sees is left out for all.
CLEANED = {
    "lily\u200b pond": "lily pond",
    " lily\u3000 \t pond ": "lily pond",
    "li\u00adly": "lily",
    "\ufefflily": "lily",
    "cafe\u0301": "café",
}


@pytest.fixture
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        upstreams = {name: stack.enter_context(make()) for name, make in SIMULATED.items()}
        for throttle in upstreams["openverse"].throttles.values():  # type: ignore[attr-defined]
            throttle.limit = 1_000_000
        yield upstreams


@pytest.fixture
async def api(start: Any, upstreams: dict[str, Upstream]) -> Any:
    environ = {"IMAGEVAULT_SEARCH": "open"}
    for name, upstream in upstreams.items():
        settings = {"ENABLED": "true", "QUOTA": PLENTY, "TIMEOUT": "20"}
        environ |= environment(name, upstream)
        environ |= {f"{name.upper()}_{key}": value for key, value in settings.items()}
    return await start(environ)


async def sent(api: Any, upstreams: dict[str, Upstream], typed: str) -> dict[str, str | None]:
    """The words that each upstream got; None where it was not called."""
    known = {name: len(upstream.calls) for name, upstream in upstreams.items()}
    response = await api.get("/search", params={"q": typed, "provider": ",".join(upstreams), "per_page": 100})
    assert response.status_code == 200, response.text
    assert {status["status"] for status in response.json()["providers"]} == {"ok"}
    await api.services.gateway.pages.drain()
    found: dict[str, str | None] = {}
    for name, upstream in upstreams.items():
        words = [WORDS[name](call) for call in upstream.calls[known[name] :]]
        found[name] = next((text for text in words if text is not None), None)
    return found


async def test_words_arrive_as_they_were_typed(api: Any, upstreams: dict[str, Upstream]) -> None:
    for typed, others in QUERIES.items():
        expected = dict.fromkeys(upstreams, typed) | others | {"smk": SMK.get(typed, typed)}

        assert await sent(api, upstreams, typed) == expected, typed


async def test_what_nobody_sees_is_left_out(api: Any, upstreams: dict[str, Upstream]) -> None:
    """Two that look alike are one search, which costs one call."""
    seen: set[str] = set()
    for typed, cleaned in CLEANED.items():
        expected = dict.fromkeys(upstreams, None if cleaned in seen else cleaned)
        seen.add(cleaned)

        assert await sent(api, upstreams, typed) == expected, typed


async def test_letter_case_is_sent_and_shares_a_page(api: Any, upstreams: dict[str, Upstream]) -> None:
    assert await sent(api, upstreams, "Red Fox") == dict.fromkeys(upstreams, "Red Fox")
    assert await sent(api, upstreams, "red fox") == dict.fromkeys(upstreams)


async def test_a_cut_is_said(api: Any) -> None:
    """Pixabay takes 100 characters."""
    words = "violet " * 20

    response = await api.get("/search", params={"q": words, "provider": "pixabay,pexels"})

    details = {status["name"]: status["detail"] for status in response.json()["providers"]}
    assert details["pixabay"] == "it searched for the first words of q only; it takes 100 characters"
    assert details["pexels"] is None
