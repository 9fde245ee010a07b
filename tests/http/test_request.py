"""The head of a request, read once."""

from typing import Any

import pytest

from imagevault.http.request import NAMED_HEADERS, RequestContext, RequestHead, context_of

FIRST_COUNTS = {
    b"x-request-id": "request_id",
    b"origin": "origin",
    b"access-control-request-method": "requested_method",
    b"content-length": "content_length",
    b"content-type": "content_type",
    b"sec-fetch-site": "fetch_site",
}
ALL_COUNT = {
    b"host": "hosts",
    b"authorization": "authorizations",
    b"cookie": "cookies",
    b"x-forwarded-for": "forwarded",
    b"x-forwarded-host": "forwarded_hosts",
}
JOINED = {b"accept": "accept", b"accept-encoding": "accept_encoding", b"if-none-match": "if_none_match"}


class TestRequestHead:
    def test_holds_the_request_line(self, raw_scope: Any) -> None:
        """It holds the path decoded and as sent, and method and query as sent."""
        scope = raw_scope([], method="HEAD", path="/a b", raw_path=b"/a%20b", query_string=b"q=%20")

        head = RequestHead.read(scope)

        assert (head.method, head.path, head.raw_path, head.query) == ("HEAD", "/a b", b"/a%20b", b"q=%20")

    def test_holds_both_ends_of_the_connection(self, raw_scope: Any) -> None:
        head = RequestHead.read(raw_scope([], client=("192.0.2.1", 9), server=("192.0.2.2", 80)))

        assert (head.client, head.server) == ("192.0.2.1", "192.0.2.2")

    def test_does_without_what_a_server_need_not_say(self, raw_scope: Any) -> None:
        """In ASGI, `client`, `server` and `raw_path` may be absent or None."""
        scope = raw_scope([], client=None, server=None, raw_path=None)
        for name in ("client", "server", "raw_path"):
            head = RequestHead.read({key: value for key, value in scope.items() if key != name})

            assert (head.client, head.server, head.raw_path) == ("local", "", b"")

    @pytest.mark.parametrize(("name", "attribute"), FIRST_COUNTS.items())
    def test_of_most_headers_the_first_counts(self, raw_scope: Any, name: bytes, attribute: str) -> None:
        """An empty header was sent; an absent header was not."""
        absent = RequestHead.read(raw_scope([(b"x-other", b"1")]))
        empty = RequestHead.read(raw_scope([(name, b"")]))
        twice = RequestHead.read(raw_scope([(name, b"1"), (b"x-other", b"0"), (name, b"2")]))

        assert [getattr(head, attribute) for head in (absent, empty, twice)] == [None, b"", b"1"]

    @pytest.mark.parametrize(("name", "attribute"), ALL_COUNT.items())
    def test_of_those_that_may_come_once_all_are_kept(self, raw_scope: Any, name: bytes, attribute: str) -> None:
        """A duty can then refuse a repeated header."""
        absent = RequestHead.read(raw_scope([]))
        twice = RequestHead.read(raw_scope([(name, b"1"), (b"x-other", b"0"), (name, b"2")]))

        assert [getattr(head, attribute) for head in (absent, twice)] == [[], [b"1", b"2"]]

    @pytest.mark.parametrize(("name", "attribute"), JOINED.items())
    def test_of_lists_all_values_are_one_list(self, raw_scope: Any, name: bytes, attribute: str) -> None:
        """As RFC 9110, 5.3 reads a repeated header."""
        absent = RequestHead.read(raw_scope([]))
        twice = RequestHead.read(raw_scope([(name, b"a"), (b"x-other", b"0"), (name, b"b, c")]))

        assert [getattr(head, attribute) for head in (absent, twice)] == ["", "a,b, c"]

    def test_every_named_header_has_its_attribute(self) -> None:
        assert FIRST_COUNTS.keys() | ALL_COUNT.keys() | JOINED.keys() == NAMED_HEADERS.keys()

    def test_the_size_is_that_of_all_headers(self, raw_scope: Any) -> None:
        """It counts names and values, also of headers that no duty reads."""
        assert RequestHead.read(raw_scope([])).headers_size == 0
        assert RequestHead.read(raw_scope([(b"host", b"a"), (b"x-other", b"12"), (b"x", b"")])).headers_size == 15


class TestRequestContext:
    def test_is_found_in_the_scope(self, raw_scope: Any) -> None:
        context = RequestContext(head=RequestHead.read(raw_scope([])), request_id="a", network="192.0.2.1")

        assert context_of({"imagevault": context}) is context

    def test_two_share_nothing(self, raw_scope: Any) -> None:
        """The headers of one response do not get into another."""
        head = RequestHead.read(raw_scope([]))
        one, other = (RequestContext(head=head, request_id="a", network="192.0.2.1") for _ in range(2))

        one.response_headers.append((b"vary", b"Origin"))

        assert other.response_headers == []
        assert (other.caller, other.bad_credential, other.status) == (None, False, 0)
