"""Copies of pictures without the place where they were taken: each format, by what other programs read in the copy."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import PIL.Image
import pytest
from PIL import ExifTags, ImageChops
from PIL.PngImagePlugin import PngInfo

from imagevault.files import location
from imagevault.files.coordinates import Unreadable
from imagevault.files.location import without_location
from imagevault.files.location_chunks import PNG_SIGNATURE
from imagevault.files.metadata import metadata
from imagevault.files.opening import opened, shown_size
from tests.support.linear_time import is_linear

LATITUDE = (52.0, 31.0, 12.0)
COORDINATES = 'exif:GPSLatitude="52,31.2N" drone:GpsLongtitude="13.4"'  # so DJI spells it
NESTED = "<exif:GPSAltitude>34/1</exif:GPSAltitude>"
FORMATS = ["jpg", "png", "webp", "avif"]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch


def picture() -> PIL.Image.Image:
    return PIL.Image.effect_noise((60, 40), 80).convert("RGB")


def exif(**fields: object) -> PIL.Image.Exif:
    """EXIF with coordinates, and with these further fields."""
    exif = PIL.Image.Exif()
    exif[ExifTags.Base.Artist] = "Ada Example"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:01:31 14:25:30"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: LATITUDE,
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (13.0, 24.0, 36.0),
        }
    )
    for name, value in fields.items():
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base[name].value] = value
    return exif


def xmp(attributes: str = COORDINATES, content: str = NESTED) -> bytes:
    """XMP with a title, and coordinates in three forms."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:drone="http://www.dji.com/drone-dji/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 photoshop:City="Berlin" {attributes}>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">A fox</rdf:li></rdf:Alt></dc:title>{content}</rdf:Description>
</rdf:RDF></x:xmpmeta>{" " * 500}<?xpacket end="w"?>""".encode()


def segment(marker: int, payload: bytes) -> bytes:
    """A segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def put(path: Path, **options: object) -> Path:
    """Save a picture with coordinates in EXIF and XMP."""
    given = {"exif": exif(), "xmp": xmp(), **options}
    if path.suffix == ".png":
        text = PngInfo()
        packet = given.pop("xmp")
        text.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)  # type: ignore[operator]
        given["pnginfo"] = text
    picture().save(path, **given)  # type: ignore[arg-type]
    return path


def insert(path: Path, *segments: bytes) -> Path:
    """Put segments into a JPEG, behind its first marker."""
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"".join(segments) + content[2:])
    return path


def cleaned(path: Path, scratch: Path) -> Path:
    copy = without_location(path, scratch, "1")
    assert copy is not None
    return copy


