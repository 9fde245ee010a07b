"""The sizes of head and body, and the characters in them."""

from typing import Any

import pytest

from imagevault.http.request_limits import MAX_BODY, MAX_HEADERS, MAX_TARGET

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TestCaps:
    async def test_headers(self, api: Any, ask: Any, edge_of: Any) -> None:
        """The response is 431 above the limit, but not at it."""
        rest = len("host127.0.0.1:8000")
        fits = [(b"host", b"127.0.0.1:8000"), (b"x", b"a" * (MAX_HEADERS - rest - 1))]

        assert await ask(edge_of(api), headers=fits) == 200
        assert await ask(edge_of(api), headers=[*fits, (b"y", b"")]) == 431

    async def test_target(self, api: Any) -> None:
        """The response is 414 above the limit, but not at it. Path and query count together."""
        half = MAX_TARGET // 2

        fits = await api.get("/" + "a" * (half - 1) + "?" + "b" * half)
        longer = await api.get("/" + "a" * (half - 1) + "?" + "b" * (half + 1))

        assert (fits.status_code, longer.status_code) == (404, 414)

    @pytest.mark.parametrize("declared", [True, False])
    async def test_body(self, api: Any, declared: bool) -> None:
        """The response is 413 above the limit, but not at it, whether the length is declared or not."""

        async def body(size: int) -> Any:
            for _ in range(0, size, 1024):
                yield b" " * 1024
            yield b" " * (size % 1024)

        def content(size: int) -> Any:
            return b" " * size if declared else body(size)

        headers = {**api.headers, **JSON}
        fits = await api.post("/download", content=content(MAX_BODY), headers=headers)
        larger = await api.post("/download", content=content(MAX_BODY + 1024), headers=headers)

        assert (fits.status_code, larger.status_code) == (400, 413)

    @pytest.mark.parametrize(
        ("length", "status"), [(b"65537", 413), (b"9" * 5000, 413), (b"-1", 400), (b"1e3", 400), (b"", 400)]
    )
    async def test_declared_lengths(self, api: Any, length: bytes, status: int, ask: Any, edge_of: Any) -> None:
        """A malformed length is 400. A huge one is 413, however many digits it has."""
        headers = [(b"host", b"127.0.0.1"), (b"content-length", length)]

        assert await ask(edge_of(api), headers=headers) == status


class TestAccountCalls:
    """Names and passwords are short, and reading them is free for everybody, so the limit is 4 KB."""

    @pytest.mark.parametrize("path", ["/signup", "/token", "/signup/", "/token//"])
    @pytest.mark.parametrize("declared", [True, False])
    async def test_a_body_of_4_kb_is_the_largest(self, api: Any, path: str, declared: bool) -> None:
        """Whether the length is declared or not, and however the path is written."""
        is_form = "token" in path
        headers = FORM if is_form else JSON
        whole = b"username=x&password=y" if is_form else b'{"username": "x", "password": "y"}'
        padding = b"&" if is_form else b" "

        async def parts(body: bytes) -> Any:
            yield body[:100]
            yield body[100:]

        def content(size: int) -> Any:
            body = whole.ljust(size, padding)
            return body if declared else parts(body)

        fits = await api.post(path, content=content(4096), headers=headers)
        larger = await api.post(path, content=content(4097), headers=headers)

        assert fits.status_code in {400, 401}
        assert (larger.status_code, larger.json()["detail"]) == (413, "A body must be at most 4096 bytes.")

    @pytest.mark.parametrize(("declared", "reads"), [(b"4097", 0), (None, 3)])
    async def test_no_more_is_read(self, edge_of: Any, raw_scope: Any, api: Any, declared: Any, reads: int) -> None:
        """A declared length decides alone; otherwise the part that exceeds the limit is the last one."""
        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        if declared:
            headers.append((b"content-length", declared))
        count = 0
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            nonlocal count
            count += 1
            return {"type": "http.request", "body": b" " * 2000, "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        await edge_of(api)(raw_scope(headers, path="/signup", method="POST"), receive, send)

        assert (sent[0]["status"], count) == (413, reads)

    async def test_the_longest_name_and_password_fit(self, api: Any) -> None:
        """Four bytes for each character, percent-encoded."""
        answer = await api.post("/token", data={"username": "a" * 64, "password": "\U0001f98a" * 256})

        assert answer.status_code == 401


class TestCharacters:
    @pytest.mark.parametrize(
        "target", ["/a%ff", "/%c3", "/images/local:%ed%a0%80", "/search?q=%ff", "/search?%ff=q", "/search?q=a%c0%af"]
    )
    async def test_what_is_not_utf_8_is_refused(self, api: Any, target: str) -> None:
        """Invalid bytes are never replaced silently."""
        answer = await api.get(target)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "must be UTF-8, percent-encoded"

    @pytest.mark.parametrize("target", ["/a%00", "/%00", "/search?q=%00", "/search?q=a%00b", "/search?%00=q"])
    async def test_nul_is_refused_in_path_and_query(self, api: Any, target: str) -> None:
        """PostgreSQL stores no NUL, so the edge refuses it with 400."""
        answer = await api.get(target)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "a NUL character is not allowed"

    @pytest.mark.parametrize("note", [rb"\u0000", rb"a\\\u0000b", b"\0", rb"\\\\\u0000"])
    async def test_nul_is_refused_in_json(self, api: Any, note: bytes) -> None:
        """It is refused raw and escaped."""
        headers = {**api.headers, **JSON}

        answer = await api.post(
            "/download", content=b'{"url": "https://a.example/", "note": "' + note + b'"}', headers=headers
        )

        assert (answer.status_code, answer.json()["detail"]) == (400, "body: a NUL character is not allowed")

    @pytest.mark.parametrize("note", ["100%00", r"\u0000", "\\\\u0000", "%2500", "ä\U0001f600"])
    async def test_what_only_looks_like_nul_is_kept(self, api: Any, note: str) -> None:
        """In JSON, a percent sign has no special meaning, and an escaped backslash escapes nothing."""
        answer = await api.post("/download", json={"url": "https://a.example/", "note": note}, headers=api.headers)

        assert (answer.status_code, answer.json()["note"]) == (201, note)

    @pytest.mark.parametrize("password", [b"%00", b"a%00b", b"\0"])
    async def test_nul_is_refused_in_forms(self, api: Any, password: bytes) -> None:
        """It is refused percent-encoded and raw."""
        answer = await api.post("/token", content=b"username=ada&password=" + password, headers=FORM)

        assert (answer.status_code, answer.json()["detail"]) == (400, "body: a NUL character is not allowed")

    async def test_what_only_looks_like_nul_in_forms_is_read(self, api: Any) -> None:
        """In a form, a JSON escape is six characters, and %2500 is a percent sign and two digits."""
        answer = await api.post("/token", content=rb"username=ada&password=\u0000%2500", headers=FORM)

        assert answer.status_code == 401

    @pytest.mark.parametrize("form", [b"username=%ff&password=a", b"username=ada&password=\xff", b"%ff=&username=a"])
    async def test_a_form_that_is_not_utf_8_is_refused(self, api: Any, form: bytes) -> None:
        """Otherwise a password would have replaced characters."""
        answer = await api.post("/token", content=form, headers=FORM)

        assert (answer.status_code, answer.json()["detail"]) == (400, "body: must be UTF-8")
