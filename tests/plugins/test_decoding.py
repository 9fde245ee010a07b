"""Reading answers: what is decoded, what raises, and what is left out."""

import httpx
import msgspec
import pytest

from imagevault import decode, decode_each


class Photo(msgspec.Struct):
    id: int
    title: str | None = None


class Listing(msgspec.Struct):
    photos: list[msgspec.Raw]


def answer(content: bytes, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=content, request=httpx.Request("GET", "https://api.example/photos"))


class TestDecode:
    def test_returns_the_struct(self) -> None:
        assert decode(answer(b'{"id": 7, "more": "is ignored"}'), Photo) == Photo(7)

    @pytest.mark.parametrize("status", [404, 429, 503])
    def test_raises_for_the_status_first(self, status: int) -> None:
        """Whatever the body is."""
        with pytest.raises(httpx.HTTPStatusError):
            decode(answer(b"<html>", status), Photo)

    @pytest.mark.parametrize("content", [b"", b"<html>", b'{"id": "seven"}', b"[]"])
    def test_raises_for_another_form(self, content: bytes) -> None:
        with pytest.raises(msgspec.MsgspecError):
            decode(answer(content), Photo)


class TestDecodeEach:
    def test_leaves_out_what_has_another_form(self) -> None:
        """Missing fields, wrong types, and text that is not UTF-8."""
        content = b'{"photos": [{"id": 1}, {"id": "two"}, {}, null, {"id": 5, "title": "\xff"}, {"id": 6}]}'

        listing = decode(answer(content), Listing)

        assert decode_each(listing.photos, Photo) == [Photo(1), Photo(6)]

    def test_of_nothing_is_nothing(self) -> None:
        assert decode_each([], Photo) == []
