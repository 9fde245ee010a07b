"""Text of unbounded length is refused before any work on it: combining marks by the thousand hold no worker up."""

import unicodedata
from typing import Any

import pytest

MARKS = "a" + "\u0315\u0300" * 600  # the form that takes longest to normalize
FEWER_MARKS = MARKS[:501]  # as many as fit into a form, where each takes six bytes
PASSWORD = "violet-harbour-71"


@pytest.fixture(autouse=True)
def _nothing_long_is_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    really_normalize = unicodedata.normalize

    def normalize(form: Any, text: str) -> str:
        assert len(text) <= 1024, "a text of unbounded length was normalized"
        return really_normalize(form, text)

    monkeypatch.setattr("unicodedata.normalize", normalize)


@pytest.mark.parametrize(("username", "password"), [(MARKS, PASSWORD), ("grace", MARKS)])
async def test_at_sign_up(api: Any, username: str, password: str) -> None:
    answer = await api.post("/signup", json={"username": username, "password": password})

    assert answer.status_code == 400


@pytest.mark.parametrize(("username", "password"), [(FEWER_MARKS, PASSWORD), ("ada", FEWER_MARKS)])
async def test_at_sign_in(api: Any, username: str, password: str) -> None:
    answer = await api.post("/token", data={"username": username, "password": password})

    assert answer.status_code == 401


async def test_more_is_not_even_read(api: Any) -> None:
    """The body of an account call has a limit of its own."""
    signup = await api.post("/signup", json={"username": "grace", "password": MARKS * 2})
    token = await api.post("/token", data={"username": "ada", "password": MARKS})

    assert (signup.status_code, token.status_code) == (413, 413)


async def test_in_a_search(api: Any) -> None:
    answer = await api.get("/search", params={"q": MARKS}, headers=api.headers)

    assert answer.status_code == 400
    assert "200 characters" in answer.json()["detail"]
