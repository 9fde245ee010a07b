"""All twelve providers behind one search, over real HTTP: merged, walked to the end, each with its status."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from imagevault import samples
from imagevault.testing import Answer, Upstream
from imagevault.testing.simulated import SIMULATED, environment

TWELVE = sorted([*SIMULATED, "local"])
PLENTY = ",".join(f"1000000/{period}" for period in ("second", "minute", "hour", "day", "month"))


@pytest.fixture
def upstreams() -> Iterator[dict[str, Upstream]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(make()) for name, make in SIMULATED.items()}


@pytest.fixture
def environ(upstreams: dict[str, Upstream], tmp_path: Path) -> dict[str, str]:
    """Every provider on loopback, with more calls than it really allows, for a whole list is read at once."""
    (tmp_path / "pictures").mkdir()
    for number, sample in enumerate(sorted(Path(samples.__path__[0]).glob("*.jpg"))):
        shutil.copy(sample, tmp_path / "pictures" / f"cat {number}.jpg")
    environ = {"LOCAL_FOLDER": str(tmp_path / "pictures")}
    environ["IMAGEVAULT_DEADLINE"] = "20"
    for name, upstream in upstreams.items():
        environ |= environment(name, upstream)
        environ[f"{name.upper()}_ENABLED"] = "true"
        environ[f"{name.upper()}_QUOTA"] = PLENTY
        environ[f"{name.upper()}_TIMEOUT"] = "20"
    environ["UNSPLASH_QUOTA"] = "1000/hour"  # a twentieth of it is kept for download events
    return environ


async def test_one_walk_over_all_to_the_end(start: Any, environ: dict[str, str]) -> None:
    """Twelve statuses on every page, no picture twice, and no page with more of one than its terms allow."""
    api = await start(environ)
    headers = await api.sign_in()
    shown: list[str] = []
    params: dict[str, Any] = {"q": "cat", "provider": "all", "per_page": 100}
    for _ in range(200):
        response = await api.get("/search", params=params, headers=headers)
        assert response.status_code == 200, response.text
        answer = response.json()
        assert {each["name"]: each["status"] for each in answer["providers"]} == dict.fromkeys(TWELVE, "ok")
        assert sum(image["provider"] == "flickr" for image in answer["images"]) <= 30
        shown += [image["id"] for image in answer["images"]]
        if answer["next"] is None:
            break
        params = {"cursor": answer["next"]}
    else:
        raise AssertionError("the walk does not end")

    assert len(set(shown)) == len(shown)
    assert sorted({id.partition(":")[0] for id in shown}) == TWELVE
    everything = api.services.gateway.providers
    assert all(each.info.license or each.info.credit for each in everything.values())


async def test_each_can_fail_alone(start: Any, environ: dict[str, str], upstreams: dict[str, Upstream]) -> None:
    """Eleven that are down leave the twelfth."""
    api = await start(environ)
    headers = await api.sign_in()
    for upstream in upstreams.values():
        upstream.fail(Answer("", 500))

    answer = (await api.get("/search", params={"q": "cat", "provider": "all"}, headers=headers)).json()

    statuses = {each["name"]: each["status"] for each in answer["providers"]}
    assert statuses == {**dict.fromkeys(TWELVE, "unavailable"), "local": "ok"}
    assert {image["provider"] for image in answer["images"]} == {"local"}


@pytest.mark.parametrize("name", SIMULATED)
async def test_what_was_found_can_be_taken(start: Any, environ: dict[str, str], name: str) -> None:
    """Its record in the ledger has a licence and a credit, and its lookup is the same image."""
    api = await start(environ)
    headers = await api.sign_in()
    params = {"q": "cat", "provider": name, "per_page": 1}
    [image] = (await api.get("/search", params=params, headers=headers)).json()["images"]

    taken = await api.post("/download", json={"image": image["id"]}, headers=headers)

    assert taken.status_code == 201, taken.text
    record = taken.json()
    assert (record["image"], record["license"], record["attribution"]) == (
        image["id"],
        image["license"],
        image["attribution"],
    )
