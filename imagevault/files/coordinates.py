"""Removing coordinates from EXIF and XMP, without a change of length and without moving anything else.

Maker notes go too: their form is each maker's own, so no program can check them. Names of places that somebody wrote
stay.

Sources: EXIF https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf (4.5, 4.6), XMP
https://developer.adobe.com/xmp/docs/xmp-namespaces/exif/.
"""

import re
import struct
from xml.etree.ElementTree import Element

from defusedxml import ElementTree

from imagevault.files.metadata import MAX_XMP

MAX_EXIF = 1_000_000  # bytes
MAX_DIRECTORIES = 10
MAX_ENTRIES = 200  # of a directory; cameras write up to 60

EXIF_HEADER = b"Exif\0\0"  # before the TIFF header, where a format asks for it
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
ENTRY_BYTES = 12
EXIF_DIRECTORY = 0x8769
GPS_DIRECTORY = 0x8825
MAKER_NOTE = 0x927C
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # by type

LOCATION_NAME = re.compile(r"gps|latitude|longt?itude", re.IGNORECASE)  # exif:GPSLatitude, drone-dji:GpsLongtitude


class Unreadable(Exception):
    """A file or a part of it has another form than expected; the message says which."""


def cleaned_exif(tiff: bytes) -> bytes:
    """Return EXIF without location and maker notes. EXIF that cannot be read becomes zeros as a whole.

    Args:
        tiff: EXIF from its TIFF header on, so without `Exif` and two zeros.

    """
    data = bytearray(tiff)
    try:
        remove_from_exif(data)
    except ValueError:
        return bytes(len(tiff))
    return bytes(data)


def remove_from_exif(data: bytearray) -> None:
    """Overwrite the location and the maker notes of EXIF with zeros. What follows EXIF in `data` does not matter.

    Raises:
        ValueError: it is no EXIF. `data` may be changed.

    """
    order = BYTE_ORDERS.get(bytes(data[:4]))
    if order is None or len(data) > MAX_EXIF:
        raise ValueError("no EXIF")
    try:
        _clean_directories(data, order)
    except struct.error as error:  # an offset leads out of the data
        raise ValueError(str(error)) from None


def _clean_directories(data: bytearray, order: str) -> None:
    """Clean every directory that can be reached from the first one."""
    waiting = [_number(data, order + "I", 4)]
    seen = {0}  # 0 stands for no directory
    while waiting and len(seen) <= MAX_DIRECTORIES:
        offset = waiting.pop()
        if offset not in seen:
            seen.add(offset)
            waiting += _clean_directory(data, order, offset)


def _clean_directory(data: bytearray, order: str, offset: int) -> list[int]:
    """Clean one directory. Return where those are that follow it or are below it."""
    others = []
    position = offset + 2
    for _ in range(_count(data, order, offset)):
        tag, kind, count, value = struct.unpack_from(order + "HHII", data, position)
        if tag == GPS_DIRECTORY:
            _wipe_directory(data, order, value)
            _remove_entry(data, order, offset, position)
        elif tag == MAKER_NOTE:
            _wipe_value(data, kind, count, value)
            _remove_entry(data, order, offset, position)
        else:
            position += ENTRY_BYTES
        if tag == EXIF_DIRECTORY:
            others.append(value)
    following = _number(data, order + "I", position)
    return [*others, following]


def _count(data: bytearray, order: str, offset: int) -> int:
    """Return the number of entries of a directory."""
    count = _number(data, order + "H", offset)
    if count > MAX_ENTRIES:
        raise ValueError(f"a directory of {count} entries")
    return count


def _remove_entry(data: bytearray, order: str, offset: int, position: int) -> None:
    """Remove an entry from the directory at `offset`: what follows in the directory moves up."""
    count = _number(data, order + "H", offset)
    end = offset + 2 + count * ENTRY_BYTES + 4  # with the offset of the next directory
    if count == 0 or end > len(data):
        raise ValueError("a directory that does not end")
    data[position : end - ENTRY_BYTES] = data[position + ENTRY_BYTES : end]
    data[end - ENTRY_BYTES : end] = bytes(ENTRY_BYTES)
    struct.pack_into(order + "H", data, offset, count - 1)


def _wipe_directory(data: bytearray, order: str, offset: int) -> None:
    """Overwrite a directory and its values with zeros."""
    count = _count(data, order, offset)
    for entry in range(count):
        position = offset + 2 + entry * ENTRY_BYTES
        _, kind, length, value = struct.unpack_from(order + "HHII", data, position)
        _wipe_value(data, kind, length, value)
    _wipe(data, offset, 2 + count * ENTRY_BYTES + 4)


def _wipe_value(data: bytearray, kind: int, count: int, value: int) -> None:
    """Overwrite a value with zeros, unless it is so short that it stands in its entry."""
    length = count * VALUE_BYTES.get(kind, 1)
    if length > 4:
        _wipe(data, value, length)


def _wipe(data: bytearray, start: int, length: int) -> None:
    end = min(start + length, len(data))
    if start < end:
        data[start:end] = bytes(end - start)


def _number(data: bytearray, form: str, offset: int) -> int:
    [number] = struct.unpack_from(form, data, offset)
    return int(number)


def cleaned_xmp(packet: bytes) -> bytes:
    """Return XMP without coordinates, filled up with blanks. XMP that cannot be read becomes blanks as a whole."""
    nothing = b" " * len(packet)
    if len(packet) > MAX_XMP:
        return nothing
    if not packet.strip(b"\0 "):
        return packet
    try:
        root = ElementTree.fromstring(packet.rstrip(b"\0 "))
        if not _remove_from_xmp(root):
            return packet
        cleaned: bytes = ElementTree.tostring(root, encoding="utf-8")
    except (SyntaxError, ValueError, LookupError, RecursionError):  # of the parser, of defusedxml, of an odd encoding
        return nothing
    if len(cleaned) > len(packet):
        return nothing
    return cleaned.ljust(len(packet))


def _remove_from_xmp(root: Element) -> bool:
    """Remove the coordinates of an XMP tree, wherever they stand. Return whether there were any."""
    found = False
    for element in root.iter():
        for name in [name for name in element.attrib if is_location(name)]:
            del element.attrib[name]
            found = True
        for child in [child for child in element if is_location(child.tag)]:
            element.remove(child)
            found = True
    return found


def is_location(name: str) -> bool:
    """Return whether a name is one of coordinates: `exif:GPSLatitude`, or `{http://ns.adobe.com/exif/1.0/}GPSLatitude`."""
    local_name = re.split(r"[}:]", name)[-1]
    return LOCATION_NAME.search(local_name) is not None


def with_header(header: bytes, cleaned: bytes) -> bytes | None:
    """Return a payload with its header; None if nothing is left of it."""
    return header + cleaned if cleaned.strip(b" \0") else None


def even(length: int) -> int:
    """Return a length with the byte that fills it up to an even one."""
    return length + length % 2
