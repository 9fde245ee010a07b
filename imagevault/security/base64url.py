"""Base64 as it stands in URLs (RFC 4648, section 5), without padding, and with one spelling for each value."""

import base64


def encode(data: bytes) -> str:
    """Return the text for these bytes: letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of a text that `encode` made.

    Raises:
        ValueError: for any other text, also for a second spelling of the same bytes.

    """
    padded = text + "=" * (-len(text) % 4)
    data = base64.b64decode(padded, altchars=b"-_", validate=True)
    if encode(data) != text:
        raise ValueError("the unused bits of the last character are not zero")
    return data
