"""Bad input gets a 4xx problem that names the field, on both engines, and the server goes on serving."""

import time
from typing import Any

import jwt
import pytest

from imagevault.security.keyring import Keyring

PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"
FORM = "application/x-www-form-urlencoded"
Case = tuple[dict[str, Any], str]


@pytest.fixture
async def api(start: Any, database_url: str) -> Any:
    """A server, ada's account, and her headers."""
    api = await start({"DATABASE_URL": database_url, "IMAGEVAULT_LIMITS_SIGNUP": "1000/hour"})
    api.headers = await api.sign_in("ada")
    return api


async def refused(api: Any, method: str, path: str, field: str | None, status: int = 400, **more: Any) -> str:
    """Sends a request, checks its refusal, and returns the message for the field."""
    headers = {**api.headers, **more.pop("headers", {})}
    answer = await api.client.request(method, path, headers=headers, **more)
    told = f"{method} {path[:80]} {str(more)[:120]} -> {answer.status_code} {answer.text[:200]}"
    assert answer.status_code == status, told
    assert answer.headers["content-type"] == "application/problem+json", told
    problem = answer.json()
    assert (problem["status"], problem["request_id"]) == (status, answer.headers["x-request-id"]), told
    if field is None:
        return str(problem["detail"])
    [error] = problem["errors"]
    assert error["field"] == field, told
    assert len(error["message"]) > 5, told
    return str(error["message"])


class TestAccounts:
    async def test_usernames(self, api: Any) -> None:
        """Refuses blanks, other alphabets, wrong lengths and reserved names. A name is taken in any letter case."""
        for name in (
            "ada lovelace",
            " ada",
            "ada\n",
            "ab",
            "a" * 65,
            "",
            "ада",
            "a/b",
            "<b>",
            "root",
            "\U0001f98a" * 3,
        ):
            body = {"username": name, "password": PASSWORD}
            await refused(api, "POST", "/signup", "username", json=body)
        for name in ("ada", "ADA", "\uff21da"):
            body = {"username": name, "password": PASSWORD}
            message = await refused(api, "POST", "/signup", None, 409, json=body)

            assert message == "The username ada is taken; choose another."

    async def test_passwords(self, api: Any) -> None:
        """Refuses what is too short, too long, guessable, the name itself, or no text, and never truncates it."""
        for password in (
            "",
            "short",
            "x" * 257,
            "password1",
            "12345678",
            "a" * 40,
            "imagevault",
            "my-bob-71-xq",
            1,
            None,
        ):
            body = {"username": "bob", "password": password}
            await refused(api, "POST", "/signup", "password", json=body)

        assert [account["username"] for account in await api.services.accounts.list_all()] == ["ada"]

    async def test_the_wrong_kind_of_body(self, api: Any) -> None:
        """Refuses a form instead of JSON, and JSON instead of a form."""
        account = {"username": "bob", "password": PASSWORD}
        await refused(api, "POST", "/signup", None, 415, data=account)
        await refused(api, "POST", "/download", None, 415, data={"url": "https://a.example/"})
        await refused(api, "POST", "/token", None, 415, json=account)
        await refused(api, "POST", "/signup", None, 415, files={"username": b"bob", "password": PASSWORD.encode()})
        await refused(api, "POST", "/token", "username", content=b"{}", headers={"Content-Type": FORM})

    async def test_tokens(self, api: Any) -> None:
        """An expired, forged or missing token gets the same 401."""
        [(kid, key)] = Keyring(SECRET.encode()).subkeys("jwt")
        [(_, other)] = Keyring(b"x" * 40).subkeys("jwt")
        now = int(time.time())
        good = {"sub": str((await api.services.accounts.list_all())[0]["id"]), "epoch": 0, "jti": "a"} | {
            "iat": now,
            "exp": now + 3600,
            "iss": "imagevault",
            "aud": "imagevault",
        }

        def token(key: Any = key, algorithm: str = "HS256", **changes: Any) -> str:
            return jwt.encode(good | changes, key, algorithm, headers={"kid": kid, "typ": "iv+jwt"})

        forged = {
            "alg none": token(key=None, algorithm="none"),
            "other secret": token(key=other),
            "other audience": token(aud="other"),
            "expired": token(iat=now - 7200, exp=now - 3600),
            "rubbish": "rubbish",
            "empty": "",
        }
        headers = {"Authorization": f"Bearer {token()}"}
        assert (await api.get("/protected", headers=headers)).status_code == 200
        for name, credential in forged.items():
            headers = {"Authorization": f"Bearer {credential}"}
            detail = await refused(api, "GET", "/protected", None, 401, headers=headers)

            assert detail == "A valid access token is needed.", name
        assert (await api.get("/protected")).status_code == 401


