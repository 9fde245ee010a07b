"""Removing coordinates from EXIF and XMP, as bytes."""

import struct

import PIL.Image
import pytest
from PIL import ExifTags

from imagevault.files.coordinates import MAX_EXIF, cleaned_exif, cleaned_xmp, is_location, remove_from_exif
from tests.support.linear_time import is_linear

GPS = ExifTags.IFD.GPSInfo


def read(tiff: bytes) -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif.load(b"Exif\0\0" + tiff)
    return exif


def entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack(order + "HHII", tag, kind, count, value)


def directory(order: str, *entries: bytes, following: int = 0) -> bytes:
    return struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", following)


class TestExif:
    @pytest.mark.parametrize(("header", "order"), [(b"II*\0", "<"), (b"MM\0*", ">")], ids=["little", "big"])
    def test_both_byte_orders(self, header: bytes, order: str) -> None:
        """The entry goes, the ones around it stay, and so does the directory that follows."""
        start = header + struct.pack(order + "I", 8)
        first = directory(
            order,
            entry(order, ExifTags.Base.ImageWidth, 4, 1, 60),
            entry(order, GPS, 4, 1, 80),
            entry(order, 0xFDE8, 4, 1, 7),
            following=62,
        )
        second = directory(order, entry(order, ExifTags.Base.ImageLength, 4, 1, 40))
        gps = directory(order, entry(order, ExifTags.GPS.GPSLatitude, 5, 3, 98))
        values = struct.pack(order + "IIIIII", 52, 1, 31, 1, 12, 1)
        tiff = (start + first).ljust(62, b"\0") + second + gps + values + b"kept"
        assert read(tiff).get_ifd(GPS)[ExifTags.GPS.GPSLatitude] == (52, 31, 12)

        cleaned = cleaned_exif(tiff)

        assert len(cleaned) == len(tiff)
        assert dict(read(cleaned)) == {ExifTags.Base.ImageWidth: 60, 0xFDE8: 7}
        assert cleaned[62:80] == second
        assert cleaned[80:] == bytes(18 + 24) + b"kept"
        assert struct.unpack_from(order + "I", cleaned, 8 + 2 + 2 * 12) == (62,)

    def test_exif_without_a_place_stays(self) -> None:
        exif = PIL.Image.Exif()
        exif[ExifTags.Base.Artist] = "Ada Example"
        tiff = exif.tobytes()[6:]
        assert cleaned_exif(tiff) == tiff

    @pytest.mark.parametrize(
        "tiff",
        [
            b"",
            b"II*\0",
            b"odd bytes that are no EXIF",
            b"II*\0" + struct.pack("<I", 9999),
            b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 201) + bytes(4000),
            b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 5) + entry("<", GPS, 4, 1, 0xFFFFFFFF),
            b"II*\0" + struct.pack("<I", 8) + bytes(MAX_EXIF),
        ],
        ids=["empty", "header only", "no EXIF", "leads out", "too many entries", "place leads out", "too long"],
    )
    def test_what_cannot_be_read_becomes_zeros(self, tiff: bytes) -> None:
        assert cleaned_exif(tiff) == bytes(len(tiff))

    @pytest.mark.parametrize(
        "entries",
        [
            (GPS, 4, 1, 8),
            (ExifTags.IFD.Exif, 4, 1, 8),
            (0x927C, 7, 0xFFFFFFFF, 0),
            (GPS, 4, 1, 0),
        ],
        ids=["place is the directory itself", "a circle", "a note of everything", "place is the header"],
    )
    def test_hostile_offsets_end(self, entries: tuple[int, int, int, int]) -> None:
        """They cost the EXIF, and nothing else."""
        tiff = b"II*\0" + struct.pack("<I", 8) + directory("<", *[entry("<", *entries)] * 20, following=8)
        cleaned = cleaned_exif(tiff)
        assert len(cleaned) == len(tiff)
        assert cleaned_exif(cleaned) in {cleaned, bytes(len(tiff))}

    def test_the_work_does_not_grow_with_entries(self) -> None:
        """Two hundred notes that each cover everything are the worst."""

        def work(size: int) -> None:
            note = entry("<", 0x927C, 7, 5000 * size, 8 + 2 + 200 * 12 + 4)
            data = bytearray(b"II*\0" + struct.pack("<I", 8) + directory("<", *[note] * 200) + bytes(5000 * size))
            remove_from_exif(data)

        assert is_linear(work, 50)


class TestXmp:
    @pytest.mark.parametrize(
        "packet",
        [b"", b"   ", b"<a><b/></a>", b"<a title='gps 52.5'>latitude</a>", b"<?xpacket?><a/>   \0"],
    )
    def test_xmp_without_coordinates_stays(self, packet: bytes) -> None:
        assert cleaned_xmp(packet) == packet

    @pytest.mark.parametrize(
        ("packet", "left"),
        [
            (b"<a GPSLatitude='1' b='2'/>", b'<a b="2" />'),
            (b"<a><GPSLatitude>1</GPSLatitude><b>2</b></a>", b"<a><b>2</b></a>"),
            (b"<a><b><c><longitude>1</longitude></c></b></a>", b"<a><b><c /></b></a>"),
            (b"<a><GpsLongtitude>1</GpsLongtitude><GpsLatitude>1</GpsLatitude></a>", b"<a />"),
        ],
        ids=["attribute", "element", "nested", "all of it"],
    )
    def test_coordinates_go_and_blanks_fill_up(self, packet: bytes, left: bytes) -> None:
        assert cleaned_xmp(packet) == left.ljust(len(packet))

    @pytest.mark.parametrize(
        "packet",
        [
            b"<a GPSLatitude='1'",
            b"\xff\xfe<\0a\0",
            b"<!DOCTYPE a [<!ENTITY e 'x'>]><a GPSLatitude='1'>&e;</a>",
            b"<a>" * 5000 + b"<gps/>" + b"</a>" * 5000,
            b"<a " + b"x" * 1_000_000 + b"/>",
            b"<a gps=''><b/><c/><d/><e/><f/><g/><h/><i/></a>",
        ],
        ids=["cut off", "odd encoding", "entity", "deep", "too long", "longer when written again"],
    )
    def test_what_cannot_be_read_becomes_blanks(self, packet: bytes) -> None:
        assert cleaned_xmp(packet) == b" " * len(packet)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("{http://ns.adobe.com/exif/1.0/}GPSLatitude", True),
        ("{http://www.dji.com/drone-dji/1.0/}GpsLongtitude", True),
        ("exif:GPSVersionID", True),
        ("{http://example.org/}Longitude", True),
        ("{http://gps.example.org/latitude/}Title", False),
        ("photoshop:City", False),
        ("Title", False),
    ],
)
def test_names_of_coordinates(name: str, expected: bool) -> None:
    assert is_location(name) is expected
