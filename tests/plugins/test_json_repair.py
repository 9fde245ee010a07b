"""One odd text or number makes the JSON of a whole answer malformed. It is repaired, and the rest stays as it is."""

import pytest

from imagevault.plugins.json_repair import repaired
from tests.support.linear_time import is_linear


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"a \uD83D b"', rb'"a \ufffd b"'),
        (rb'"\ude00"', rb'"\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\ud83d\ude00\ude00"', rb'"\ud83d\ude00\ufffd"'),
        (rb'"\ud83d\u0041"', rb'"\ufffd\u0041"'),
        (rb'{"width": NaN, "height":NaN}', b'{"width": null, "height":null}'),
        (rb"[NaN,NaN]", b"[null,null]"),
    ],
)
def test_what_is_repaired(body: bytes, expected: bytes) -> None:
    assert repaired(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        rb'"\ud83d\ude00"',
        rb'"\uD83D\uDE00"',
        rb'"\\ud83d is written so"',
        rb'"\u00e9"',
        '"😀"'.encode(),
        b'"NaN"',
        b'"a NaN b"',
        b"",
    ],
)
def test_what_stays(body: bytes) -> None:
    assert repaired(body) == body


@pytest.mark.parametrize("piece", [rb"\ud83d", rb"\ud83d\ude00", rb"\\ud83d", rb"\u", b"\\", b"[NaN,", b" NaN"])
def test_it_takes_linear_time(piece: bytes) -> None:
    assert is_linear(lambda length: repaired(piece * (length // len(piece))), 200_000)