class TestSearch:
    async def test_words(self, api: Any) -> None:
        """Refuses no words, only blanks, too many words, a NUL, bytes that are no text, and repetition."""
        for query in ("", "q=", "q=+++", "q=%E2%80%83", "q=" + "a" * 201, "q=a&q=b", "q=a&q=a", "q=a&q="):
            await refused(api, "GET", f"/search?{query}", "q")
        for query in ("q=%00", "q=a%00b", "q=%ff", "q=%ed%a0%80"):
            await refused(api, "GET", f"/search?{query}", "query")
        await refused(api, "GET", "/search?q=" + "a" * 10_000, None, 414)
        await refused(api, "GET", "/search?q=" + "a" * 7_000, "q")

    async def test_pages(self, api: Any) -> None:
        """Refuses numbers out of range, and text that is no number."""
        for value in ("0", "-1", "101", "1.5", "abc", "", "1e9", "99999999999999999999999", "%20", "0x10", "\u0661"):
            await refused(api, "GET", f"/search?q=fox&provider=local&per_page={value}", "per_page")
        for value in ("0", "-1", "10001", "abc", "", "99999999999999999999999"):
            await refused(api, "GET", f"/search?q=fox&provider=local&page={value}", "page")
        await refused(api, "GET", "/search?q=fox&page=2", "page")
        await refused(api, "GET", "/search?q=fox&page=2&provider=all", "page")

    async def test_providers(self, api: Any) -> None:
        """Refuses unknown names, alone or in a list, and a list without any; names the providers that exist."""
        for value in ("nope", "", "local,nope", "nope,", ",", "LOCAL", "../local", "local;pexels", "al%6c%6c"):
            message = await refused(api, "GET", f"/search?q=fox&provider={value}", "provider")

            assert "local" in message
            assert "pexels" in message
        assert "Did you mean pexels?" in await refused(api, "GET", "/search?q=fox&provider=pexel", "provider")

    async def test_filters(self, api: Any) -> None:
        """Refuses unknown values and lists those that exist."""
        for name, value in (
            ("orientation", "diagonal"),
            ("orientation", "LANDSCAPE!"),
            ("size", "huge"),
            ("license", "free"),
            ("color", "not a color"),
            ("color", "%2312345"),
            ("locale", "../etc"),
        ):
            await refused(api, "GET", f"/search?q=fox&provider=local&{name}={value}", name)
        assert "portrait" in await refused(api, "GET", "/search?q=fox&orientation=diagonal", "orientation")

    async def test_parameters(self, api: Any) -> None:
        """Refuses unknown parameters and offers the nearest."""
        for path, name in (
            ("/search?q=a&perpage=3", "perpage"),
            ("/protected?x=1", "x"),
            ("/downloads?limt=3", "limt"),
        ):
            await refused(api, "GET", path, name)
        assert "Did you mean limit?" in await refused(api, "GET", "/downloads?limt=3", "limt")

    async def test_cursors(self, api: Any) -> None:
        """Refuses cursors that are invented, changed, truncated, or of another search."""
        url = "/search?q=mountain&provider=local&per_page=1"
        cursor = (await api.get(url, headers=api.headers)).json()["next"]
        changed = ("B" if cursor[9] == "A" else "A").join((cursor[:9], cursor[10:]))
        for value in ("", "a", "AAAA", "%F0%9F%A6%8A", changed, cursor[:-1], cursor[1:], cursor + cursor, "a" * 4000):
            await refused(api, "GET", f"/search?cursor={value}", "cursor")
        for more in ("q=river", "q=mountain&orientation=portrait", "provider=pexels"):
            await refused(api, "GET", f"/search?cursor={cursor}&{more}", "cursor")
        await refused(api, "GET", f"/search?cursor={cursor}&page=2", "page")

    async def test_images(self, api: Any) -> None:
        """Refuses malformed ids, and ids of unknown providers or images."""
        for id in ("nope:1", "fox", "local:", ":1", ":", "%F0%9F%A6%8A", "pexel:1"):
            await refused(api, "GET", f"/images/{id}", "id")
        for id in ("local:nothing", "local:..%2f..%2fetc%2fpasswd", "local:%2fetc%2fpasswd"):
            await refused(api, "GET", f"/images/{id}", None, 404)
        for id in ("local:%00", "local:%ff"):
            await refused(api, "GET", f"/images/{id}", "path")
        await refused(api, "GET", "/images/local:" + "a" * 5000, None, 404)


