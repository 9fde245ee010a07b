"""The pages to sign up and in, and the account with its keys, as forms without script use them."""

import html
import re
from typing import Any

import pytest

PASSWORD = "violet-harbour-71"
ID = "7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FORMS = ("/my/sign-in", "/my/sign-up")
BROWSER = {"Sec-Fetch-Site": "same-origin"}


def path_of(location: str) -> str:
    return location.partition("?")[0]


def tied_field(response: Any) -> str | None:
    """The name of the field that a page ties to the words for what is wrong; None where it ties none.

    It has the focus, and the title of the page says that there is an error.
    """
    assert "<title>Error: " in response.text
    assert response.text.count('<p id="problem" class="bad" role="alert">') == 1
    tied = re.findall(r"<input [^>]*aria-invalid[^>]*>", response.text)
    for field in tied:
        assert re.search(r' aria-invalid="true" aria-describedby="(rule )?problem" autofocus>', field)
    [name] = re.findall(r' name="([^"]*)"', tied[0]) if tied else [None]
    assert len(re.findall(" autofocus", response.text)) <= 1
    return name


async def sign_in(api: Any, username: str, password: str = PASSWORD) -> Any:
    """Signs in by the form; the client keeps the cookie."""
    return await api.post("/session", data={"username": username, "password": password, "next": "/my/account"})


