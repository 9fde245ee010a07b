"""What a picture file says about itself in XMP, IPTC, EXIF or PNG text: title, keywords, creator, date, licence."""

import contextlib
from collections.abc import Callable, Iterator

import PIL.Image
from defusedxml import ElementTree
from PIL import IptcImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from imagevault.files.opening import UNSAFE

MAX_XMP = 1_000_000  # bytes
MAX_TEXT = 2000  # characters
MAX_VALUES = 50

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP = {  # https://developer.adobe.com/xmp/docs/xmp-namespaces/ and https://iptc.org/std/photometadata/specification/
    "{http://purl.org/dc/elements/1.1/}title": "title",
    "{http://purl.org/dc/elements/1.1/}description": "description",
    "{http://purl.org/dc/elements/1.1/}subject": "tag",
    "{http://purl.org/dc/elements/1.1/}creator": "author",
    "{http://purl.org/dc/elements/1.1/}rights": "rights",
    "{http://purl.org/dc/elements/1.1/}source": "source",
    "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}AltTextAccessibility": "alt",
    "{http://ns.adobe.com/photoshop/1.0/}Credit": "credit",
    "{http://ns.adobe.com/photoshop/1.0/}DateCreated": "date",
    "{http://ns.adobe.com/exif/1.0/}DateTimeOriginal": "date",
    "{http://ns.adobe.com/xap/1.0/rights/}WebStatement": "license",
    "{http://ns.adobe.com/xap/1.0/rights/}UsageTerms": "license",
    "{http://creativecommons.org/ns#}license": "license",
}
IPTC_RECORD = 2
IPTC = {  # the data sets of that record: https://iptc.org/std/IIM/
    5: "title",
    25: "tag",
    55: "date",
    80: "author",
    110: "credit",
    116: "rights",
    120: "description",
}
FIRST_OF_WINDOWS = 0x9C9B  # from this tag, EXIF fields are those of Windows, in UTF-16
EXIF = {
    0x9C9B: "title",
    0x9C9E: "tag",
    0x010E: "description",
    0x013B: "author",
    0x8298: "rights",
}
EXIF_IFD = 0x8769  # the part of EXIF about how a picture was taken
DATE_TAKEN = 0x9003
PNG = {
    "Title": "title",
    "Description": "description",
    "Author": "author",
    "Copyright": "rights",
}

Source = Callable[[PIL.Image.Image], Iterator[tuple[str, object]]]


def metadata(image: PIL.Image.Image) -> dict[str, list[str]]:
    """Return a picture's texts by field: title, description, tag, author, date, rights, source, alt, credit, license.

    Each field comes from the best source that has it. A broken source does not affect the others.
    """
    found: dict[str, list[str]] = {}
    for source in (_xmp, _iptc, _exif, _png_text):  # the best first
        for field, texts in _read(source, image).items():
            found.setdefault(field, texts)
    return found


def _read(source: Source, image: PIL.Image.Image) -> dict[str, list[str]]:
    """Return the texts of one source by field, without repeats, as far as it can be read."""
    fields: dict[str, list[str]] = {}
    with contextlib.suppress(Exception):  # many kinds, EntitiesForbidden of an entity bomb among them
        for field, value in source(image):
            text = _cleaned(value)
            texts = fields.get(field, [])
            if text and text not in texts and len(texts) < MAX_VALUES:
                fields[field] = [*texts, text]
    return fields


def _cleaned(value: object) -> str:
    """Return the text in one line, without control characters, cut to `MAX_TEXT`."""
    words = UNSAFE.sub(" ", _decoded(value)).split()
    return " ".join(words)[:MAX_TEXT].rstrip()


def _decoded(value: object) -> str:
    """Return the text. Bytes are UTF-8, or Windows-1252, which older programs write."""
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _xmp(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    packet = image.info.get("xmp", b"")
    if not packet or len(packet) > MAX_XMP:
        return
    for rdf in ElementTree.fromstring(packet.rstrip(b"\0 ")).iter(f"{RDF}RDF"):
        for block in rdf.iterfind(f"{RDF}Description"):
            for name, value in block.items():
                if name in XMP:
                    yield XMP[name], value
            for item in block:
                if item.tag not in XMP:
                    continue
                values = [element.text for element in item.iter(f"{RDF}li")]
                for value in values or [item.get(f"{RDF}resource") or item.text]:
                    yield XMP[item.tag], value


def _iptc(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    found = IptcImagePlugin.getiptcinfo(image) if isinstance(image, JpegImageFile) else None
    for (record, number), found_values in (found or {}).items():
        if record != IPTC_RECORD or number not in IPTC:
            continue
        values = found_values if isinstance(found_values, list) else [found_values]
        for value in values:
            yield IPTC[number], value


def _exif(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    exif = PIL.Image.Image.getexif(image)  # a PNG's own getexif would decode the picture
    for number, field in EXIF.items():
        value = exif.get(number)
        if isinstance(value, str):  # Pillow reads the bytes as Latin-1, but mostly they are UTF-8
            yield field, value.encode("latin-1", "replace")
        elif isinstance(value, bytes) and number >= FIRST_OF_WINDOWS:
            yield field, value.decode("utf-16-le", "replace")
    yield "date", exif.get_ifd(EXIF_IFD).get(DATE_TAKEN)


def _png_text(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    for name, field in PNG.items():
        yield field, image.info.get(name)
