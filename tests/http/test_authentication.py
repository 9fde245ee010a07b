"""How the credential of a request is read."""

from typing import Any

import pytest

JSON = {"Content-Type": "application/json"}


class TestAuthorization:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
    async def test_the_scheme_is_read_in_any_letter_case(self, api: Any, scheme: str) -> None:
        """RFC 9110 demands it. An additional blank does no harm."""
        token = api.headers["Authorization"].partition(" ")[2]

        answer = await api.get("/protected", headers={"Authorization": f"{scheme} {token}"})

        assert answer.status_code == 200

    @pytest.mark.parametrize("credential", ["Bearer", "Bearer ", "Basic YTpi", "Token {}", "{}", "Bearer {},", ""])
    async def test_anything_else_is_nobody(self, api: Any, credential: str) -> None:
        """Another scheme, no token, or a token without its scheme identifies nobody."""
        token = api.headers["Authorization"].partition(" ")[2]

        answer = await api.get("/protected", headers={"Authorization": credential.format(token)})

        assert answer.status_code == 401

    @pytest.mark.parametrize(
        "credential",
        [b"\0", b"a\0b", b"\xff\xfe", b"iv_\0", b"a" * 2049, b"." * 15_000, b"iv_" + b"a" * 15_000, b"a b", b"\ta"],
        ids=["NUL", "NUL inside", "no UTF-8", "a key of NUL", "2 KB", "dots", "a gigantic key", "two words", "a tab"],
    )
    async def test_rubbish_is_nobody(self, api: Any, credential: bytes) -> None:
        """Whatever its bytes and its length are, it costs no query and no error."""
        before = len(api.services.credentials.verified)

        answer = await api.get("/protected", headers=[(b"authorization", b"Bearer " + credential)])

        assert answer.status_code == 401
        assert len(api.services.credentials.verified) == before

    async def test_sent_twice_is_refused(self, api: Any) -> None:
        """It is ambiguous which of two counts, so both are refused, on open routes too."""
        own = api.headers["Authorization"]

        for path in ("/protected", "/docs"):
            answer = await api.get(path, headers=[("Authorization", own), ("Authorization", own)])

            assert (answer.status_code, answer.json()["detail"]) == (400, "Authorization: must be sent once")

    async def test_a_credential_is_never_in_the_url(self, api: Any) -> None:
        """Logs would keep it there (RFC 6750, 5.3)."""
        token = api.headers["Authorization"].partition(" ")[2]

        answer = await api.get(f"/downloads?access_token={token}")
        form = await api.post("/download", json={"url": "https://a.example/", "access_token": token})

        assert (answer.status_code, form.status_code) == (401, 401)

    async def test_a_cookie_is_no_credential(self, start: Any) -> None:
        """Without a session, a page of another site has nothing to use."""
        api = await start()
        token = (await api.sign_in())["Authorization"].partition(" ")[2]

        answer = await api.get("/protected", headers={"Cookie": f"token={token}; access_token={token}"})

        assert answer.status_code == 401
        assert "set-cookie" not in (await api.post("/token", data={"username": "ada", "password": "x"})).headers
