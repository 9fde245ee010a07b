"""Rules for `fetch_image` and `open_file`: one image by its id, and nothing for an id that does not exist."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagevault.errors import NotFound
from imagevault.records import Image
from imagevault.testing.bench import Bench
from imagevault.testing.checks.expressions import reason_not_found
from imagevault.testing.checks.outcomes import images_of, is_recorded, outcome_of
from imagevault.testing.checks.probes import sent

IMAGES = 3  # how many images of a search are looked up again
ODD_IDS = ("no such id", "../search", "%2e%2e/x", "0", "ä", "a?b=c&d#e", "x" * 200)
COMPARED = ("id", "source_url", "license", "author")


async def check_stable_ids(bench: Bench, query: str, settings: Mapping[str, Any]) -> None:
    """The same search gives the same ids again: an id is stored, and means the same image for ever."""
    first = [image.id for image in await images_of(bench, query)]
    bench.configure(settings)  # clears what the plugin caches
    second = [image.id for image in await images_of(bench, query)]
    changed = [id for id in first if id not in second]
    assert not changed, (
        f"ids are not stable: the same search finds {changed[0]} the first time, but not the second; "
        "take the id that the service gives to each image, not a number of your own"
    )


async def check_lookup(bench: Bench, query: str, settings: Mapping[str, Any], *, has_lookup: bool) -> None:
    """`fetch_image` returns the image of the search again. Without a look-up, the test class says so."""
    if not has_lookup:
        assert "fetch_image" not in bench.provider.hooks, (
            "the provider can look up an image, but the test class says has_lookup = False: remove that line"
        )
        return
    assert "fetch_image" in bench.provider.hooks, (
        "there is no hook fetch_image, so an image that left the cache cannot be downloaded: add it ([lookup] in TOML)"
        "; if the API has no such call, set has_lookup = False in the test class"
    )
    await check_stable_ids(bench, query, settings)  # otherwise fetch_image would be blamed
    images = await images_of(bench, query)
    compared = 0
    for image in images[:IMAGES]:
        fetched = await outcome_of(bench.fetch(image.id))
        is_same = isinstance(fetched, Image) and fetched.id == image.id
        if is_recorded(bench) and not is_same:
            continue  # the lookup of this image was not recorded
        outcome = f"{fetched!r}: {await reason_not_found(bench, image.id)}" if fetched is None else f"{fetched!r}"
        assert isinstance(fetched, Image), (
            f"fetch_image({image.id!r}) must return the image that the search found, but its outcome is {outcome}"
        )
        for field in COMPARED:
            searched = getattr(image, field)
            looked_up = getattr(fetched, field)
            assert searched == looked_up, (
                f"{field} of {image.id} is {searched} in the search, but {looked_up} in fetch_image: "
                "make both from the same function"
            )
        compared += 1
    assert compared, "no lookup of an image of the search is recorded: run imagevault providers check NAME --record"


async def check_unknown_ids(bench: Bench) -> None:
    """`fetch_image` returns None for any id that does not exist, and never calls another path of the upstream."""
    for id in ODD_IDS:
        calls = bench.upstream.calls if bench.upstream else []
        calls.clear()
        found = await outcome_of(bench.fetch(id))
        own = [call for call in calls if call.headers.get("host") not in bench.provider.info.api_hosts]
        astray = [call.path for call in own if not any(id in text for text in sent(call))]
        assert not astray, f"fetch_image({id!r}) called {astray[0]}: put quote(image_id, safe='') into the path"
        if isinstance(found, NotFound):
            continue
        if isinstance(found, Image) and is_recorded(bench):
            continue  # the recording answers with the lookup that is most alike
        assert found is None, f"fetch_image must return None for the unknown id {id!r}, not {found!r:.200}"


async def check_files(bench: Bench, query: str, scratch: Path) -> None:
    """Of a provider that holds its files: `open_file` returns a file for each rendition, and None for anything else."""
    if not bench.provider.holds_files:
        return
    images = await images_of(bench, query)
    for image in images[:IMAGES]:
        for rendition in image.renditions:
            if rendition.url is not None:
                continue
            path = bench.provider.open_file(image.id, rendition.name, scratch)
            is_file = path is not None and path.is_file()
            assert is_file, f"open_file({image.id!r}, {rendition.name!r}) must return the path of a file, not {path}"
    for id in ODD_IDS:
        path = bench.provider.open_file(id, "original", scratch)
        assert path is None, f"open_file must return None for the unknown id {id!r}, not {path}"