class TestSignUp:
    async def test_creates_an_account_that_can_sign_in(self, start: Any) -> None:
        api = await start()

        made = await api.post("/my/sign-up", data={"username": "Ada", "password": PASSWORD})
        signed_in = await sign_in(api, "ada")

        assert (made.status_code, path_of(made.headers["location"])) == (303, "/my/sign-in")
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/my/account")
        assert "<h1>ada</h1>" in (await api.get("/my/account")).text

    @pytest.mark.parametrize(
        ("data", "status", "words", "field"),
        [
            ({"username": "ada", "password": "short"}, 400, "Password: ", "password"),
            ({"username": "a b", "password": PASSWORD}, 400, "Username: ", "username"),
            ({"username": "taken", "password": PASSWORD}, 409, "is taken", "username"),
            ({"username": "ada"}, 400, "Password: is missing", "password"),
        ],
    )
    async def test_says_what_is_wrong_and_keeps_the_name(
        self, start: Any, data: dict[str, str], status: int, words: str, field: str
    ) -> None:
        api = await start()
        await api.sign_in("taken")

        response = await api.post("/my/sign-up", data=data)
        text = html.unescape(response.text)

        assert response.status_code == status
        assert words in text
        assert f'value="{data["username"]}"' in text
        assert PASSWORD not in text
        assert tied_field(response) == field

    @pytest.mark.parametrize(("next", "kept"), [("/?q=red+fox&provider=pexels", True), ("//evil.example", False)])
    async def test_leads_to_where_somebody_was_going(self, start: Any, next: str, kept: bool) -> None:
        """From a refused search over both forms, also after a mistake; to pages of this server only."""
        api = await start()
        data = {"username": "ada", "password": PASSWORD, "next": next}

        refused = html.unescape((await api.get("/", params={"q": "red fox", "provider": "pexels"})).text)
        links = [
            html.unescape((await api.get(f"/my/{form}", params={"next": next})).text) for form in ("sign-in", "sign-up")
        ]
        wrong = html.unescape((await api.post("/my/sign-up", data={**data, "username": "a b"})).text)
        made = await api.post("/my/sign-up", data=data)
        shown = html.unescape((await api.get(made.headers["location"])).text)

        encoded = "next=%2F%3Fq%3Dred%2Bfox%26provider%3Dpexels"
        assert f'href="/my/sign-in?{encoded}"' in refused
        assert f'href="/my/sign-up?{encoded}"' in refused
        assert (f'href="/my/sign-up?{encoded}"' in links[0]) == kept
        assert (f'href="/my/sign-in?{encoded}"' in links[1]) == kept
        for text in (links[1], wrong, shown):
            assert f'name="next" value="{next if kept else "/"}"' in text

    async def test_is_closed_where_an_admin_closed_it(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_SIGNUP": "closed"})

        assert "Nobody can sign up here" in (await api.get("/my/sign-up")).text
        assert (await api.post("/my/sign-up", data={"username": "ada", "password": PASSWORD})).status_code == 403

    async def test_says_when_to_try_again(self, start: Any) -> None:
        """Where one network signs up too often, in the form and in the header that programs read."""
        api = await start({"IMAGEVAULT_LIMITS_SIGNUP": "1/hour"})
        await api.post("/my/sign-up", data={"username": "ada", "password": PASSWORD})

        refused = await api.post("/my/sign-up", data={"username": "grace", "password": PASSWORD})

        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 60
        assert "The next try is possible in " in refused.text
        assert tied_field(refused) is None
        assert 'value="grace"' in refused.text

    async def test_asks_for_an_invitation_where_one_is_needed(self, start: Any) -> None:
        api = await start({"IMAGEVAULT_SIGNUP": "invite"})

        assert 'name="invitation"' in (await api.get("/my/sign-up")).text
        data = {"username": "ada", "password": PASSWORD, "invitation": "misspelt"}
        assert tied_field(await api.post("/my/sign-up", data=data)) == "invitation"


class TestPasswordReset:
    """With the code that an admin made, as `POST /password-reset` does."""

    CODE = "kT9xw3pUe1mZ0bq5rYh7cVn2sLd"

    async def test_sets_a_new_password(self, start: Any) -> None:
        api = await start()
        await api.sign_in()
        code = (await api.services.administration.reset_password("ada")).code
        data = {"username": "Ada", "code": f" {code} ", "new_password": "copper-lantern-58"}
        linked = (await api.get("/my/sign-in")).text

        weak = await api.post("/my/password-reset", data={**data, "new_password": "short"})
        done = await api.post("/my/password-reset", data=data)
        again = await api.post("/my/password-reset", data=data)

        assert 'href="/my/password-reset"' in linked
        assert (weak.status_code, tied_field(weak)) == (400, "new_password")
        assert 'value="Ada"' in weak.text
        assert code not in weak.text
        assert (done.status_code, path_of(done.headers["location"])) == (303, "/my/sign-in")
        assert "The password is changed" in (await api.get(done.headers["location"])).text
        assert (again.status_code, tied_field(again)) == (403, "code")
        assert (await sign_in(api, "ada", "copper-lantern-58")).status_code == 303

    @pytest.mark.parametrize(
        ("data", "status", "field"),
        [
            ({"username": "nobody", "code": CODE, "new_password": PASSWORD}, 403, "code"),
            ({"username": "ada", "code": "x" * 2000, "new_password": PASSWORD}, 403, "code"),
            ({"code": CODE, "new_password": PASSWORD}, 400, "username"),
            ({"username": "ada", "new_password": PASSWORD}, 400, "code"),
            ({"username": "ada", "code": CODE}, 400, "new_password"),
            ({"username": "ada", "code": CODE, "new_password": "x" * 5000}, 413, None),
        ],
    )
    async def test_says_what_is_wrong(self, start: Any, data: dict[str, str], status: int, field: str | None) -> None:
        api = await start()
        await api.sign_in()

        response = await api.post("/my/password-reset", data=data)

        assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert status == 413 or tied_field(response) == field


class TestSignIn:
    async def test_a_wrong_password_shows_the_form_again(self, start: Any) -> None:
        api = await start()
        await api.sign_in()

        response = await sign_in(api, "ada", "wrong-password-of-ada")

        assert (response.status_code, response.headers["content-type"]) == (401, "text/html; charset=utf-8")
        assert "The username or the password is wrong." in response.text
        assert tied_field(response) == "password"
        assert "set-cookie" not in response.headers

    @pytest.mark.parametrize(("data", "field"), [({"username": "ada"}, "password"), ({"password": "x"}, "username")])
    async def test_a_field_that_is_missing_is_named(self, start: Any, data: dict[str, str], field: str) -> None:
        api = await start()

        response = await api.post("/session", data={**data, "next": "/my/downloads"})

        assert (response.status_code, tied_field(response)) == (400, field)
        assert 'name="next" value="/my/downloads"' in response.text

    async def test_a_form_that_failed_keeps_name_and_way_back(self, start: Any) -> None:
        """Whatever the reason; only a page of this server is a way back, and no password is shown."""
        api = await start()
        await api.sign_in()
        data = {"username": "Ada <b>", "password": "wrong-password-of-ada"}

        kept = await api.post("/session", data={**data, "next": "/my/downloads?q=a&project=b"})
        other = await api.post("/session", data={**data, "next": "//evil.example"})

        text = html.unescape(kept.text)
        assert 'name="next" value="/my/downloads?q=a&project=b"' in text
        assert 'value="Ada <b>"' in text
        assert "<b>" not in kept.text
        assert "wrong-password" not in text
        assert kept.headers["cache-control"] == "no-store"
        assert 'name="next" value="/"' in other.text

    async def test_guessing_too_often_says_when_to_try_again(self, start: Any) -> None:
        """As JSON does: the status, Retry-After, and the form with the reason."""
        api = await start()
        await api.sign_in()
        answers = [await sign_in(api, "ada", "wrong-password-of-ada") for _ in range(7)]

        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert '<form class="narrow sheet" method="post" action="/session">' in answers[-1].text
        assert 'value="ada"' in answers[-1].text
        assert re.search(r"Too many wrong passwords.* The next try is possible in \d+ seconds?\.", answers[-1].text)

    async def test_json_gets_problems(self, start: Any) -> None:
        api = await start()

        response = await api.post("/session", json={"username": "ada", "password": "wrong-password-of-ada"})

        assert (response.status_code, response.headers["content-type"]) == (401, "application/problem+json")

    @pytest.mark.parametrize(
        ("next", "kept"),
        [
            ("/my/downloads?q=a", True),
            ("//evil.example", False),
            ("/\\evil.example", False),
            ("https://evil.example", False),
        ],
    )
    async def test_goes_to_pages_of_this_server_only(self, start: Any, next: str, kept: bool) -> None:
        api = await start()

        text = html.unescape((await api.get("/my/sign-in", params={"next": next})).text)

        assert (f'name="next" value="{next}"' in text) == kept

    async def test_a_page_that_needs_an_account_leads_back(self, start: Any) -> None:
        api = await start()

        response = await api.get("/my/downloads?q=fox")

        assert response.status_code == 401
        assert 'name="next" value="/my/downloads?q=fox"' in response.text


class TestSignedIn:
    """Who is signed in needs no form to sign in or up."""

    @pytest.mark.parametrize("form", ["sign-in", "sign-up"])
    @pytest.mark.parametrize(
        ("next", "leads_to"), [("/?q=fox", "/?q=fox"), ("//evil.example", "/"), (None, "/my/account")]
    )
    async def test_goes_on(self, start: Any, form: str, next: str | None, leads_to: str) -> None:
        api = await start()

        query = {} if next is None else {"next": next}
        response = await api.get(f"/my/{form}", params=query, headers=await api.sign_in())

        assert (response.status_code, response.headers["location"]) == (303, leads_to)

    async def test_one_who_is_not_sees_which_page_it_is(self, start: Any) -> None:
        """The form to sign up is not the page to sign in."""
        api = await start()

        current = [re.findall(r'<a href="([^"]*)" aria-current="page"', (await api.get(path)).text) for path in FORMS]

        assert current == [["/my/sign-in"], []]

    @pytest.mark.parametrize("path", ["/session", "/session/end"])
    async def test_the_address_of_the_form_leads_to_its_page(self, start: Any, path: str) -> None:
        """It stands in the browser after a wrong password."""
        api = await start()

        response = await api.get(path)

        assert (response.status_code, response.headers["location"]) == (303, "/my/sign-in")

    async def test_leaving_is_confirmed(self, start: Any) -> None:
        api = await start()
        await api.sign_in()
        await sign_in(api, "ada")
        text = (await api.get("/my/account")).text
        next = re.findall(r'action="/session/end"><input type="hidden" name="next" value="([^"]*)"', text)[0]

        left = await api.post("/session/end", data={"next": next}, headers=BROWSER)

        assert '<p role="status">You are signed out.</p>' in (await api.get(left.headers["location"])).text


class TestSession:
    async def test_a_page_names_once_what_it_varies_by(self, start: Any) -> None:
        """The page, the session and the rules for other origins add to the same header."""
        api = await start({"IMAGEVAULT_CORS_ORIGINS": "https://app.example"})
        await api.sign_in()
        await sign_in(api, "ada")

        shown = await api.get("/my/account")
        changed = await api.post("/my/keys", data={"name": "a", "scope": "search"}, headers=BROWSER)

        assert [shown.status_code, changed.status_code] == [200, 200]
        assert shown.headers.get_list("vary") == ["Accept-Encoding, Cookie, Origin"]
        assert changed.headers.get_list("vary") == ["Accept-Encoding, Cookie, Origin, Sec-Fetch-Site"]


class TestEndedSession:
    """A form that is sent after its session has ended leads back to its page, and says that nothing was saved."""

    @pytest.mark.parametrize(
        ("action", "page"),
        [
            ("/my/downloads", "/picture/local:fox-in-snow.jpg?also=pexels:1"),
            (
                "/my/downloads/7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25",
                "/my/downloads/7f0e8a4c-52b1-4a57-9d0c-8a1f3e6b9c25",
            ),
            ("/my/keys", "/my/account"),
            (f"/my/keys/{ID}", "/my/account"),
            ("/my/password", "/my/account"),
        ],
    )
    async def test_leads_back_to_the_page_of_the_form(self, start: Any, action: str, page: str) -> None:
        """Browsers name it as the referrer; without that, forms of one page only say where they stand."""
        api = await start()
        sent = {"note": "what was typed"}

        response = await api.post(action, data=sent, headers={"Referer": f"http://127.0.0.1:8000{page}"})
        without = await api.post(action, data=sent)

        text = html.unescape(response.text)
        assert response.status_code == 401
        assert f'name="next" value="{page}"' in text
        assert "Your session has ended" in text
        assert "was not saved" in text
        assert "sign in in another tab, then load this page again" in text
        assert "what was typed" not in text
        assert f'name="next" value="{"/my/downloads" if "picture" in page else page}"' in html.unescape(without.text)

    async def test_leads_to_pages_of_this_server_only(self, start: Any) -> None:
        api = await start()

        response = await api.post(
            "/my/keys", data={"name": "x"}, headers={"Referer": "https://evil.example//a.example/"}
        )

        assert 'name="next" value="/"' in response.text


class TestClosedSignUp:
    @pytest.mark.parametrize(("signup", "offered"), [("open", True), ("invite", True), ("closed", False)])
    async def test_is_offered_where_it_is_possible(self, start: Any, signup: str, offered: bool) -> None:
        """On the form to sign in, wherever it is shown, and where a search needs an account."""
        api = await start({"IMAGEVAULT_SIGNUP": signup})

        pages = [
            await api.get("/my/sign-in"),
            await api.get("/my/downloads"),
            await sign_in(api, "nobody"),
            await api.get("/?q=fox"),
        ]

        assert [page.status_code for page in pages] == [200, 401, 401, 200]
        assert ["/my/sign-up" in page.text for page in pages] == [offered] * 4


class TestAccount:
    async def test_a_key_is_shown_once_and_works_until_it_is_revoked(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()

        made = await api.post("/my/keys", data={"name": "<catalogue>", "scope": "search"}, headers=headers)
        key = re.findall(r"iv_[0-9A-Za-z]{36}", made.text)[0]
        again = await api.get("/my/account", headers=headers)
        found = await api.get("/search?q=fox&provider=local", headers={"Authorization": f"Bearer {key}"})
        address = re.findall(r'action="(/my/keys/[^"]+)"', again.text)[0]
        revoked = await api.post(address, data={"x": "y"}, headers=headers)

        assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
        assert "content-encoding" not in made.headers
        assert key not in again.text
        assert "&lt;catalogue&gt;" in again.text
        assert found.status_code == 200
        assert path_of(revoked.headers["location"]) == "/my/account"
        assert "The key is revoked." in (await api.get(revoked.headers["location"], headers=headers)).text
        assert "/my/keys/" not in (await api.get("/my/account", headers=headers)).text

    async def test_a_key_opens_no_page(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        made = await api.post("/my/keys", data={"name": "catalogue", "scope": "search"}, headers=headers)
        key = {"Authorization": f"Bearer {re.findall(r'iv_[0-9A-Za-z]{36}', made.text)[0]}"}

        for path in ("/", "/my/account", "/my/downloads", "/my/providers", "/picture/local:fox-in-snow.jpg"):
            assert (await api.get(path, headers=key)).status_code == 403, path

    async def test_the_password_changes(self, start: Any) -> None:
        api = await start()
        headers = await api.sign_in()
        data = {"current_password": PASSWORD, "new_password": "copper-lantern-58"}

        wrong = await api.post("/my/password", data={**data, "current_password": "other-words-12"}, headers=headers)
        changed = await api.post("/my/password", data=data, headers=headers)

        assert wrong.status_code == 403
        assert "The password is wrong." in wrong.text
        assert ">ada</a>" in wrong.text  # who is signed in, on the page of an error too
        assert path_of(changed.headers["location"]) == "/my/sign-in"
        assert (await api.get("/my/account", headers=headers)).status_code == 401
        assert (await sign_in(api, "ada", "copper-lantern-58")).status_code == 303

    @pytest.mark.parametrize(
        ("action", "data", "status", "words", "kept", "field"),
        [
            (
                "keys",
                {"name": "<my> catalogue"},
                400,
                "What it may do: choose at least one",
                'value="<my> catalogue"',
                "scope",
            ),
            (
                "keys",
                {"name": "", "scope": "downloads"},
                400,
                "What it is for: must be",
                'value="downloads" checked',
                "name",
            ),
            (
                "keys",
                {"name": "a", "scope": "admin"},
                403,
                "Only an admin",
                'name="name" required maxlength="100"',
                "scope",
            ),
            (
                "password",
                {"current_password": PASSWORD, "new_password": "shrt-58", "revoke_keys": "yes"},
                400,
                "New password: ",
                'value="yes" checked',
                "new_password",
            ),
            (
                "password",
                {"current_password": "wrong-words-12", "new_password": PASSWORD},
                403,
                "is wrong",
                "autofocus",
                "current_password",
            ),
            (
                "password",
                {"new_password": PASSWORD},
                400,
                "Current password: is missing",
                "autofocus",
                "current_password",
            ),
        ],
    )
    async def test_a_form_that_failed_is_shown_again(
        self, start: Any, action: str, data: dict[str, str], status: int, words: str, kept: str, field: str
    ) -> None:
        """With the reason in the form, and what was typed into it, but no password."""
        api = await start()
        headers = await api.sign_in()
        await api.post("/my/keys", data={"name": "other key", "scope": "search"}, headers=headers)

        response = await api.post(f"/my/{action}", data=data, headers=headers)

        text = html.unescape(response.text)
        form = re.findall(rf'<form method="post" action="/my/{action}">.*?</form>', text, re.DOTALL)[0]
        assert (response.status_code, response.headers["cache-control"]) == (status, "no-store")
        assert re.search(rf'<p id="problem" class="bad" role="alert">[^<]*{words}', form)
        assert tied_field(response) == field
        assert text.count('role="alert"') == 1
        assert kept in form
        assert "other key" in text
        assert "<my>" not in response.text
        for password in (PASSWORD, "shrt-58", "wrong-words"):
            assert password not in text

    async def test_a_key_that_is_revoked_already_is_no_error(self, start: Any) -> None:
        """As after a second click, or in another tab."""
        api = await start()

        revoked = await api.post(f"/my/keys/{ID}", data={}, headers={**await api.sign_in(), **FORM})

        assert (revoked.status_code, path_of(revoked.headers["location"])) == (303, "/my/account")

    async def test_the_same_form_creates_one_key(self, start: Any) -> None:
        """A reload sends it again, also after its key was revoked. The next form, and a changed one, create another."""
        api = await start()
        headers = await api.sign_in()
        form = {"name": "catalogue", "scope": "search", "token": await self.token(api, headers)}

        made = await api.post("/my/keys", data=form, headers=headers)
        again = await api.post("/my/keys", data=form, headers=headers)
        shown = await api.get(again.headers["location"], headers=headers)
        [address] = re.findall(r'action="(/my/keys/[^"]+)"', shown.text)
        await api.post(address, data={"x": "y"}, headers=headers)
        await api.post("/my/keys", data=form, headers=headers)
        left = await api.get("/api-keys", headers=headers)
        others = [
            await api.post("/my/keys", data=other, headers=headers)
            for other in ({**form, "token": await self.token(api, headers)}, {**form, "name": "shop"})
        ]

        assert (made.status_code, again.status_code, path_of(again.headers["location"])) == (200, 303, "/my/account")
        assert "This form was sent before" in shown.text
        assert "iv_" in made.text
        assert left.json()["keys"] == []
        kept = (await api.get("/account/export", headers=headers)).json()["repeatable_saves"]
        assert [save["answer"] for save in kept] == [{"form": "/my/keys"}] * 3  # and nothing of the keys
        assert [response.status_code for response in others] == [200, 200]
        assert {key["name"] for key in (await api.get("/api-keys", headers=headers)).json()["keys"]} == {
            "catalogue",
            "shop",
        }

    async def test_a_form_that_failed_may_be_sent_again(self, start: Any) -> None:
        """A failure creates no key, so it is not what happened before."""
        api = await start()
        headers = await api.sign_in()
        form = {"name": "catalogue", "scope": "admin", "token": await self.token(api, headers)}

        answers = [await api.post("/my/keys", data=form, headers=headers) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [403, 403]

    async def token(self, api: Any, headers: dict[str, str]) -> Any:
        text = (await api.get("/my/account", headers=headers)).text
        return re.findall(r'name="token" value="([^"]+)"', text)[0]

    @pytest.mark.parametrize("path", ["/my/keys", f"/my/keys/{ID}", "/my/password"])
    async def test_the_address_of_a_form_leads_to_its_page(self, start: Any, path: str) -> None:
        """It stands in the browser after a mistake, and somebody may load it anew. A stranger signs in first."""
        api = await start()

        shown = await api.get(path, headers=await api.sign_in())

        assert (shown.status_code, shown.headers["location"]) == (303, "/my/account")
        assert (await api.get(path)).status_code == 401

    async def test_another_site_can_do_nothing_with_the_session(self, start: Any) -> None:
        api = await start()
        await api.sign_in()
        await sign_in(api, "ada")
        data = {"name": "stolen", "scope": "search"}

        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            assert (await api.post("/my/keys", data=data, headers=headers)).status_code == 403
        assert (await api.post("/my/keys", data=data, headers=BROWSER)).status_code == 200
