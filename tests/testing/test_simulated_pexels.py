"""The simulated Pexels keeps to what is documented and measured of the real one."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.testing.upstreams.pexels_photos import COLORS, FIRST_ID, LIBRARY, find, library

HEADERS = {"Authorization": "test-key", "User-Agent": "test-suite/1"}


@pytest.fixture
def pexels() -> Iterator[SimulatedPexels]:
    with SimulatedPexels(quota=300) as pexels:
        yield pexels


@pytest.fixture
def http(pexels: SimulatedPexels) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=pexels.url, headers=HEADERS) as http:
        yield http


def search(http: httpx.Client, query: str = "red fox", **params: str | int) -> dict[str, Any]:
    answer = http.get("search", params={"query": query, **params})
    assert answer.status_code == 200
    return dict(answer.json())


def test_who_may_call(http: httpx.Client) -> None:
    assert http.get("search", params={"query": "x"}, headers={"Authorization": ""}).status_code == 401
    assert http.get("search", params={"query": "x"}, headers={"Authorization": "other"}).status_code == 401
    assert http.get("search", params={"query": "x"}, headers={"User-Agent": "python-httpx/0.28.1"}).status_code == 403
    assert http.get("search", params={"query": "x"}, headers={"User-Agent": "python-requests/2"}).status_code == 403
    assert http.get("search", params={"query": "x"}, headers={"User-Agent": ""}).status_code == 403
    assert http.get("search", params={"query": "x"}).status_code == 200


def test_page_sizes(http: httpx.Client) -> None:
    assert len(search(http)["photos"]) == 15
    page = search(http, per_page=200)
    assert (len(page["photos"]), page["per_page"]) == (80, 80)


@pytest.mark.parametrize("query", ["red fox", "barcelona", "few"])
def test_a_walk_by_next_page(http: httpx.Client, query: str) -> None:
    url = f"search?query={query}&per_page=40"
    pages: list[dict[str, Any]] = []
    while url:
        page = http.get(url).json()
        assert ("prev_page" in page) == bool(pages)
        pages.append(page)
        url = page.get("next_page", "")
        assert not url or url.startswith(str(http.base_url))
    walked = [photo["id"] for page in pages for photo in page["photos"]]
    assert len(set(walked)) == len(walked)
    short = [page["page"] for page in pages if len(page["photos"]) < 40]
    assert short == ([2, len(pages)] if len(pages) > 2 else [1])
    assert len(walked) == pages[0]["total_results"] - (len(pages) > 2)


def test_what_queries_find(http: httpx.Client) -> None:
    assert search(http, "nothing")["photos"] == []
    assert search(http, "nothing")["total_results"] == 0
    assert search(http, "few")["total_results"] == 7
    assert 100 <= search(http)["total_results"] < 500
    ids = [[photo["id"] for photo in search(http, query)["photos"]] for query in ("  Red   FOX ", "red fox")]
    assert ids[0] == ids[1]


def test_the_total_is_capped_and_the_list_is_not(http: httpx.Client) -> None:
    page = search(http, "nature", per_page=80, page=101)
    assert (page["total_results"], len(page["photos"])) == (8000, 80)
    assert "next_page" in page
    beyond = search(http, "nature", per_page=80, page=500)
    assert (beyond["photos"], "next_page" in beyond) == ([], False)


@pytest.mark.parametrize("orientation", ["landscape", "portrait", "square"])
def test_orientation(http: httpx.Client, orientation: str) -> None:
    photos = search(http, orientation=orientation, per_page=80)["photos"]
    sides = [(photo["width"] > photo["height"]) - (photo["width"] < photo["height"]) for photo in photos]
    assert sides
    assert set(sides) == {{"landscape": 1, "portrait": -1, "square": 0}[orientation]}


@pytest.mark.parametrize(("size", "megapixels"), [("small", 4), ("medium", 12), ("large", 24)])
def test_size(http: httpx.Client, size: str, megapixels: int) -> None:
    photos = search(http, size=size, per_page=80)["photos"]
    assert photos
    assert min(photo["width"] * photo["height"] for photo in photos) >= megapixels * 1e6


def test_color(http: httpx.Client) -> None:
    ids = {name: {photo["id"] for photo in search(http, color=name, per_page=80)["photos"]} for name in COLORS}
    assert sum(len(found) for found in ids.values()) == search(http)["total_results"]
    for hex_value in ("c82828", "#C03030"):
        assert {photo["id"] for photo in search(http, color=hex_value, per_page=80)["photos"]} == ids["red"]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"query": "x", "orientation": "diagonal"},
        {"query": "x", "size": "huge"},
        {"query": "x", "color": "beige"},
        {"query": "x", "color": "#12"},
        {"query": "x", "locale": "tlh"},
        {"query": "x", "page": "0"},
        {"query": "x", "per_page": "many"},
    ],
)
def test_undocumented_values_are_refused(http: httpx.Client, params: dict[str, str]) -> None:
    answer = http.get("search", params=params)
    assert answer.status_code == 400
    assert "x-ratelimit-remaining" not in answer.headers


def test_lookup(http: httpx.Client) -> None:
    photo = search(http)["photos"][0]
    assert http.get(f"photos/{photo['id']}").json() == photo
    for id in ("1", "abc", str(FIRST_ID + LIBRARY)):
        answer = http.get(f"photos/{id}")
        assert answer.status_code == 404
        assert "x-ratelimit-remaining" not in answer.headers


def test_rate_headers_and_the_quota(pexels: SimulatedPexels, http: httpx.Client) -> None:
    answer = http.get("search", params={"query": "x"})
    assert answer.headers["x-ratelimit-limit"] == "300"
    assert answer.headers["x-ratelimit-remaining"] == "299"
    assert int(answer.headers["x-ratelimit-reset"]) > time.time()
    pexels.remaining = 1
    answers = [http.get("search", params={"query": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert not [name for name in answers[1].headers if name.startswith("x-ratelimit")]


def test_the_burst_throttle(pexels: SimulatedPexels, http: httpx.Client) -> None:
    pexels.throttled = True
    answer = http.get("search", params={"query": "x"})
    assert answer.status_code == 429
    assert answer.json() == {"code": "Too Many Requests", "message": "Throttle limit exceeded"}
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    pexels.throttled = False
    assert http.get("search", params={"query": "x"}).headers["x-ratelimit-remaining"] == "299"


def test_the_library_has_the_gaps_of_the_real_one() -> None:
    photos = [photo.as_json() for photo in library()]
    assert {photo.get("alt", "missing") for photo in photos} >= {None, "", "missing"}
    assert {photo.get("avg_color", "missing") for photo in photos} >= {None, "missing"}
    assert {photo.orientation for photo in library()} == {"landscape", "portrait", "square"}
    assert len({photo.id for photo in library()}) == LIBRARY
    assert [photo.id for photo in find("red fox")[:1]] == [900004670]  # the same in every process and version
