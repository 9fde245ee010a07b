"""Sessions of the page: the cookie, and requests of other sites that would use it."""

from typing import Any

import httpx
import pytest

from imagevault.http.request import RequestContext, RequestHead
from imagevault.http.sessions import _read_fields
from tests.support.linear_time import is_linear

PASSWORD = "violet-harbour-71"
ACCOUNT = {"username": "ada", "password": PASSWORD}
OWN = {"Sec-Fetch-Site": "same-origin"}
PROXY = {"TRUSTED_PROXIES": "127.0.0.1"}


async def cookie_of(api: Any) -> dict[str, str]:
    """The Cookie header of a new session of ada."""
    answer = await api.post("/session", json=ACCOUNT, headers=OWN)
    api.client.cookies.clear()  # a test sends the cookie itself
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


class TestBeginning:
    async def test_sets_a_cookie_that_scripts_and_other_sites_cannot_use(self, api: Any) -> None:
        answer = await api.post("/session", json=ACCOUNT)
        api.client.cookies.clear()

        assert (answer.status_code, answer.content) == (204, b"")
        name, *attributes = answer.headers["set-cookie"].split("; ")
        assert name.startswith("iv=")
        assert set(attributes) == {"Path=/", "Max-Age=3600", "HttpOnly", "SameSite=Lax"}
        assert answer.headers["cache-control"] == "no-store"

    async def test_over_https_it_is_bound_to_the_host(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_PUBLIC_URL": "https://images.example"})
        await api.sign_in()

        answer = await api.post("/session", json=ACCOUNT)

        assert answer.headers["set-cookie"].startswith("__Host-iv=")
        assert answer.headers["set-cookie"].endswith("; Secure")

    @pytest.mark.parametrize(
        ("wanted", "location"),
        [
            ("/my/downloads", "/my/downloads"),
            ("/?q=fox", "/?q=fox"),
            ("", "/"),
            ("my", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("/a\r\nSet-Cookie: b=c", "/"),
            ("/\t/evil.example", "/"),
            ("/ä", "/"),
            ("/" + "a" * 3000, "/"),
        ],
    )
    async def test_a_form_goes_on_to_a_page_of_this_server(self, api: Any, wanted: str, location: str) -> None:
        answer = await api.post("/session", data={**ACCOUNT, "next": wanted}, headers=OWN)
        api.client.cookies.clear()

        assert (answer.status_code, answer.headers["location"]) == (303, location)

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"data": {**ACCOUNT, "password": "wrong-harbour-71"}}, 401),
            ({"json": {**ACCOUNT, "username": "grace"}}, 401),
            ({"json": {"username": "ada"}}, 400),
            ({"json": {**ACCOUNT, "remember": "true"}}, 400),
            ({"json": [1]}, 400),
            ({"json": {**ACCOUNT, "password": 1}}, 400),
            ({"content": b"[" * 4000, "headers": {"Content-Type": "application/json"}}, 400),
            ({"content": b'"\xff', "headers": {"Content-Type": "application/json"}}, 400),
            ({"content": b"username=ada&username=ada&password=x"}, 400),
            ({"content": b"username=%ff&password=x"}, 400),
            ({"data": {**ACCOUNT, "next": "/" + "a" * 5000}}, 413),
            ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
        ],
    )
    async def test_bad_input_sets_none(self, api: Any, body: dict[str, Any], status: int) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        headers = body.pop("headers", form if "content" in body else {})

        answer = await api.post("/session", headers=headers, **body)

        assert answer.status_code == status, answer.text
        assert "set-cookie" not in answer.headers
        assert PASSWORD not in answer.text

    def test_thousands_of_fields_take_linear_time(self, raw_scope: Any) -> None:
        head = RequestHead.read(raw_scope([(b"content-type", b"application/x-www-form-urlencoded")]))
        context = RequestContext(head=head, request_id="", network="")

        def read(size: int) -> None:
            assert len(_read_fields(b"&".join(b"%d=" % number for number in range(size)), context)) == size

        assert is_linear(read, 4000)


