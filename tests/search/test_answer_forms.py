"""The forms of an answer, and what clients accept."""

import gzip

import pytest

from imagevault.search.answer_forms import MIN_COMPRESSED, answer_of, form_of, takes_gzip


class TestAcceptEncoding:
    @pytest.mark.parametrize(
        "header",
        ["gzip", "GZIP", "deflate, gzip", "gzip;q=0.1", "gzip ; q=1", "*", "br, *;q=0.5", "x-gzip", "gzip;level=9"],
    )
    def test_takes_gzip(self, header: str) -> None:
        assert takes_gzip(header)

    @pytest.mark.parametrize(
        "header", ["", "br", "identity", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *", "gzipped", "," * 300]
    )
    def test_takes_it_not(self, header: str) -> None:
        assert not takes_gzip(header)


class TestForms:
    def test_a_body_is_compressed_for_those_who_take_it(self) -> None:
        """Once, however many take it; a short body is not worth it."""
        answer = answer_of(b"x" * MIN_COMPRESSED, [])

        status, headers, body = form_of(answer, "", "gzip")

        assert status == 200
        assert gzip.decompress(body) == answer.body
        assert dict(headers)[b"content-encoding"] == b"gzip"
        assert dict(headers)[b"content-length"] == str(len(body)).encode()
        assert form_of(answer, "", "gzip")[2] is body
        assert form_of(answer, "", "")[2] is answer.body
        short = answer_of(b"x" * (MIN_COMPRESSED - 1), [])
        assert b"content-encoding" not in dict(form_of(short, "", "gzip")[1])

    def test_the_tag_is_that_of_the_body(self) -> None:
        """Both forms have the same weak tag, because they mean the same."""
        answer = answer_of(b"x" * 2000, [])
        tags = {dict(form_of(answer, "", encoding)[1])[b"etag"] for encoding in ("", "gzip")}

        assert tags == {b'W/"' + answer.tag.encode() + b'"'}
        assert answer.tag != answer_of(b"y" * 2000, []).tag

    def test_a_client_that_has_it_gets_no_body(self) -> None:
        answer = answer_of(b"x" * 2000, [(b"link", b"<>")])

        status, headers, body = form_of(answer, f'"a", W/"{answer.tag}"', "gzip")

        assert (status, body) == (304, b"")
        assert {b"etag", b"vary", b"cache-control"} <= set(dict(headers))
        assert not {b"content-type", b"content-encoding", b"content-length"} & set(dict(headers))
