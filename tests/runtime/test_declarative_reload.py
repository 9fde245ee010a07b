"""A declarative provider of `plugins_dir` while the server runs: each edit of its file is in force at once."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagevault.testing import Upstream
from tests.support.declarative_file import ACME, item
from tests.support.open_files import room_for
from tests.support.waiting import until


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream("/v1/") as upstream:
        upstream.get("find")(lambda _call: {"items": [item()], "matches": 1})
        yield upstream


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "providers"
    folder.mkdir()
    return folder


@pytest.fixture
async def api(start: Any, folder: Path, upstream: Upstream) -> Any:
    (folder / "acme.toml").write_text(ACME)
    (folder / "broken.toml").write_text(ACME.replace("records", "recods"))
    environ = {"IMAGEVAULT_PLUGINS_DIR": str(folder), "IMAGEVAULT_SEARCH": "open"}
    environ |= {f"{name}_{key}": value for name in ("ACME", "BROKEN", "OTHER") for key, value in (
        ("BASE_URL", upstream.url), ("API_KEY", "test-key"))}  # fmt: skip
    return await start(environ)


def save(api: Any, path: Path, text: str | None) -> None:
    """Change a file, or remove it, and let the server look until nothing changes any more."""
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    while api.services.live.poll():
        pass


async def titles(api: Any, name: str = "acme") -> Any:
    answer = (await api.get("/search", params={"q": "fox", "provider": name})).json()
    return [image["title"] for image in answer["images"]] if "images" in answer else answer["title"]


def failures(api: Any) -> dict[str, str]:
    return {failure.name: failure.reason for failure in api.services.plugins.failures}


async def test_an_edit_shows_at_once(api: Any, folder: Path, upstream: Upstream) -> None:
    """The digest of the file is part of its pages' key, so no page of the earlier file is shown."""
    assert await titles(api) == ["A fox in snow"]
    assert await titles(api) == ["A fox in snow"]
    assert len(upstream.calls) == 1

    save(api, folder / "acme.toml", ACME.replace('"html(caption)"', '"ref"'))
    assert await titles(api) == ["fox-1"]

    save(api, folder / "acme.toml", ACME)
    assert await titles(api) == ["A fox in snow"]  # kept from the beginning
    assert len(upstream.calls) == 2


async def test_a_wrong_edit_is_listed_and_the_version_in_force_stays(api: Any, folder: Path) -> None:
    save(api, folder / "acme.toml", ACME.replace("title", "titel", 1))

    assert failures(api)["acme"] == (
        "acme.toml, line 2: provider.titel: there is no such key. Did you mean title?; "
        "the previous version stays in force"
    )
    assert await titles(api) == ["A fox in snow"]

    save(api, folder / "acme.toml", ACME)
    assert "acme" not in failures(api)


async def test_a_broken_file_harms_nothing_else_and_works_once_it_is_mended(api: Any, folder: Path) -> None:
    place = ACME[: ACME.index("records")].count("\n") + 1
    assert failures(api)["broken"].startswith(f"broken.toml, line {place}: search.recods: there is no such key.")
    assert await titles(api) == ["A fox in snow"]

    save(api, folder / "broken.toml", ACME)

    assert failures(api) == {}
    assert await titles(api, "broken") == ["A fox in snow"]


async def test_a_new_file_is_a_new_provider_and_a_removed_one_is_gone(api: Any, folder: Path) -> None:
    save(api, folder / "other.toml", ACME)
    assert await titles(api, "other") == ["A fox in snow"]

    in_force = api.services.plugins.providers["other"]
    save(api, folder / "other.toml", None)

    response = await api.get("/search", params={"q": "fox", "provider": "other"})
    assert response.status_code == 400
    assert in_force.disabled
    assert await titles(api) == ["A fox in snow"]


async def test_a_name_that_is_taken_stays_with_its_owner(api: Any, folder: Path) -> None:
    owner = api.services.plugins.loaded["local"].source

    save(api, folder / "local.toml", ACME)

    assert "the name is taken by" in failures(api)["local"]
    assert api.services.plugins.loaded["local"].source == owner


async def test_a_file_that_returns_is_loaded_again(api: Any, folder: Path) -> None:
    """Also while a search still uses the provider of the removed file."""
    in_use = api.services.plugins.providers["acme"]
    save(api, folder / "acme.toml", None)
    save(api, folder / "acme.toml", ACME)

    assert "acme" not in failures(api)
    assert api.services.plugins.providers["acme"] is not in_use
    assert await titles(api) == ["A fox in snow"]


