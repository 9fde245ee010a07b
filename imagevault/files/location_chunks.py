"""A PNG or WebP without the place where it was taken. Both are made of chunks. What else is left out: see `location`.

Sources: https://www.w3.org/TR/png-3/#5DataRep, https://developers.google.com/speed/webp/docs/riff_container.
"""

import contextlib
import struct
import zlib
from collections.abc import Iterator

from imagevault.files.coordinates import (
    EXIF_HEADER,
    Unreadable,
    cleaned_exif,
    cleaned_xmp,
    even,
    is_location,
    with_header,
)
from imagevault.files.metadata import MAX_XMP

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
PNG_XMP = b"XML:com.adobe.xmp"
# Chunks that say how to show the picture. Those with a capital letter first are needed to decode it.
PNG_SHOWN = {
    b"acTL", b"bKGD", b"cHRM", b"cICP", b"cLLI", b"fcTL", b"fdAT", b"gAMA", b"hIST", b"iCCP", b"mDCV", b"pHYs", b"sBIT",
    b"sPLT", b"sRGB", b"tIME", b"tRNS",
}  # fmt: skip


def cleaned_png(content: bytes) -> bytes:
    """Return a PNG without its location, and without what follows its end."""
    kept = [PNG_SIGNATURE]
    for kind, data in _png_chunks(content):
        cleaned = _cleaned_chunk(kind, data)
        if cleaned is not None:
            kept.append(struct.pack(">I", len(cleaned)) + kind + cleaned)
            kept.append(struct.pack(">I", zlib.crc32(kind + cleaned)))
    return b"".join(kept)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a PNG up to its end: each as kind and data."""
    position = len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length = int.from_bytes(content[position : position + 4])
        kind = content[position + 4 : position + 8]
        data = content[position + 8 : position + 8 + length]
        if len(kind) < 4 or len(data) < length:
            raise Unreadable(f"the chunk at byte {position} does not end")
        yield kind, data
        position += 12 + length  # with length, kind and checksum


def _cleaned_chunk(kind: bytes, data: bytes) -> bytes | None:
    """Return the data of a chunk without a location; None if the chunk is to be left out."""
    if kind == b"eXIf":
        return with_header(b"", cleaned_exif(data))
    if kind in PNG_TEXT:
        return _cleaned_png_text(kind, data)
    is_needed = kind[:1].isupper()
    return data if is_needed or kind in PNG_SHOWN else None


def _cleaned_png_text(kind: bytes, data: bytes) -> bytes | None:
    """Return the data of a text chunk.

    Some programs write EXIF and XMP into texts of their own, "Raw profile type exif", or single values of it,
    "exif:GPSLatitude".
    """
    keyword, _, rest = data.partition(b"\0")
    if kind == b"iTXt" and keyword == PNG_XMP:
        return _cleaned_png_xmp(rest)
    if keyword.lower().startswith(b"raw profile") or is_location(keyword.decode("latin-1")):
        return None
    return data


def _cleaned_png_xmp(rest: bytes) -> bytes | None:
    """Return the data of a chunk with XMP. After the keyword it holds flag, method, language, translation and text."""
    is_compressed = rest[:1] == b"\1"
    language_and_text = rest[2:].split(b"\0", 2)
    if len(language_and_text) < 3:
        return None
    packet = language_and_text[2]
    if is_compressed:
        with contextlib.suppress(zlib.error):
            packet = zlib.decompressobj().decompress(packet, MAX_XMP)
    cleaned = cleaned_xmp(packet)
    if cleaned == packet:
        return PNG_XMP + b"\0" + rest
    return with_header(PNG_XMP + b"\0\0\0\0\0", cleaned)


# WebP

WEBP_CHUNKS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "}
WEBP_FLAGS = {b"EXIF": 0x08, b"XMP ": 0x04}  # of the first byte of VP8X: whether the file has such a chunk


def cleaned_webp(content: bytes) -> bytes:
    """Return a WebP without its location, and without what follows its end."""
    chunks = []
    for kind, data in _webp_chunks(content):
        cleaned = _cleaned_webp_chunk(kind, data)
        if cleaned is not None:
            chunks.append((kind, cleaned))
    kinds = {kind for kind, _ in chunks}
    body = b"".join(_webp_chunk(kind, data, kinds) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_chunk(kind: bytes, data: bytes, kinds: set[bytes]) -> bytes:
    """Return a chunk as it stands in a file that has chunks of these kinds."""
    if kind == b"VP8X":
        others = data[0] & ~sum(WEBP_FLAGS.values())
        flags = sum(flag for other, flag in WEBP_FLAGS.items() if other in kinds)
        data = bytes([others | flags]) + data[1:]
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a WebP up to its end: each as kind and data."""
    end_of_file = min(len(content), 8 + int.from_bytes(content[4:8], "little"))
    position = 12
    while position + 8 <= end_of_file:
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        end = position + 8 + size
        if end > end_of_file:
            raise Unreadable(f"the chunk at byte {position} does not end")
        yield content[position : position + 4], content[position + 8 : end]
        position += 8 + even(size)


def _cleaned_webp_chunk(kind: bytes, data: bytes) -> bytes | None:
    """Return the data of a chunk without a location; None if the chunk is to be left out."""
    if kind == b"EXIF":
        header = EXIF_HEADER if data.startswith(EXIF_HEADER) else b""
        return with_header(header, cleaned_exif(data.removeprefix(header)))
    if kind == b"XMP ":
        return with_header(b"", cleaned_xmp(data))
    is_empty_header = kind == b"VP8X" and not data
    return data if kind in WEBP_CHUNKS and not is_empty_header else None
