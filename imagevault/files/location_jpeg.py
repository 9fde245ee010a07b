"""A JPEG without the place where it was taken. What is left out beside it: see `location`.

Source: https://www.w3.org/Graphics/JPEG/itu-t81.pdf (B.1), and for Photoshop's data
https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/ ("Image Resource Blocks").
"""

import re
import struct

from imagevault.files.coordinates import EXIF_HEADER, Unreadable, cleaned_exif, cleaned_xmp, even, with_header

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
ICC_HEADER = b"ICC_PROFILE\0"
PHOTOSHOP_HEADER = b"Photoshop 3.0\0"

END_OF_IMAGE = 0xD9
START_OF_SCAN = 0xDA
JFIF = 0xE0  # APP0
EXIF_OR_XMP = 0xE1  # APP1
ICC = 0xE2  # APP2
PHOTOSHOP = 0xED  # APP13
ADOBE = 0xEE  # APP14, without which colours come out wrong
APPLICATION_DATA = range(0xE0, 0xF0)

# The marker of a segment, FFE1 for one. FFFF fills, FF01 and FFD0 to FFD8 have no payload.
SEGMENT = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
# What ends the data of a scan: a marker, but neither stuffing (FF00), nor filling (FFFF), nor a restart (FFD0 to FFD7).
AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def cleaned_jpeg(content: bytes) -> bytes:
    """Return a JPEG without its location, and without what follows its end."""
    kept = [content[:2]]
    position = 2
    while position < len(content):
        marker, start, end = _jpeg_segment(content, position)
        if marker == END_OF_IMAGE:
            kept.append(b"\xff\xd9")
            break
        payload = _cleaned_segment(marker, content[start:end])
        if payload is not None:
            kept.append(struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload)
        position = end
        if marker == START_OF_SCAN:
            position = _end_of_scan(content, end)
            kept.append(content[end:position])
    return b"".join(kept)


def _jpeg_segment(content: bytes, position: int) -> tuple[int, int, int]:
    """Return the marker of the next segment, and where its payload starts and ends. A file may end without a marker.

    Bytes before the marker are skipped, as decoders do.
    """
    found = SEGMENT.search(content, position)
    if found is None:
        return END_OF_IMAGE, len(content), len(content)
    marker = content[found.start() + 1]
    start = found.end()
    if marker == END_OF_IMAGE:
        return marker, start, start
    length = int.from_bytes(content[start : start + 2])
    end = start + length
    if length < 2 or end > len(content):
        raise Unreadable(f"the segment at byte {found.start()} does not end")
    return marker, start + 2, end


def _end_of_scan(content: bytes, position: int) -> int:
    """Return where the data of a scan ends. A file that was cut off has no end."""
    found = AFTER_SCAN.search(content, position)
    return found.start() if found else len(content)


def _cleaned_segment(marker: int, payload: bytes) -> bytes | None:
    """Return the payload of a segment without a location; None if the segment is to be left out."""
    if marker not in APPLICATION_DATA or marker in {JFIF, ADOBE}:
        return payload
    if marker == EXIF_OR_XMP and payload.startswith(EXIF_HEADER):
        return with_header(EXIF_HEADER, cleaned_exif(payload.removeprefix(EXIF_HEADER)))
    if marker == EXIF_OR_XMP and payload.startswith(XMP_HEADER):
        return with_header(XMP_HEADER, cleaned_xmp(payload.removeprefix(XMP_HEADER)))
    if marker == ICC and payload.startswith(ICC_HEADER):
        return payload
    if marker == PHOTOSHOP and payload.startswith(PHOTOSHOP_HEADER):
        return with_header(PHOTOSHOP_HEADER, _cleaned_photoshop(payload.removeprefix(PHOTOSHOP_HEADER)))
    return None


IPTC_RESOURCE = 0x0404


def _cleaned_photoshop(resources: bytes) -> bytes:
    """Return IPTC alone of the resources of Photoshop, of which others hold EXIF and XMP once more."""
    kept = []
    position = 0
    while resources[position : position + 4] == b"8BIM":
        number = int.from_bytes(resources[position + 4 : position + 6])
        name_length = resources[position + 6 : position + 7]
        if not name_length:
            break
        size_at = position + 6 + even(1 + name_length[0])
        size = int.from_bytes(resources[size_at : size_at + 4])
        end = size_at + 4 + even(size)
        if number == IPTC_RESOURCE:
            kept.append(resources[position:end])
        position = end
    return b"".join(kept)
