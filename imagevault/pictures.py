"""Picture files, for providers that hold them: what each says of itself, its average colour, and thumbnails.

Title, keywords, creator, licence and credit are in XMP, IPTC, EXIF or PNG text. JPEG, PNG, GIF, WebP and AVIF, told by
content, of at most 50 megapixels.
"""

import contextlib
import hashlib
import io
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import PIL.Image
import PIL.ImageOps
from defusedxml import ElementTree
from PIL import IptcImagePlugin, PngImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MAX_PIXELS = 50_000_000
MAX_XMP = 1_000_000  # bytes
MAX_TEXT, MAX_VALUES = 2000, 50
COLOR_PIXELS = 1_000_000  # larger pictures get no colour: decoding so many costs some 4 ms, reading metadata 0.2
THUMBNAIL = 400  # pixels, the longer side

# Control characters, also those of writing direction, and what stands for bytes that are not UTF-8.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

ORIENTATION, ON_ITS_SIDE = 0x0112, 5  # of EXIF: the tag, and from which value on width and height change places
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

T = TypeVar("T")
log = logging.getLogger(__name__)


def tried(path: str | Path, work: Callable[[PIL.Image.Image], T]) -> T | None:
    """What `work` makes of the picture, or None if it is none or broken: then a decoder can raise anything."""
    try:
        with opened(path) as image:
            return work(image)
    except Exception as error:  # noqa: BLE001
        log.debug("skipped %s: %s", path, error)
        return None


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[PIL.Image.Image]:
    """The picture, not decoded yet. Pillow's own limit on pixels belongs to the process, so ours is looked at here."""
    with Path(path).open("rb") as file, PIL.Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels are too many")
        if image.format == "PNG":
            image.info |= _late_chunks(file)
        yield image


def _late_chunks(file: BinaryIO) -> dict[str | tuple[int, int], Any]:
    """All text of a PNG. ExifTool writes it after the pixels, and Pillow would decode them to get there."""
    here = file.tell()
    stream = PngImagePlugin.PngStream(file)
    with contextlib.suppress(Exception):  # then what came before the damage has to do
        file.seek(8)
        while (chunk := stream.read())[0] != b"IEND":
            if chunk[0] in {b"eXIf", b"iTXt", b"tEXt", b"zTXt"}:
                stream.call(*chunk)
            file.seek(chunk[1] + chunk[2] + 4)
    file.seek(here)
    return stream.im_info


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


def orientation(image: PIL.Image.Image) -> int:
    """How the picture is to be turned for display, 1 to 8 as EXIF counts it."""
    with contextlib.suppress(Exception):  # broken EXIF says nothing
        found = PIL.Image.Image.getexif(image).get(ORIENTATION, 1)
        return int(found) if found in range(1, 9) else 1
    return 1


def shown_size(image: PIL.Image.Image) -> tuple[int, int]:
    """Width and height as it is displayed, in pixels."""
    return image.size[::-1] if orientation(image) >= ON_ITS_SIDE else image.size


# Pixels


def average_color(image: PIL.Image.Image) -> str | None:
    """`#RRGGBB`; None where something shines through, and for large pictures."""
    if image.width * image.height > COLOR_PIXELS:
        return None
    pixel = _reduced(image, (1, 1))
    return f"#{pixel.tobytes().hex().upper()}" if pixel.mode == "RGB" else None


def fitted(size: tuple[int, int]) -> tuple[int, int]:
    """The size of its thumbnail; never larger than it was."""
    scale = min(1.0, THUMBNAIL / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def thumbnail(path: Path, folder: Path, version: str) -> Path | None:
    """The thumbnail, JPEG or PNG, made once for each `version` of the picture; None if that is none.

    It is named after the version, so that an outdated one is never served. Raises OSError if it cannot be stored.
    """
    stamp = hashlib.sha256(version.encode()).hexdigest()[:32]
    for made in (folder / f"{stamp}.jpg", folder / f"{stamp}.png"):
        if made.exists():
            return made
    rendered = tried(path, _rendered)
    if rendered is None:
        return None
    content, suffix = rendered
    half = folder / f"{stamp}.{os.getpid()}-{threading.get_ident()}"
    try:
        half.write_bytes(content)
        return half.replace(folder / (stamp + suffix))
    finally:
        half.unlink(missing_ok=True)


def _rendered(image: PIL.Image.Image) -> tuple[bytes, str]:
    turn = orientation(image)
    profile = image.info.get("icc_profile") if image.mode in {"RGB", "RGBA"} else None
    small = _reduced(image, fitted(image.size))
    small.info.clear()  # or the comment would be written again
    small.getexif()[ORIENTATION] = turn
    small = PIL.ImageOps.exif_transpose(small)
    file = io.BytesIO()
    if small.mode == "RGBA":
        small.save(file, "PNG", icc_profile=profile)
        return file.getvalue(), ".png"
    small.save(file, "JPEG", quality=82, optimize=True, progressive=True, icc_profile=profile)
    return file.getvalue(), ".jpg"


def _reduced(image: PIL.Image.Image, size: tuple[int, int]) -> PIL.Image.Image:
    """In this size: RGB, or RGBA where something shines through. A JPEG is decoded only as finely as that needs."""
    image.draft("RGB", (2 * size[0], 2 * size[1]))
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off, not scale
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small = image.resize(size, PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
    opaque = small.mode == "RGB" or min(small.getchannel("A").tobytes()) == 255
    return small.convert("RGB") if opaque else small
