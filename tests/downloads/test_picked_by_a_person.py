"""Providers whose terms want a person to pick each picture: which credentials may record a download of theirs."""

from pathlib import Path
from typing import Any

import pytest

PICKY = """
from imagevault import Image, Page, ProviderInfo, Rendition, Terms, hookimpl

@hookimpl
def provider_info():
    terms = Terms(url="https://picky.example/terms", checked_on="2026-11-22", automated_use="human")
    return ProviderInfo(
        title="Picky", base_url="https://api.picky.example/", page_size=1, terms=terms,
        file_hosts={"files.picky.example"},
    )

@hookimpl
async def search_images():
    file = Rendition(name="original", url="https://files.picky.example/1.jpg")
    return Page([Image(id="1", renditions=[file])], last=True)
"""
BODIES = [{"image": "picky:1"}, {"url": "https://files.picky.example/1.jpg"}]


@pytest.fixture
async def api(start: Any, tmp_path: Path) -> Any:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "picky.py").write_text(PICKY)
    return await start({"IMAGEVAULT_PLUGINS_DIR": "plugins"})


async def key(api: Any, headers: dict[str, str], *scopes: str) -> dict[str, str]:
    """The headers of an API key with these scopes."""
    made = await api.post("/api-keys", json={"name": "k", "scopes": list(scopes)}, headers=headers)
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.json()['key']}"}


@pytest.mark.parametrize("body", BODIES)
async def test_a_key_needs_the_scope_interactive(api: Any, body: dict[str, str]) -> None:
    """403 names the scope and the terms. A person who signed in may, and so may a key that a person uses."""
    headers = await api.sign_in()
    await api.get("/search", params={"q": "lily", "provider": "picky"}, headers=headers)

    refused = await api.post("/download", json=body, headers=await key(api, headers, "search", "downloads"))
    with_scope = await api.post("/download", json=body, headers=await key(api, headers, "downloads", "interactive"))
    signed_in = await api.post("/download", json=body, headers=headers)

    assert refused.status_code == 403
    assert "scope interactive" in refused.json()["detail"]
    assert "https://picky.example/terms" in refused.json()["detail"]
    assert (with_scope.status_code, signed_in.status_code) == (201, 201)
