"""What a picture file says about itself: title, keywords, creator, licence, credit in XMP, IPTC, EXIF or PNG text."""

import contextlib
from collections.abc import Iterator

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
    "{http://ns.adobe.com/xap/1.0/rights/}WebStatement": "license",
    "{http://ns.adobe.com/xap/1.0/rights/}UsageTerms": "license",
    "{http://creativecommons.org/ns#}license": "license",
}
IPTC = {5: "title", 25: "tag", 80: "author", 110: "credit", 116: "rights", 120: "description"}  # of record 2
EXIF = {0x9C9B: "title", 0x9C9E: "tag", 0x010E: "description", 0x013B: "author", 0x8298: "rights"}
PNG = {"Title": "title", "Description": "description", "Author": "author", "Copyright": "rights"}


def metadata(image: PIL.Image.Image) -> dict[str, list[str]]:
    """Cleaned texts by field, each field from the best source that has it; a broken source costs only itself."""
    found: dict[str, list[str]] = {}
    for source in (_xmp, _iptc, _exif, _png_text):
        fields: dict[str, list[str]] = {}
        with contextlib.suppress(Exception):  # EntitiesForbidden of an entity bomb, among many others
            for field, value in source(image):
                text = " ".join(UNSAFE.sub(" ", _decoded(value)).split())[:MAX_TEXT].rstrip()
                texts = fields.setdefault(field, [])
                if text and text not in texts and len(texts) < MAX_VALUES:
                    texts.append(text)
        found = {field: texts for field, texts in fields.items() if texts} | found
    return found


def _decoded(value: object) -> str:
    """Text; bytes are UTF-8, or else Windows-1252, as older programs write."""
    if not isinstance(value, bytes):
        return value if isinstance(value, str) else ""
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
            yield from ((XMP[name], text) for name, text in block.items() if name in XMP)
            for item in block:
                if field := XMP.get(item.tag):
                    values = [value.text for value in item.iter(f"{RDF}li")]
                    yield from ((field, value) for value in values or [item.get(f"{RDF}resource") or item.text])


def _iptc(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    found = IptcImagePlugin.getiptcinfo(image) if isinstance(image, JpegImageFile) else None
    for (record, number), values in (found or {}).items():
        if record == 2 and number in IPTC:
            yield from ((IPTC[number], value) for value in (values if isinstance(values, list) else [values]))


def _exif(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    exif = PIL.Image.Image.getexif(image)  # a PNG's own getexif would decode it
    for number, field in EXIF.items():
        value = exif.get(number)
        if isinstance(value, str):  # Pillow reads as Latin-1 what mostly is UTF-8
            yield field, value.encode("latin-1", "replace")
        elif isinstance(value, bytes) and number >= 0x9C9B:  # the fields of Windows
            yield field, value.decode("utf-16-le", "replace")


def _png_text(image: PIL.Image.Image) -> Iterator[tuple[str, object]]:
    yield from ((field, image.info.get(name)) for name, field in PNG.items())