class TestUsing:
    async def test_is_a_person(self, api: Any) -> None:
        """It opens what a token opens, and the response varies by the cookie."""
        cookie = await cookie_of(api)

        answer = await api.get("/protected", headers=cookie)

        assert (answer.status_code, answer.json()["username"]) == (200, "ada")
        assert "Cookie" in answer.headers["vary"]

    @pytest.mark.parametrize(
        ("headers", "is_refused"),
        [
            ({"Sec-Fetch-Site": "same-origin"}, False),
            ({"Sec-Fetch-Site": "none"}, False),
            ({"Sec-Fetch-Site": "same-site"}, True),
            ({"Sec-Fetch-Site": "cross-site"}, True),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"}, True),
            ({"Origin": "http://127.0.0.1:8000"}, False),
            ({"Origin": "http://127.0.0.1:8001"}, True),
            ({"Origin": "https://127.0.0.1:8000"}, False),
            ({"Origin": "ftp://127.0.0.1:8000"}, True),
            ({"Origin": "127.0.0.1:8000"}, True),
            ({"Origin": ""}, True),
            ({"Origin": "http://127.0.0.1:8000.evil.example"}, True),
            ({"Origin": "null"}, True),
            ({}, True),
        ],
    )
    async def test_another_site_cannot_write_with_it(self, api: Any, headers: dict[str, str], is_refused: bool) -> None:
        """Every method that may change something: by Sec-Fetch-Site, else by Origin, else it is refused.

        An origin with TLS may be our own: a proxy that nobody told us of takes the TLS off.
        """
        cookie = await cookie_of(api)

        answer = await api.post("/download", json={"url": "https://a.example/"}, headers={**cookie, **headers})
        with_token = await api.post(
            "/download", json={"url": "https://a.example/"}, headers={**api.headers, **cookie, **headers}
        )
        reading = await api.get("/downloads", headers={**cookie, **headers})

        assert answer.status_code == (403 if is_refused else 201)
        assert with_token.status_code == 201  # a token is not sent by a browser on its own
        assert reading.status_code == 200
        assert "Sec-Fetch-Site" in answer.headers["vary"]

    @pytest.mark.parametrize(
        ("settings", "headers", "status"),
        [
            ({}, {"Origin": "http://images.lan"}, 201),
            ({}, {"Origin": "http://Images.LAN"}, 201),
            ({}, {"Origin": "http://images.lan:8000"}, 403),
            ({}, {"Origin": "http://127.0.0.1:8000"}, 201),
            ({}, {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}, 403),
            ({"PUBLIC_URL": "https://images.example"}, {"Origin": "https://images.lan"}, 201),
            ({"PUBLIC_URL": "https://images.example"}, {"Origin": "http://images.lan"}, 403),
            ({"PUBLIC_URL": "https://images.example"}, {"Origin": "http://images.example"}, 403),
            (PROXY, {"Origin": "https://images.example", "X-Forwarded-Host": "images.example"}, 201),
            (PROXY, {"Origin": "https://images.example", "X-Forwarded-Host": "images.example, inner.lan"}, 201),
            (PROXY, {"Origin": "https://evil.example", "X-Forwarded-Host": "images.example"}, 403),
            (PROXY, {"Origin": "http://images.lan", "X-Forwarded-Host": "images.example"}, 403),
        ],
    )
    async def test_a_page_at_the_address_of_the_request_is_our_own(
        self, start: Any, settings: dict[str, str], headers: dict[str, str], status: int
    ) -> None:
        """The server may be reached at more names than that of `public_url`. A trusted proxy says which one it was."""
        environ = {f"IMAGEVAULT_{name}": value for name, value in settings.items()}
        api = await start({"IMAGEVAULT_ALLOWED_HOSTS": "images.lan", **environ})
        await api.sign_in()
        cookie = await cookie_of(api)

        answer = await api.post(
            "/download", json={"url": "https://a.example/"}, headers={**cookie, "Host": "images.lan", **headers}
        )

        assert answer.status_code == status

    async def test_another_site_cannot_sign_its_visitors_in(self, api: Any) -> None:
        """To an account of its own, where it would read what they save. A program sends neither header."""
        refused = await api.post("/session", data=ACCOUNT, headers={"Sec-Fetch-Site": "cross-site"})
        other = await api.post("/session", data=ACCOUNT, headers={"Origin": "https://evil.example"})

        assert (refused.status_code, other.status_code) == (403, 403)
        assert "set-cookie" not in refused.headers

    @pytest.mark.parametrize("value", ["", "x", "x" * 5000, "iv_" + "a" * 36, "ä", "\x01", '"', "a; iv=b", "%00"])
    async def test_another_value_is_nobody(self, api: Any, value: str) -> None:
        """Not a bad credential: a browser sends what it has, to open routes too."""
        answer = await api.get("/protected", headers=[(b"cookie", f"iv={value}".encode("latin-1"))])
        open_route = await api.get("/health/live", headers=[(b"cookie", f"iv={value}".encode("latin-1"))])

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="imagevault"'
        assert open_route.status_code == 200

    async def test_what_cannot_be_one_costs_no_query(self, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its length and its letters say so."""

        async def find(_: Any) -> dict[str, Any]:
            raise AssertionError("the database was asked")

        monkeypatch.setattr(api.services.sessions, "find", find)
        for value in ("x", "x" * 42, "x" * 44, "x" * 42 + ".", "x" * 128):
            assert (await api.get("/protected", headers={"Cookie": f"iv={value}"})).status_code == 401

    async def test_two_that_differ_are_nobody(self, api: Any) -> None:
        """Somebody put one over the other; the same one twice is clear."""
        cookie = (await cookie_of(api))["Cookie"]

        two = await api.get("/protected", headers={"Cookie": f"{cookie}; iv=other"})
        twice = await api.get("/protected", headers={"Cookie": f"a=b; {cookie}; {cookie}"})

        assert (two.status_code, twice.status_code) == (401, 200)

    async def test_the_header_counts_before_the_cookie(self, api: Any) -> None:
        """A bad token is refused, whatever the cookie is."""
        cookie = await cookie_of(api)

        answer = await api.get("/protected", headers={**cookie, "Authorization": "Bearer x"})

        assert answer.status_code == 401

    async def test_its_value_opens_nothing_as_a_token(self, api: Any) -> None:
        value = (await cookie_of(api))["Cookie"].partition("=")[2]

        answer = await api.get("/protected", headers={"Authorization": f"Bearer {value}"})

        assert answer.status_code == 401


class TestEnding:
    async def test_takes_the_cookie_away_and_ends_the_session(self, api: Any) -> None:
        """Who copied the cookie has nothing. The account's token goes on."""
        cookie = await cookie_of(api)
        other = await cookie_of(api)
        assert (await api.get("/protected", headers=cookie)).status_code == 200

        ended = await api.post("/session/end", headers={**cookie, **OWN})
        answers = [await api.get("/protected", headers=headers) for headers in (cookie, other, api.headers)]

        assert ended.status_code == 303
        assert "iv=; Path=/; Max-Age=0" in ended.headers["set-cookie"]
        assert ended.headers["clear-site-data"] == '"cache", "storage"'
        assert [answer.status_code for answer in answers] == [401, 200, 200]

    async def test_without_one_there_is_nothing_to_end(self, api: Any) -> None:
        form = await api.post("/session/end", data={"next": "/?q=fox"}, headers=OWN)
        json = await api.post("/session/end", json={}, headers=OWN)

        assert (form.status_code, form.headers["location"], json.status_code) == (303, "/?q=fox", 204)

    async def test_a_program_ends_it_and_signs_in_again(self, api: Any) -> None:
        """It sends neither header. With the cookie it may do what anybody may, and nothing that needs an account."""
        cookie = await cookie_of(api)

        key = await api.post("/api-keys", json={"name": "x", "scopes": ["search"]}, headers=cookie)
        token = await api.post("/token", data=ACCOUNT, headers=cookie)
        signup = await api.post("/signup", json={"username": "bob", "password": PASSWORD}, headers=cookie)
        ended = await api.post("/session/end", json={}, headers=cookie)
        after = await api.get("/protected", headers=cookie)

        assert [answer.status_code for answer in (key, token, signup, ended, after)] == [403, 200, 201, 204, 401]

    async def test_another_site_cannot_end_it(self, api: Any) -> None:
        cookie = await cookie_of(api)

        answer = await api.post("/session/end", headers={**cookie, "Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 403
        assert (await api.get("/protected", headers=cookie)).status_code == 200


class TestSigningOut:
    async def test_ends_every_token_and_session_but_no_key(self, start: Any) -> None:
        """As a client does it."""
        api = await start()
        headers = await api.sign_in()
        cookie = await cookie_of(api)
        made = await api.post("/api-keys", json={"name": "x", "scopes": ["search"]}, headers=headers)
        key = {"Authorization": f"Bearer {made.json()['key']}"}
        walk = (await api.get("/search?q=mountain&provider=local&per_page=1", headers=headers)).json()["next"]

        out = await api.post("/logout", headers=headers)
        statuses = [(await api.get("/protected", headers=sent)).status_code for sent in (headers, cookie, key)]
        on_a_walk = await api.get(f"/search?cursor={walk}", headers=headers)

        assert (out.status_code, out.headers["clear-site-data"]) == (204, '"cache", "storage"')
        assert statuses == [401, 401, 200]
        assert on_a_walk.status_code == 401

    async def test_revokes_keys_too_if_asked(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        made = await api.post("/api-keys", json={"name": "x", "scopes": ["search"]}, headers=headers)

        await api.post("/logout?revoke_keys=true", headers=headers)
        answer = await api.get("/protected", headers={"Authorization": f"Bearer {made.json()['key']}"})

        assert answer.status_code == 401

    @pytest.mark.parametrize("body", [b'{"revoke_keys": true}', b"{}", b"not json"])
    async def test_takes_no_body(self, start: Any, body: bytes) -> None:
        """Who sends `revoke_keys` there must not believe that the keys have ended."""
        api = await start()
        headers = await api.sign_in()

        answer = await api.post("/logout", content=body, headers={**headers, "Content-Type": "application/json"})

        assert answer.status_code == 400
        assert answer.json()["errors"] == [
            {"field": "body", "message": "must be left out; parameters go into the query"}
        ]
        assert (await api.get("/protected", headers=headers)).status_code == 200

    async def test_a_password_is_changed_with_the_current_one(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()

        def change(current: str, new: str) -> Any:
            body = {"current_password": current, "new_password": new}
            return api.client.put("/account/password", json=body, headers=headers)

        wrong: httpx.Response = await change("crimson-lantern-40", "copper-lantern-58")
        weak: httpx.Response = await change(PASSWORD, "password")
        good: httpx.Response = await change(PASSWORD, "copper-lantern-58")
        after = await api.get("/protected", headers=headers)
        old = await api.post("/token", data=ACCOUNT)
        new = await api.post("/token", data={**ACCOUNT, "password": "copper-lantern-58"})

        assert [answer.status_code for answer in (wrong, weak, good, after, old, new)] == [403, 400, 204, 401, 401, 200]
        assert PASSWORD not in wrong.text + weak.text
        assert weak.json()["errors"][0]["field"] == "new_password"
