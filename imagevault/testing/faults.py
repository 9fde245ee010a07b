"""Faults of an upstream, for `Upstream.fail`. An `Answer` is a fault too, with any status, headers and body.

To write another fault, write a function of the `Exchange`. Most faults here begin with the answer of a healthy
upstream, so that a client that overlooks the fault sees nothing wrong.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from imagevault.testing.exchange import Answer, Exchange, Fault
from imagevault.testing.xml_answers import read_xml, spoil, write_xml

_BLOCK = 65_536
_BLANKS = b" " * _BLOCK


def html_page(status: int = 200) -> Fault:
    """An HTML page instead of JSON, as from a proxy, a captive portal, or an error page under status 200."""
    return Answer("<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>", status)


def changed(change: Callable[[Any], Any]) -> Fault:
    """The real JSON answer after `change`, which alters it in place and returns None, or returns another value.

    An answer that is no JSON, such as XML, is an error of the test: write a function of the `Exchange` for it.
    """

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        content = msgspec.json.decode(answer.body)
        result = change(content)
        exchange.send(_with_body(answer, msgspec.json.encode(content if result is None else result)))

    return play


def wrong_types() -> Fault:
    """The real answer with other values in it.

    In JSON, each value of its object is replaced by one of another type (a list by an object). In XML, an element
    `unexpected` replaces everything in the root. An answer that is neither JSON nor XML stays as it is.
    """

    def other(value: object) -> object:
        return {"unexpected": True} if isinstance(value, str | list) else "x"

    def change(content: Any) -> object:
        return {name: other(value) for name, value in content.items()} if isinstance(content, dict) else other(content)

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        root = read_xml(answer.body)
        if root is not None:
            spoil(root)
            exchange.send(_with_body(answer, write_xml(root)))
        elif _is_json(answer.body):
            content = change(msgspec.json.decode(answer.body))
            exchange.send(_with_body(answer, msgspec.json.encode(content)))
        else:
            exchange.send(answer)

    return play


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except ValueError:
        return False
    return True


def cut_json() -> Fault:
    """A complete HTTP answer whose JSON or XML is cut off in the middle."""

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.send(_with_body(answer, answer.body[: len(answer.body) // 2]))

    return play


def truncated() -> Fault:
    """The real answer, but the connection ends in the middle of it: Content-Length promises more."""

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.close()
        exchange.begin(answer, len(answer.body))
        exchange.write(answer.body[: len(answer.body) // 2])

    return play


def reset() -> Fault:
    """A reset of the connection, without an answer."""
    return Exchange.reset


def hang() -> Fault:
    """No answer until `Upstream.heal`, then the real one. No answer at all if the upstream stops first."""

    def play(exchange: Exchange) -> None:
        exchange.wait()
        exchange.send(exchange.answer())

    return play


def delay(seconds: float) -> Fault:
    """The real answer, so many seconds later. `Upstream.heal` ends the wait."""

    def play(exchange: Exchange) -> None:
        exchange.wait(seconds)
        exchange.send(exchange.answer())

    return play


def drip(seconds: float) -> Fault:
    """The real answer byte by byte, with so many seconds before each: no timeout of a single read strikes."""

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.begin(answer, len(answer.body))
        for byte in answer.body:
            exchange.wait(seconds)
            exchange.write(bytes([byte]))

    return play


def oversized(size: int) -> Fault:
    """The real answer and spaces, which JSON allows, up to `size` bytes in all. No header announces the length."""

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        exchange.begin(answer)
        for block in _padded(answer.body, size):
            exchange.write(block)

    return play


def gzip_bomb(size: int) -> Fault:
    """The real answer and spaces up to `size` bytes in all, gzipped to about a thousandth of that."""

    def play(exchange: Exchange) -> None:
        answer = exchange.answer()
        gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        exchange.begin(Answer(answer.content, answer.status, {**answer.headers, "Content-Encoding": "gzip"}))
        for block in _padded(answer.body, size):
            exchange.write(gzip.compress(block))
        exchange.write(gzip.flush())

    return play


def _padded(body: bytes, size: int) -> Iterator[bytes]:
    """Yield the body, and then spaces up to `size` bytes, in blocks."""
    yield body
    for position in range(len(body), size, _BLOCK):
        yield _BLANKS[: size - position]


def _with_body(answer: Answer, body: bytes) -> Answer:
    """Return the answer with another body."""
    return Answer(body, answer.status, {"Content-Type": answer.content_type, **answer.headers})
