"""The forms in which an answer is sent: whole, by gzip, or as 304 to a client that has it already."""

from functools import lru_cache

from imagevault.cache.answers import Answer, Headers
from imagevault.images.conditional import has_current

REMEMBERED_HEADERS = 64  # values of Accept-Encoding; an HTTP client always sends the same
MIN_COMPRESSED = 1024  # bytes; a shorter body is not worth it
# A shared browser cache must not give the answer of one account to another, whose key may allow other providers.
VARY = (b"vary", b"Accept-Encoding, Authorization")
PRIVATE = (b"cache-control", b"private, max-age=60")


def answer_of(body: bytes, headers: Headers) -> Answer:
    """Return the answer with this body of JSON, and with these headers beside those of all answers."""
    return Answer.of(body, [PRIVATE, VARY, *headers])


def form_of(answer: Answer, if_none_match: str, accept_encoding: str) -> tuple[int, Headers, bytes]:
    """Return status, headers and body for a client.

    Args:
        answer: the answer.
        if_none_match: the values of that header, joined by commas; empty if it was not sent.
        accept_encoding: the same of Accept-Encoding.

    """
    tag = (b"etag", f'W/"{answer.tag}"'.encode())
    if if_none_match and has_current(if_none_match, answer.tag):
        return 304, [tag, *answer.headers], b""
    headers = [(b"content-type", b"application/json"), tag, *answer.headers]
    body = answer.body
    if len(body) >= MIN_COMPRESSED and takes_gzip(accept_encoding):
        body = answer.gzip()
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(body)))
    return 200, headers, body


@lru_cache(maxsize=REMEMBERED_HEADERS)
def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip, or everything, with a weight above 0 (RFC 9110, 12.5.3)."""
    weights: dict[str, bool] = {}
    for element in accept_encoding.lower().split(","):
        coding, _, parameter = element.partition(";")
        name, _, weight = parameter.strip().partition("=")
        is_taken = name.strip() != "q" or weight.strip().strip("0.") != ""
        weights[coding.strip()] = is_taken
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))
