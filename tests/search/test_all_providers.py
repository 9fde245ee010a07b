"""All providers behind one search, over real HTTP: merged and paged to the end, each with its status."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from imagevault import samples
from imagevault.testing import Answer, Upstream
from imagevault.testing.simulated import SIMULATED, environment

ALL = sorted([*SIMULATED, "local"])
PLENTY = ",".join(f"1000000/{period}" for period in ("second", "minute", "hour", "day", "month"))


@pytest.fixture
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(make()) for name, make in SIMULATED.items()}


@pytest.fixture
def environ(upstreams: dict[str, Upstream], tmp_path: Path) -> dict[str, str]:
    """Every provider on loopback, with more calls than it really allows, because a test reads whole lists at once."""
    (tmp_path / "pictures").mkdir()
    for number, sample in enumerate(sorted(Path(samples.__path__[0]).glob("*.jpg"))):
        shutil.copy(sample, tmp_path / "pictures" / f"cat {number}.jpg")
    environ = {"LOCAL_FOLDER": str(tmp_path / "pictures")}
    for name, upstream in upstreams.items():
        environ |= environment(name, upstream)
        environ[f"{name.upper()}_ENABLED"] = "true"
        environ[f"{name.upper()}_QUOTA"] = PLENTY
        environ[f"{name.upper()}_TIMEOUT"] = "20"
    environ["UNSPLASH_QUOTA"] = "1000/hour"  # a twentieth of it is reserved for download events
    return environ


async def walk(starter: Any, environ: dict[str, str], provider: str, *, restart_at: int | None = None) -> list[Any]:
    """Return the answers of a search up to its end. A new server with an empty memory goes on after `restart_at`."""
    api = await starter(environ)
    headers = await api.sign_in(f"ada-{provider}")
    params: dict[str, Any] = {"q": "cat", "provider": provider, "per_page": 100}
    answers: list[Any] = []
    for number in range(200):
        if number == restart_at:
            await api.services.gateway.pages.drain()
            api = await starter(environ)
            headers = await api.sign_in(f"bo-{provider}")
        response = await api.get("/search", params=params, headers=headers)
        assert response.status_code == 200, response.text
        answers.append(response.json())
        if answers[-1]["next"] is None:
            return answers
        params = {"cursor": answers[-1]["next"]}
    raise AssertionError("the search does not end")


def ids_in(answers: list[Any]) -> list[str]:
    return [image["id"] for answer in answers for image in answer["images"]]


async def test_one_search_over_all_to_the_end(start: Any, environ: dict[str, str]) -> None:
    """Every status on every page, no picture twice, and no page with more of one than its terms allow.

    Nothing is missing either, whether a provider pages by number or by token, and although the server starts again in
    the middle: whatever a provider shows alone is shown, or named beside the same picture of another provider.
    """
    answers = await walk(start, environ, "all", restart_at=3)

    for answer in answers:
        assert {row["name"]: row["status"] for row in answer["providers"]} == dict.fromkeys(ALL, "ok")
        assert sum(image["provider"] == "flickr" for image in answer["images"]) <= 30
    shown = ids_in(answers)
    assert len(set(shown)) == len(shown)
    assert sorted({id.partition(":")[0] for id in shown}) == ALL
    named = {other["id"] for answer in answers for image in answer["images"] for other in image["also_at"]}
    for name in ALL:
        alone = ids_in(await walk(start, environ, name))
        assert len(set(alone)) == len(alone)
        assert set(alone) - {*shown, *named} == set()


async def test_every_provider_has_a_licence_or_a_credit(start: Any, environ: dict[str, str]) -> None:
    everything = (await start(environ)).services.gateway.providers

    assert sorted(everything) == ALL
    assert {everything[name].info.paging for name in ALL} == {"number", "token"}
    assert all(provider.info.license or provider.info.credit for provider in everything.values())


async def test_those_that_fail_leave_the_last_one(
    start: Any, environ: dict[str, str], upstreams: dict[str, Upstream]
) -> None:
    """The local provider needs no upstream."""
    api = await start(environ)
    headers = await api.sign_in()
    for upstream in upstreams.values():
        upstream.fail(Answer("", 500))

    answer = (await api.get("/search", params={"q": "cat", "provider": "all"}, headers=headers)).json()

    statuses = {row["name"]: row["status"] for row in answer["providers"]}
    assert statuses == {**dict.fromkeys(ALL, "unavailable"), "local": "ok"}
    assert {image["provider"] for image in answer["images"]} == {"local"}


@pytest.mark.parametrize("name", SIMULATED)
async def test_an_image_of_a_search_can_be_downloaded(start: Any, environ: dict[str, str], name: str) -> None:
    """Its record in the ledger has the licence and the credit of the search."""
    api = await start(environ)
    headers = await api.sign_in()
    params = {"q": "cat", "provider": name, "per_page": 1}
    [image] = (await api.get("/search", params=params, headers=headers)).json()["images"]

    download = await api.post("/download", json={"image": image["id"]}, headers=headers)

    assert download.status_code == 201, download.text
    record = download.json()
    assert (record["image"], record["license"], record["attribution"]) == (
        image["id"],
        image["license"],
        image["attribution"],
    )