def told(path: Path) -> tuple[dict[int, object], str]:
    """The coordinates that Pillow reads in EXIF, and the whole XMP."""
    with PIL.Image.open(path) as image:
        gps = dict(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
        packet = image.info.get("xmp", b"")
    return gps, packet.decode()


def pixels(path: Path) -> PIL.Image.Image:
    with PIL.Image.open(path) as image:
        return image.convert("RGBA")


class TestEveryFormat:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_a_copy_tells_no_place(self, tmp_path: Path, scratch: Path, suffix: str) -> None:
        """Neither to EXIF readers nor to XMP readers, and no byte of the coordinates is left."""
        path = put(tmp_path / f"a.{suffix}")
        gps, packet = told(path)
        assert gps[ExifTags.GPS.GPSLatitude] == LATITUDE
        assert "52,31.2N" in packet

        copy = cleaned(path, scratch)

        gps, packet = told(copy)
        assert copy.parent == scratch
        assert gps == {}
        assert "GPS" not in packet.upper()
        for trace in (b"52,31.2N", b"GpsLongtitude", b"34/1", struct.pack("<II", 31, 1), struct.pack(">II", 31, 1)):
            assert trace not in copy.read_bytes()

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_all_else_stays(self, tmp_path: Path, scratch: Path, suffix: str) -> None:
        """The pixels, the way to turn them, and what the picture says about itself."""
        path = put(tmp_path / f"a.{suffix}", icc_profile=b"profile" * 20)

        copy = cleaned(path, scratch)

        assert ImageChops.difference(pixels(path), pixels(copy)).getbbox(alpha_only=False) is None
        with opened(path) as before, opened(copy) as after:
            assert metadata(after) == metadata(before)
            assert metadata(after)["title"] == ["A fox"]
            assert metadata(after)["author"] == ["Ada Example"]
            assert metadata(after)["date"] == ["2024:01:31 14:25:30"]
            assert shown_size(after) == shown_size(before) == (40, 60)
            assert after.info["icc_profile"] == before.info["icc_profile"]
        assert "Berlin" in told(copy)[1]

    @pytest.mark.parametrize("suffix", [*FORMATS, "gif"])
    def test_a_picture_without_a_place_is_served_itself(self, tmp_path: Path, scratch: Path, suffix: str) -> None:
        """Which is remembered, so that it is read once."""
        path = tmp_path / f"a.{suffix}"
        plain = PIL.Image.Exif()
        plain[ExifTags.Base.Artist] = "Ada Example"
        options: dict[str, object] = {} if suffix == "gif" else {"exif": plain, "xmp": xmp("", "")}
        picture().save(path, **options)  # type: ignore[arg-type]

        assert without_location(path, scratch, "1") == path
        path.unlink()
        assert without_location(path, scratch, "1") == path

    def test_a_copy_is_made_once_for_each_version(self, tmp_path: Path, scratch: Path) -> None:
        path = put(tmp_path / "a.jpg")
        first = cleaned(path, scratch)
        stamp = first.stat()

        assert without_location(path, scratch, "1") == first
        assert first.stat() == stamp
        assert without_location(path, scratch, "2") not in {None, first, path}

    def test_an_animation_keeps_its_frames(self, tmp_path: Path, scratch: Path) -> None:
        frames = [PIL.Image.new("RGB", (60, 40), color) for color in ("red", "blue")]
        frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], exif=exif(), xmp=xmp())

        copy = cleaned(tmp_path / "a.webp", scratch)

        with PIL.Image.open(copy) as image:
            assert getattr(image, "n_frames", 1) == 2
        assert told(copy)[0] == {}


class TestJpeg:
    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
    def test_scans_stay_byte_by_byte(self, tmp_path: Path, scratch: Path, options: dict[str, object]) -> None:
        """Nothing is encoded again: from the tables on, the files are equal."""
        path = put(tmp_path / "a.jpg", **options)

        copy = cleaned(path, scratch)

        before, after = path.read_bytes(), copy.read_bytes()
        tables = b"\xff\xdb"
        assert before[before.rindex(tables, 0, before.index(b"\xff\xc4")) :].endswith(
            after[after.rindex(tables, 0, after.index(b"\xff\xc4")) :]
        )

    def test_what_follows_the_picture_is_left_out(self, tmp_path: Path, scratch: Path) -> None:
        """A motion photo has a film there, which tells its place too, and some have a second picture."""
        path = put(tmp_path / "a.jpg")
        whole = path.read_bytes()
        path.write_bytes(whole + whole + b"\0\0\0\x18ftypmp42 \xa9xyz+52.5200+013.4050/")

        content = cleaned(path, scratch).read_bytes()

        assert b"+52.5200" not in content
        assert content.count(b"\xff\xd8\xff") == 1
        assert content.endswith(b"\xff\xd9")

    def test_other_application_data_is_left_out(self, tmp_path: Path, scratch: Path) -> None:
        """A list of further pictures, the rest of a long XMP, maker's and signed data. JFIF and comments stay."""
        left_out = [
            segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"x" * 40 + b"secret"),
            segment(0xE2, b"MPF\0secret"),
            segment(0xE5, b"secret"),
            segment(0xEB, b"JP secret"),
            segment(0xED, b"Photoshop 3.0\0secret"),
            segment(0xE1, b"Exif\0\0secret"),
        ]
        path = insert(put(tmp_path / "a.jpg", comment=b"kept"), *left_out)

        content = cleaned(path, scratch).read_bytes()

        assert b"secret" not in content
        assert b"JFIF" in content
        assert b"kept" in content

    def test_iptc_alone_stays_of_photoshop(self, tmp_path: Path, scratch: Path) -> None:
        """Its other resources hold EXIF and XMP once more."""
        title = struct.pack(">BBBH", 0x1C, 2, 5, 7) + b"A title"
        block = b"Photoshop 3.0\0"
        for number, name, data in (
            (0x0422, b"\0\0", exif().tobytes()),
            (0x0404, b"\1x", title),
            (0x0424, b"\0\0", xmp()),
        ):
            padding = b"\0" * (len(data) % 2)
            block += b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + padding
        path = tmp_path / "a.jpg"
        picture().save(path)
        insert(path, segment(0xED, block))

        copy = cleaned(path, scratch)

        with opened(copy) as image:
            assert metadata(image) == {"title": ["A title"]}
        assert b"GPS" not in copy.read_bytes()

    def test_maker_notes_are_left_out(self, tmp_path: Path, scratch: Path) -> None:
        path = tmp_path / "a.jpg"
        picture().save(path, exif=exif(MakerNote=b"52.52 13.40 in our own form"))

        copy = cleaned(path, scratch)

        assert b"own form" in path.read_bytes()
        assert b"own form" not in copy.read_bytes()
        with opened(copy) as image:
            assert metadata(image)["author"] == ["Ada Example"]

    @pytest.mark.parametrize("cut", [0.5, 0.9])
    def test_a_file_that_was_cut_off_is_cleaned_too(self, tmp_path: Path, scratch: Path, cut: float) -> None:
        path = put(tmp_path / "a.jpg")
        content = path.read_bytes()
        start = content.index(b"\xff\xda")
        path.write_bytes(content[: start + int((len(content) - start) * cut)])

        assert told(cleaned(path, scratch))[0] == {}

    def test_filling_and_junk_between_segments_do_not_matter(self, tmp_path: Path, scratch: Path) -> None:
        path = insert(put(tmp_path / "a.jpg"), b"junk\0", b"\xff\xff\xff")

        assert told(cleaned(path, scratch))[0] == {}