class TestDownloads:
    async def test_addresses(self, api: Any) -> None:
        """Accepts http and https addresses with a host only."""
        addresses: list[object] = [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,<script>",
            "ftp://a.example/",
            "//a.example/b.jpg",
            "/media/local/original/fox",
            "a.example/b.jpg",
            "",
            " ",
            "https://",
            "https:///b.jpg",
            "https://a.example/a b.jpg",
            "https://a.example/\n",
            "https://a.example/\tb",
            "https://a.example:0x/",
            "https://a.example:99999/",
            "https://[::1/",
            "https://a.example/" + "a" * 2048,
            "http\u200b://a.example",
            1,
            ["https://a.example/"],
            {},
        ]
        for url in addresses:
            await refused(api, "POST", "/download", "url", json={"url": url})

    async def test_images(self, api: Any) -> None:
        """Refuses malformed ids and unknown renditions."""
        for image in ("nope:1", "fox", "local:", ":", "a" * 261, 1, ["local:fox"]):
            await refused(api, "POST", "/download", "image", json={"image": image})
        image = (await api.get("/search?q=fox&provider=local", headers=api.headers)).json()["images"][0]["id"]
        for rendition in ("huge", "", "ORIGINAL", "a" * 17, 1):
            body = {"image": image, "rendition": rendition}
            await refused(api, "POST", "/download", "rendition", json=body)
        await refused(api, "POST", "/download", None, 404, json={"image": "local:nothing"})

    async def test_combinations(self, api: Any) -> None:
        """Refuses neither, both, combinations that make no sense, values that are too long, and unknown fields."""
        url = "https://a.example/"
        cases: list[Case] = [
            ({}, "image"),
            ({"image": None, "url": None}, "image"),
            ({"image": "local:fox", "url": url}, "image"),
            ({"url": url, "rendition": "original"}, "rendition"),
            ({"url": url, "project": "a" * 201}, "project"),
            ({"url": url, "note": "a" * 2001}, "note"),
            ({"url": url, "note": 1}, "note"),
            ({"url": url, "licence": "mine"}, "licence"),
            ({"url": url, "account": "somebody"}, "account"),
        ]
        for body, field in cases:
            await refused(api, "POST", "/download", field, json=body)

        assert (await api.get("/downloads", headers=api.headers)).json()["downloads"] == []

    async def test_texts_that_databases_do_not_like(self, api: Any) -> None:
        """Refuses NUL and lone surrogates. Control characters become blanks, bidi controls go, and the rest stays."""
        json = {"Content-Type": "application/json"}
        for note in (rb"\u0000", rb"a\u0000b", rb"\ud800", rb"\udc00\ud800", b"\xed\xa0\x80", b"\xff", b"\x00"):
            content = b'{"url": "https://a.example/", "note": "' + note + b'"}'
            await refused(api, "POST", "/download", None, content=content, headers=json)
        for text, stored in (
            ("100%00", "100%00"),
            ("\\u0000", "\\u0000"),
            ("\U0001f98a", "\U0001f98a"),
            ("'; DROP TABLE iv_download; --", "'; DROP TABLE iv_download; --"),
            ("a\x01\x1b\x7fb\n", "a   b\n"),
            ("a\ufeff\u202eb", "ab"),
            ("\ufeff\u202e", None),
            ("%s{}", "%s{}"),
        ):
            body = {"url": "https://a.example/", "note": text, "project": text}
            answer = await api.post("/download", json=body, headers=api.headers)
            [kept, *_] = (await api.get("/downloads", headers=api.headers)).json()["downloads"]

            assert (answer.status_code, kept["note"], kept["project"]) == (201, stored, stored)

    async def test_pages(self, api: Any) -> None:
        """Refuses limits out of range, malformed cursors, and text that only looks like a cursor."""
        for value in ("0", "-1", "201", "1.5", "abc", "", "99999999999999999999999"):
            await refused(api, "GET", f"/downloads?limit={value}", "limit")
        for value in (
            "",
            "a",
            "!!!!",
            "%F0%9F%A6%8A",
            "A" * 4000,
            "MjAyNi0wMS0wMVQwMDowMDowMC94",  # a time, and no id
            "MDAwMS0wMS0wMVQwMDowMDowMCsyMzo1OS8wYjZmN2E1MjljMWU0ZjVjOGYwYTNkNWI4ZDFjMmU3Zg",  # before time began
            "OTk5OS0xMi0zMVQyMzo1OTo1OS0yMzo1OS8wYjZmN2E1MjljMWU0ZjVjOGYwYTNkNWI4ZDFjMmU3Zg",  # after its end
        ):
            await refused(api, "GET", f"/downloads?cursor={value}", "cursor")


class TestBodies:
    async def test_of_50_mb(self, api: Any) -> None:
        """Every route that takes a body refuses it by its declared length."""
        for path in ("/signup", "/token", "/download"):
            kind = FORM if path == "/token" else "application/json"
            headers = {"Content-Type": kind}
            await refused(api, "POST", path, None, 413, headers={**headers, "Content-Length": "52428800"})

    async def test_the_server_serves_on(self, api: Any) -> None:
        """After many bad bodies, a search and a download still work."""
        headers = {"Content-Type": "application/json"}
        for body in (b"[" * 60_000, b"\xff", b"{", b"", b"null", b'"\\ud800"'):
            await refused(api, "POST", "/download", None, content=body, headers=headers)

        search = await api.get("/search?q=mountain&provider=local", headers=api.headers)
        saved = await api.post("/download", json={"image": search.json()["images"][0]["id"]}, headers=api.headers)

        assert (search.status_code, saved.status_code) == (200, 201)
