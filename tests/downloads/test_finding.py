"""Finding downloads: filters, pages, projects, what was taken before, changing and forgetting."""

import asyncio
import uuid
from typing import Any

import pytest

from imagevault.downloads import finding
from tests.support.ledger_rows import account_of, add


async def walk(api: Any, headers: dict[str, str], **params: Any) -> tuple[list[str], int]:
    """The numbers of all downloads that a query finds, and how many requests that took."""
    found: list[str] = []
    cursor = None
    for requests in range(1, 100):
        page = await api.get("/downloads", params={**params, **({"cursor": cursor} if cursor else {})}, headers=headers)
        assert page.status_code == 200, page.text
        found += [download["url"].rpartition("/")[2] for download in page.json()["downloads"]]
        cursor = page.json()["next"]
        assert (cursor is not None) == ("link" in page.headers)
        if cursor is None:
            return found, requests
    raise AssertionError("the walk does not end")


class TestFilters:
    @pytest.fixture
    async def headers(self, api: Any) -> Any:
        headers = await api.sign_in()
        await add(
            await account_of(api),
            12,
            provider=lambda number: ("pexels", "met")[number % 2],
            project=lambda number: (None, "atlas", "O'Hara & Söhne")[number % 3],
            license_id=lambda number: ("pexels", "cc0-1.0")[number % 2],
            license_name="x",
            author_name=lambda number: "Ann Öz" if number == 3 else None,
            status=lambda number: "gone" if number == 5 else None,
            note=lambda number: "100 % <cover>_a" if number == 7 else None,
        )
        return headers

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"provider": "met"}, "11 9 7 5 3 1"),
            ({"project": "atlas"}, "10 7 4 1"),
            ({"project": "O'Hara & Söhne"}, "11 8 5 2"),
            ({"project": "at\u202elas"}, "10 7 4 1"),
            ({"project": "\ufeffatlas"}, "10 7 4 1"),
            ({"license": "cc0-1.0", "project": "atlas"}, "7 1"),
            ({"status": "gone"}, "5"),
            ({"q": "ÖZ ann"}, "3"),
            ({"q": "picture 1"}, "11 10 7 1"),
            ({"q": "100 % _A"}, "7"),
            ({"q": "picture_"}, ""),
            ({"since": "2026-11-01T00:09:00Z"}, "11 10 9"),
            ({"since": "2026-11-01T01:09:00+01:00", "until": "2026-11-01T00:10:00"}, "10 9"),
            ({"until": "2026-10-31"}, ""),
            ({"until": "20261101", "since": "20261101", "project": "atlas"}, "10 7 4 1"),
            ({"until": "2026-W44-7", "project": "atlas"}, "10 7 4 1"),
            ({"until": "2026W446", "project": "atlas"}, ""),
            ({"q": "picture 4 " * 20}, "4"),
            ({"q": "p i c t u r e 4 pi ic ct nowhere"}, ""),
            ({"until": "2026-11-01", "provider": "nobody"}, ""),
            ({"provider": "pexels", "q": "picture 4"}, "4"),
        ],
    )
    async def test_let_through_what_they_say(
        self, api: Any, headers: dict[str, str], params: dict[str, str], expected: str
    ) -> None:
        """Whatever the size of a page, newest first."""
        for limit in (1, 200):
            found, _ = await walk(api, headers, limit=limit, **params)

            assert found == expected.split()

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"since": "yesterday"}, "since"),
            ({"until": "2026-13-01"}, "until"),
            ({"until": "2026-W44"}, "until"),
            ({"since": "2026-11-01X00:00:00"}, "since"),
            ({"since": "2026-11-01T"}, "since"),
            ({"until": "9999-12-31T23:59:59-23:59"}, "until"),
            ({"since": "2026-11-02", "until": "2026-11-01"}, "since"),
            ({"q": " "}, "q"),
            ({"q": " ".join(map(str, range(31)))}, "q"),
            ({"project": "\u200b"}, "project"),
            ({"provider": ""}, "provider"),
            ({"status": "old"}, "status"),
            ({"license": "x" * 261}, "license"),
        ],
    )
    async def test_name_the_parameter_that_is_wrong(self, start: Any, params: dict[str, str], field: str) -> None:
        api = await start()

        answer = await api.get("/downloads", params=params, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    async def test_words_in_rows_of_an_older_version(self, api: Any) -> None:
        """Its workers write no folded text."""
        headers = await api.sign_in()
        await add(await account_of(api), 3, search_text=None)

        assert (await walk(api, headers, q="Picture 2"))[0] == ["2"]

    async def test_one_request_looks_through_a_window(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A page may be empty and go on; all windows together find everything once."""
        monkeypatch.setattr(finding, "WINDOW", 10)
        headers = await api.sign_in()
        await add(await account_of(api), 45, note=lambda number: "rare" if number in {0, 30, 31} else None)

        found, requests = await walk(api, headers, q="rare", limit=2)

        assert found == ["31", "30", "0"]
        assert 5 <= requests <= 7


class TestTaken:
    async def test_says_how_often_and_when(self, api: Any) -> None:
        """Of this account alone, in the order of the ids."""
        headers = await api.sign_in()
        await api.sign_in("bob")
        await add(await account_of(api), 4, image=lambda number: ("met:1", "local:a, b.jpg")[number % 2])
        await add(await account_of(api, "bob"), 1, image="met:2")

        answer = await api.get("/downloads/taken", params={"ids": "met:2,local:a, b.jpg,met:1"}, headers=headers)

        assert answer.json() == {
            "taken": [
                {
                    "image": "local:a, b.jpg",
                    "downloads": 2,
                    "first_at": "2026-11-01T00:01:00Z",
                    "last_at": "2026-11-01T00:03:00Z",
                },
                {
                    "image": "met:1",
                    "downloads": 2,
                    "first_at": "2026-11-01T00:00:00Z",
                    "last_at": "2026-11-01T00:02:00Z",
                },
            ]
        }

    @pytest.mark.parametrize("ids", ["", ",", ",".join(f"met:{number}" for number in range(101))])
    async def test_names_the_ids_when_they_are_wrong(self, start: Any, ids: str) -> None:
        api = await start()

        answer = await api.get("/downloads/taken", params={"ids": ids}, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ids")


async def test_projects_come_with_their_counts(api: Any) -> None:
    """The last used first; downloads without a project, and those of others, do not count."""
    headers = await api.sign_in()
    await api.sign_in("bob")
    await add(await account_of(api), 7, project=lambda number: ("atlas", None, "cards")[number % 3])
    await add(await account_of(api, "bob"), 2, project="atlas")

    answer = await api.get("/projects", headers=headers)

    assert answer.json() == {
        "projects": [
            {"project": "atlas", "downloads": 3, "last_at": "2026-11-01T00:06:00Z"},
            {"project": "cards", "downloads": 2, "last_at": "2026-11-01T00:05:00Z"},
        ]
    }


class TestOneDownload:
    async def test_two_changes_at_once_are_both_kept(self, api: Any) -> None:
        """A field that is left out stays as it is, also where another request changes it at that moment."""
        headers = await api.sign_in()
        new = {"url": "https://a.example/1.jpg", "project": "atlas", "note": "cover"}
        for _ in range(10):
            kept = (await api.post("/download", json=new, headers=headers)).json()
            path = f"/downloads/{kept['id']}"

            await asyncio.gather(
                api.client.patch(path, json={"project": "globe"}, headers=headers),
                api.client.patch(path, json={"note": "back"}, headers=headers),
            )
            found = (await api.get("/downloads", params={"q": "globe back", "limit": 1}, headers=headers)).json()

            assert [(one["id"], one["project"], one["note"]) for one in found["downloads"]] == [
                (kept["id"], "globe", "back")
            ]

    async def test_is_changed_and_forgotten(self, api: Any) -> None:
        """A field that is left out stays, null clears it, and `q` finds the new words."""
        headers = await api.sign_in()
        body = {"url": "https://a.example/1", "project": "atlas", "note": "cover"}
        id = (await api.post("/download", json=body, headers=headers)).json()["id"]
        path = f"/downloads/{id}"

        changed = await api.client.patch(path, json={"note": "back\nside", "project": None}, headers=headers)
        unchanged = await api.client.patch(path, json={}, headers=headers)
        shown = await api.get(path, headers=headers)
        found, _ = await walk(api, headers, q="SIDE")
        forgotten = await api.client.delete(path, headers=headers)

        assert (changed.status_code, changed.json()["note"], changed.json()["project"]) == (200, "back\nside", None)
        assert unchanged.json() == shown.json() == changed.json()
        assert found == ["1"]
        assert (forgotten.status_code, forgotten.content) == (204, b"")
        assert (await api.get(path, headers=headers)).status_code == 404

    async def test_of_another_account_is_not_there(self, api: Any) -> None:
        """404 as for one that nobody has; nothing changes."""
        mine = await api.sign_in("ada")
        other = await api.sign_in("bob")
        taken = await api.post("/download", json={"url": "https://a.example/"}, headers=mine)
        path = f"/downloads/{taken.json()['id']}"

        answers = [
            await api.get(path, headers=other),
            await api.client.patch(path, json={"note": "x"}, headers=other),
            await api.client.delete(path, headers=other),
            await api.get(f"/downloads/{uuid.uuid4()}", headers=other),
        ]

        assert [answer.status_code for answer in answers] == [404] * 4
        assert (await api.get(path, headers=mine)).json()["note"] is None

    @pytest.mark.parametrize(
        ("body", "field"), [({"note": "x" * 2001}, "note"), ({"title": "x"}, "title"), ({"project": 1}, "project")]
    )
    async def test_names_the_field_that_is_wrong(self, start: Any, body: dict[str, Any], field: str) -> None:
        api = await start()
        headers = await api.sign_in()
        id = (await api.post("/download", json={"url": "https://a.example/"}, headers=headers)).json()["id"]

        answer = await api.client.patch(f"/downloads/{id}", json=body, headers=headers)

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