class TestPng:
    def test_metadata_behind_the_pixels_is_cleaned_too(self, tmp_path: Path, scratch: Path) -> None:
        path = tmp_path / "a.png"
        picture().save(path)
        content = path.read_bytes()
        late = chunk(b"eXIf", exif().tobytes()[6:]) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp())
        path.write_bytes(content[:-12] + late + content[-12:] + b"trailing secret")

        copy = cleaned(path, scratch)

        assert b"52,31.2N" not in copy.read_bytes()
        assert b"secret" not in copy.read_bytes()
        with opened(copy) as image:
            assert ExifTags.IFD.GPSInfo not in PIL.Image.Image.getexif(image)
            assert (metadata(image)["title"], metadata(image)["author"]) == (["A fox"], ["Ada Example"])

    def test_texts_that_hold_metadata_are_left_out(self, tmp_path: Path, scratch: Path) -> None:
        """As ImageMagick writes them. Other texts stay."""
        text = PngInfo()
        text.add_text("Raw profile type exif", "\nexif\n  100\n45786966")
        text.add_text("Raw profile type APP1", "\nAPP1\n  100\n45786966", zip=True)
        text.add_text("exif:GPSLatitude", "52/1, 31/1, 12/1")
        text.add_itxt("exif:GPSLongitude", "13/1")
        text.add_text("Title", "A fox")
        path = tmp_path / "a.png"
        picture().save(path, pnginfo=text)
        other = chunk(b"caBX", b"secret")
        content = path.read_bytes()
        path.write_bytes(content[:-12] + other + content[-12:])

        with PIL.Image.open(cleaned(path, scratch)) as image:
            image.load()
            assert getattr(image, "text", None) == {"Title": "A fox"}

    def test_compressed_xmp(self, tmp_path: Path, scratch: Path) -> None:
        path = tmp_path / "a.png"
        picture().save(path)
        content = path.read_bytes()
        packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp()))
        path.write_bytes(content[:33] + packet + content[33:])
        assert "52,31.2N" in told(path)[1]

        copy = cleaned(path, scratch)

        assert "GPS" not in told(copy)[1].upper()
        assert "A fox" in told(copy)[1]