@pytest.mark.parametrize("names", [("acme", "imagevault_acme"), ("imagevault_acme", "acme")])
async def test_a_renamed_file_keeps_its_provider(api: Any, folder: Path, names: tuple[str, str]) -> None:
    """Whichever of both names comes first."""
    save(api, folder / "acme.toml", None)
    before, after = (folder / f"{name}.toml" for name in names)
    save(api, before, ACME)

    before.rename(after)
    save(api, after, ACME)

    assert "acme" not in failures(api)
    assert api.services.plugins.loaded["acme"].source == str(after)
    assert await titles(api) == ["A fox in snow"]


async def test_an_edit_shows_in_a_lookup_at_once(api: Any, folder: Path, upstream: Upstream) -> None:
    """Not as it was on a page of the earlier file, in memory or in the database."""
    upstream.get("items/{ref}")(lambda _call, ref: item(ref=ref))

    async def title() -> Any:
        return (await api.get("/images/acme:fox-1")).json()["title"]

    await titles(api)
    await api.services.gateway.pages.drain()
    assert await title() == "A fox in snow"
    assert [call.path for call in upstream.calls] == ["/v1/find"]

    save(api, folder / "acme.toml", ACME.replace('"html(caption)"', '"ref"'))

    assert await title() == "fox-1"
    assert [call.path for call in upstream.calls] == ["/v1/find", "/v1/items/fox-1"]


async def test_a_version_that_is_refused_leaves_nothing_behind(api: Any, folder: Path) -> None:
    before = len(api.services.plugins.manager.get_plugins())
    for number in range(5):
        save(api, folder / "acme.toml", f"{ACME.replace('img.acme.example', '*')}# {number}\n")

    assert "file_hosts: * is any host" in failures(api)["acme"]
    assert len(api.services.plugins.manager.get_plugins()) == before


async def test_earlier_versions_are_forgotten(api: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version stays as long as a search, or the storing of its page, uses it; then no edit leaves anything behind.

    The event loop keeps a timer that was cancelled, and so what it belongs to, until its time has come.
    """
    for module in ("cache.single_flight", "cache.page_cache", "upstream.transport"):
        monkeypatch.setattr(f"imagevault.{module}.CALL_TIMEOUT", 5.0)
    plugins = api.services.plugins
    before = len(plugins.manager.get_plugins())
    for number in range(5):
        save(api, folder / "acme.toml", f"{ACME}# {number}\n")
        await titles(api)

    def all_are_forgotten() -> bool:
        gc.collect()
        plugins.configure(api.services.live.settings)
        return len(plugins.manager.get_plugins()) == before

    await until(all_are_forgotten, "the earlier versions to be forgotten")


async def test_a_folder_that_cannot_be_read_for_a_moment_changes_nothing(api: Any, folder: Path) -> None:
    """Too many files are open: that says nothing about the files."""
    in_force = api.services.plugins.providers["acme"]
    with room_for(0):
        for _ in range(4):
            api.services.live.poll()
    assert api.services.plugins.providers["acme"] is in_force

    save(api, folder / "acme.toml", ACME.replace('"html(caption)"', '"ref"'))
    assert await titles(api) == ["fox-1"]


async def test_a_file_that_cannot_be_read_keeps_its_provider(api: Any, folder: Path) -> None:
    """Here the file became a link to itself, which nobody can open, not even root."""
    file = folder / "acme.toml"
    file.unlink()
    file.symlink_to(file)
    for _ in range(4):
        api.services.live.poll()

    assert await titles(api) == ["A fox in snow"]


async def test_a_link_to_nothing_hides_no_other_file(api: Any, folder: Path) -> None:
    (folder / "aaa.toml").symlink_to(folder / "nothing")
    save(api, folder / "acme.toml", ACME.replace('"html(caption)"', '"ref"'))

    assert await titles(api) == ["fox-1"]


async def test_the_openapi_document_follows(api: Any, folder: Path) -> None:
    """A parameter of a provider is described from the moment at which searches take it."""

    async def parameters() -> list[str]:
        document = (await api.get("/docs/openapi.json")).json()
        return [parameter["name"] for parameter in document["paths"]["/search"]["get"]["parameters"]]

    assert "acme.mood" not in await parameters()

    mood = '[provider.parameters.mood]\ndescription = "a mood"\nvalues = ["calm", "wild"]\nexample = "calm"\n\n'
    described = ACME.replace("[settings.api_key]", f"{mood}[settings.api_key]")
    save(
        api, folder / "acme.toml", described.replace('words = "{text}"', 'words = "{text}"\nmood = "{parameters.mood}"')
    )
    assert "acme" not in failures(api)
    assert "acme.mood" in await parameters()

    save(api, folder / "acme.toml", None)
    assert "acme.mood" not in await parameters()
