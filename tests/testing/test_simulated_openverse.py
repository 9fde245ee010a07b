"""The simulated Openverse keeps to what is recorded, measured and in the source of the real one."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from imagevault.testing.upstreams.openverse import SimulatedOpenverse
from imagevault.testing.upstreams.openverse_works import LIBRARY, find, library
from tests.support.clock import Clock

CLIENT = {"client_id": "test-client", "client_secret": "test-secret", "grant_type": "client_credentials"}


@pytest.fixture
def openverse(clock: Clock) -> Iterator[SimulatedOpenverse]:
    with SimulatedOpenverse(clock=clock) as openverse:
        yield openverse


@pytest.fixture
def http(openverse: SimulatedOpenverse) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=openverse.url) as http:
        yield http


@pytest.fixture
def signed_in(http: httpx.Client) -> httpx.Client:
    """The client with a token."""
    token = http.post("auth_tokens/token/", data=CLIENT).json()["access_token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def search(http: httpx.Client, query: str = "red fox", **params: str | int) -> dict[str, Any]:
    answer = http.get("images/", params={"q": query, **params})
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_page(http: httpx.Client) -> None:
    page = search(http)
    assert (page["page"], page["page_size"], len(page["results"])) == (1, 20, 20)
    assert [work["id"] for work in page["results"]] == [work.id for work in find("red fox")[:20]]
    assert (page["result_count"], page["page_count"]) == (len(find("red fox")), -(-len(find("red fox")) // 20))
    assert "next" not in page


@pytest.mark.parametrize("query", ["red fox", "few", "nature"])
def test_a_walk_by_page_count(http: httpx.Client, query: str) -> None:
    pages = [search(http, query)]
    while pages[-1]["page"] < pages[-1]["page_count"]:
        pages.append(search(http, query, page=len(pages) + 1))
    walked = [work["id"] for page in pages for work in page["results"]]
    assert walked == [work.id for work in find(query)][:240]
    assert {page["result_count"] for page in pages} == {len(walked)}


def test_what_queries_find(http: httpx.Client) -> None:
    empty = {"result_count": 0, "page_count": 0, "page_size": 20, "page": 1, "results": []}
    assert search(http, "nothing") == empty
    assert search(http, "few", page=2) == empty | {"page": 2}
    assert search(http, "few")["result_count"] == 7
    assert 40 <= search(http)["result_count"] < 240
    ids = [[work["id"] for work in search(http, query)["results"]] for query in ("  Red   FOX ", "red fox")]
    assert ids[0] == ids[1]
    assert (search(http, "nature")["result_count"], search(http, "nature")["page_count"]) == (240, 12)


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"page_size": 21}, "page_size may not exceed 20 for anonymous requests"),
        ({"page_size": 20, "page": 13}, "pagination depth may not exceed 240 for anonymous requests"),
    ],
)
def test_pages_too_large_or_too_deep(http: httpx.Client, params: dict[str, int], detail: str) -> None:
    answer = http.get("images/", params={"q": "nature", **params})
    assert (answer.status_code, answer.json()) == (401, {"detail": detail})
    assert answer.headers["x-ratelimit-available-anon_burst"] == "19"


def test_an_application_has_larger_pages_and_no_more_depth(signed_in: httpx.Client) -> None:
    page = search(signed_in, "nature", page_size=50)
    assert (len(page["results"]), page["result_count"], page["page_count"]) == (50, 240, 4)
    assert search(signed_in, "nature", page_size=48)["page_count"] == 5
    for params in ({"page_size": 51}, {"page_size": 50, "page": 5}):
        answer = signed_in.get("images/", params={"q": "nature", **params})
        assert answer.status_code == 401
        assert answer.json()["detail"].endswith("for authenticated requests")


@pytest.mark.parametrize(
    ("params", "licenses"),
    [
        ({"license": "cc0,pdm"}, {"cc0", "pdm"}),
        ({"license": "BY"}, {"by"}),
        ({"license_type": "commercial"}, {"by", "by-sa", "by-nd", "cc0", "pdm", "sampling+"}),
        ({"license_type": "commercial,modification"}, {"by", "by-sa", "cc0", "pdm", "sampling+"}),
        ({"license_type": "modification", "license": "by,by-nd"}, {"by"}),
    ],
)
def test_licenses(signed_in: httpx.Client, params: dict[str, str], licenses: set[str]) -> None:
    works = [work for page in (1, 2, 3, 4) for work in search(signed_in, "nature", page=page, **params)["results"]]
    assert {work["license"] for work in works} == licenses
    assert [work["id"] for work in works] == [work.id for work in find("nature") if work.license in licenses][:80]


@pytest.mark.parametrize(("aspect_ratio", "sign"), [("wide", 1), ("tall", -1), ("square", 0)])
def test_aspect_ratio(http: httpx.Client, aspect_ratio: str, sign: int) -> None:
    works = search(http, "nature", aspect_ratio=aspect_ratio)["results"]
    assert {(work["width"] > work["height"]) - (work["width"] < work["height"]) for work in works} == {sign}


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({}, False),
        ({"mature": "true"}, True),
        ({"mature": "false"}, True),  # as the real one has it
        ({"unstable__include_sensitive_results": "true"}, True),
        ({"unstable__include_sensitive_results": "false"}, False),
    ],
)
def test_sensitive_works(signed_in: httpx.Client, params: dict[str, str], shown: bool) -> None:
    works = search(signed_in, "nature", page_size=50, **params)["results"]
    assert any(work["mature"] for work in works) == shown
    assert [work["mature"] for work in works] == [bool(work["unstable__sensitivity"]) for work in works]


@pytest.mark.parametrize(
    "params",
    [
        {"page": "0"},
        {"page": "x"},
        {"page_size": "-1"},
        {"license": "by,xyz"},
        {"license_type": "free"},
        {"aspect_ratio": "landscape"},
        {"mature": "maybe"},
    ],
)
def test_wrong_values_are_refused(http: httpx.Client, params: dict[str, str]) -> None:
    answer = http.get("images/", params={"q": "x", **params})
    assert answer.status_code == 400
    assert list(answer.json()["detail"]) == list(params)


def test_lookup_and_thumbnail(http: httpx.Client) -> None:
    work = search(http)["results"][0]
    assert work["detail_url"] == f"{http.base_url}images/{work['id']}/"
    assert http.get(work["detail_url"]).json() == work
    picture = http.get(work["thumbnail"])
    assert (picture.headers["content-type"], picture.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert picture.headers["x-ratelimit-limit-anon_thumbnail"] == "150/min"
    for path in ("images/00000000-0000-4000-8000-000000000000/", "images/00000000-0000-4000-8000-000000000000/thumb/"):
        answer = http.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("path", ["images/7/", "images/abc", "image/", "images/ABCDEF00-0000-4000-8000-000000000000/"])
def test_other_paths_are_an_html_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_a_path_without_its_slash_is_redirected(http: httpx.Client) -> None:
    answer = http.get("images", params={"q": "few"})
    assert (answer.status_code, answer.headers["location"]) == (301, "/v1/images/?q=few")


def test_rate_headers_and_the_throttle_per_minute(http: httpx.Client, clock: Clock) -> None:
    answers = [http.get("images/", params={"q": "few"}) for _ in range(20)]
    assert answers[0].headers["x-ratelimit-limit-anon_burst"] == "20/min"
    assert answers[0].headers["x-ratelimit-limit-anon_sustained"] == "200/day"
    assert [int(answer.headers["x-ratelimit-available-anon_burst"]) for answer in answers] == list(range(19, -1, -1))
    clock.now += 12.5
    refused = http.get("images/", params={"q": "few"})
    assert refused.status_code == 429
    assert refused.json() == {"detail": "Request was throttled. Expected available in 48 seconds."}
    assert refused.headers["retry-after"] == "48"
    assert refused.headers["x-ratelimit-available-anon_burst"] == "0"
    clock.now += 48
    assert http.get("images/", params={"q": "few"}).headers["x-ratelimit-available-anon_burst"] == "19"


def test_the_throttle_per_day_and_no_retry_after(openverse: SimulatedOpenverse, http: httpx.Client) -> None:
    openverse.retry_after = False
    openverse.throttles["anon_sustained"].limit = 1
    answers = [http.get("images/", params={"q": "few"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"detail": "Request was throttled. Expected available in 86400 seconds."}
    assert "retry-after" not in answers[1].headers


def test_an_application_has_its_own_throttles(signed_in: httpx.Client) -> None:
    answer = signed_in.get("images/", params={"q": "few"})
    rates = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit")}
    assert rates == {
        "x-ratelimit-limit-oauth2_client_credentials_burst": "100/min",
        "x-ratelimit-available-oauth2_client_credentials_burst": "99",
        "x-ratelimit-limit-oauth2_client_credentials_sustained": "10000/day",
        "x-ratelimit-available-oauth2_client_credentials_sustained": "9999",
    }


def test_tokens(http: httpx.Client, clock: Clock) -> None:
    told = http.post("auth_tokens/token/", data=CLIENT).json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 36_000)
    http.headers["Authorization"] = f"Bearer {told['access_token']}"
    clock.now += 35_999
    assert http.get("images/", params={"q": "few"}).status_code == 200
    clock.now += 1
    assert http.get("images/", params={"q": "few"}).status_code == 401
    http.headers["Authorization"] = "Bearer unknown"
    assert http.get("images/", params={"q": "few"}).status_code == 401


def test_who_gets_no_token(http: httpx.Client) -> None:
    path = "auth_tokens/token/"
    assert http.post(path, data=CLIENT | {"client_id": "other"}).status_code == 401
    assert http.post(path, data=CLIENT | {"client_secret": "other"}).status_code == 401
    assert http.post(path, data=CLIENT | {"grant_type": "password"}).status_code == 400
    assert http.post(path, json=CLIENT).status_code == 400
    assert http.get(path).status_code == 405


def test_the_library_has_the_gaps_of_the_real_one() -> None:
    works = [work.as_json("https://x.example/v1/") for work in library()]
    for name in ("title", "creator", "creator_url", "width", "height", "tags", "license_version", "license_url"):
        assert None in [work.get(name, "missing") for work in works], name
    for name in ("attribution", "width", "height"):
        assert not all(name in work for work in works), name
    assert any(len({tag["name"] for tag in work["tags"] or ()}) < len(work["tags"] or ()) for work in works)
    assert len({work.id for work in library()}) == LIBRARY
    assert len({work["foreign_landing_url"] for work in works}) == LIBRARY
    assert find("red fox")[0].number == 227  # the same in every process and version


def test_works_may_have_given_source_pages() -> None:
    one, other = find("red fox")[:2]
    page = "https://www.pexels.com/photo/a-fox-7/"
    with SimulatedOpenverse(source_pages={other.id: page}) as openverse:
        works = httpx.get(f"{openverse.url}images/", params={"q": "red fox"}).json()["results"]
        again = httpx.get(f"{openverse.url}images/{other.id}/").json()
    assert [work["foreign_landing_url"] for work in works[:2]] == [one.source_page, page]
    assert again == works[1]