def test_xmp_in_a_gif(tmp_path: Path, scratch: Path) -> None:
    """It stands there whole, before a trailer that leads readers of blocks to its end."""
    path = tmp_path / "a.gif"
    picture().save(path)
    content = path.read_bytes()
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0\0"
    path.write_bytes(content[:-1] + b"\x21\xff\x0bXMP DataXMP" + xmp() + trailer + content[-1:])

    copy = cleaned(path, scratch)

    assert b"GPS" not in copy.read_bytes()
    assert b"A fox" in copy.read_bytes()
    assert len(copy.read_bytes()) == len(path.read_bytes())
    assert ImageChops.difference(pixels(path), pixels(copy)).getbbox() is None


class TestNotServed:
    """Where the location cannot be removed, the log names the file and the reason, and nothing is stored."""

    def check(self, path: Path, scratch: Path, caplog: pytest.LogCaptureFixture, reason: str) -> None:
        assert without_location(path, scratch, "1") is None
        [record] = caplog.records
        assert record.levelname == "WARNING"
        assert f"{path} is not served: its location cannot be removed: {reason}" in record.getMessage()
        assert list(scratch.iterdir()) == []

    def test_a_file_that_is_too_large(
        self, tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(location, "MAX_BYTES", 1000)
        self.check(put(tmp_path / "a.jpg"), scratch, caplog, "it has more than 1000 bytes")

    @pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
    def test_a_file_that_ends_in_its_metadata(
        self, tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture, suffix: str
    ) -> None:
        path = put(tmp_path / f"a.{suffix}")
        path.write_bytes(path.read_bytes()[:-20] if suffix == "webp" else path.read_bytes()[:60])
        self.check(path, scratch, caplog, "the ")

    def test_metadata_in_a_form_that_is_not_known(
        self, tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """XMP without the element that begins it, in a format where it is found by that."""
        packet = xmp().replace(b"x:xmpmeta", b"x:other--")
        self.check(put(tmp_path / "a.avif", xmp=packet), scratch, caplog, "its metadata is not where it should be")

    def test_a_file_that_is_no_picture(self, tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / "a.jpg").write_text("no picture")
        self.check(tmp_path / "a.jpg", scratch, caplog, "cannot identify image file")

    def test_a_file_that_is_gone(self, tmp_path: Path, scratch: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.check(tmp_path / "a.jpg", scratch, caplog, "")


class TestHostileFiles:
    @pytest.mark.parametrize(
        ("start", "unit"),
        [
            (b"\xff\xd8", b"\xff"),
            (b"\xff\xd8", b"junk"),
            (b"\xff\xd8", b"\xff\xfe\0\x02"),
            (b"\xff\xd8\xff\xda\0\x02", b"\xff\0"),
            (b"\xff\xd8\xff\xda\0\x02", b"\xff\xda\0\x02"),
            (PNG_SIGNATURE, chunk(b"tEXt", b"")),
            (b"RIFF\xff\xff\xff\x7fWEBP", b"ANMF\0\0\0\0"),
            (b"GIF", b"II*\0"),
            (b"GIF", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
            (b"GIF", b"<x:xmpmeta"),
            (b"GIF", b"<x:xmpmeta/></x:xmpmeta>"),
        ],
        ids=["FF", "junk", "segments", "stuffing", "scans", "chunks", "frames", "headers", "EXIF", "starts", "packets"],
    )
    def test_work_is_linear(self, start: bytes, unit: bytes) -> None:
        def work(size: int) -> None:
            with contextlib.suppress(Unreadable):
                location._cleaned(start + unit * size)

        assert is_linear(work, 20_000)


class TestOddMetadata:
    @pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
    def test_what_cannot_be_read_is_left_out(self, tmp_path: Path, scratch: Path, suffix: str) -> None:
        """Coordinates may be in it."""
        path = put(tmp_path / f"a.{suffix}", exif=b"Exif\0\0odd 52.52", xmp=b"<x:xmpmeta GPS='52.52'")

        copy = cleaned(path, scratch)

        assert b"52.52" not in copy.read_bytes()
        with PIL.Image.open(io.BytesIO(copy.read_bytes())) as image:
            image.load()
            assert not image.info.get("exif")
            assert not image.info.get("xmp")
