"""The local library against folders of real files, and the samples that come with it."""

import asyncio
import os
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import draw
import imagevault_local as plugin
import PIL.Image
import pluggy
import pytest
from imagevault_local import Settings, fetch_image, open_file, search_images
from PIL import ExifTags, ImageChops, ImageOps, ImageStat
from PIL.PngImagePlugin import PngInfo

from imagevault import Declared, Image, License, Page, Rendition, SearchQuery, Unavailable
from imagevault.files.folder import FRESH, File
from imagevault.images import sanitize
from imagevault.images.attribution import attribution
from imagevault.plugins import hookspecs
from imagevault.testing.contract import ProviderContract
from tests.support.linear_time import is_linear

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 255)
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search waits until all is read, however slow the machine."""
    monkeypatch.setattr(plugin, "PATIENCE", 60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets ten seconds pass."""
    now = [1000.0]
    monkeypatch.setattr("imagevault.files.folder.monotonic", lambda: now[0])

    def later() -> None:
        now[0] += 10

    return later


def put(path: Path, picture: PIL.Image.Image | None = None, **options: object) -> Path:
    """Saves a picture, by default a small grey one, as its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (picture or PIL.Image.new("RGB", (60, 40), "#808080")).save(path, **options)  # type: ignore[arg-type]
    return path


def quarters(width: int, height: int) -> PIL.Image.Image:
    """Red and green above blue and white, so that each way of turning shows."""
    picture = PIL.Image.new("RGB", (2, 2))
    for place, color in zip(((0, 0), (1, 0), (0, 1), (1, 1)), (RED, GREEN, BLUE, WHITE), strict=True):
        picture.putpixel(place, color)
    return picture.resize((width, height), PIL.Image.Resampling.NEAREST)


def xmp(content: str, attributes: str = "", before: str = "") -> bytes:
    """An XMP packet with this in its description."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{before}
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
 xmlns:iptc="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/" {attributes}>{content}</rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>""".encode()


def title(text: str) -> bytes:
    return xmp(f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:title>')


def exif(**fields: object) -> PIL.Image.Exif:
    """EXIF with these fields, named as `ExifTags.Base` names them."""
    exif = PIL.Image.Exif()
    for name, value in fields.items():
        exif[ExifTags.Base[name].value] = value
    return exif


def add_iptc(path: Path, *fields: tuple[int, bytes]) -> None:
    """Puts an IPTC block into a JPEG, behind its first marker."""
    data = b"".join(struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value for number, value in fields)
    data += b"\0" * (len(data) % 2)
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + content[2:])


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


async def find(folder: Path | None, text: str = "", page: int = 1, per_page: int = 50) -> Page:
    """What a search finds, as the gateway sanitizes it."""
    settings = Settings(str(folder) if folder else None)
    given = await search_images(SearchQuery(text=text, page=page, per_page=per_page), settings)
    return sanitize.page(given, plugin.provider_info(), holds_files=True)


async def ids(folder: Path | None, text: str = "") -> list[str]:
    return [image.id for image in (await find(folder, text)).images]


async def only(folder: Path) -> Image:
    """The one picture in the folder, which a search and a look-up give alike."""
    (image,) = (await find(folder)).images
    again = await fetch_image(image.id, Settings(str(folder)))
    assert image == sanitize.image(again, plugin.provider_info(), holds_files=True)
    return image


def thumbnail(folder: Path, id: str, scratch: Path) -> PIL.Image.Image:
    path = open_file(id, "thumbnail", Settings(str(folder)), scratch)
    assert path is not None
    with PIL.Image.open(path) as picture:
        picture.load()
    return picture


class TestContract(ProviderContract):
    """With the samples, of which several show mountains."""

    plugin = plugin
    query = "mountain"
    nothing = "submarine"
    has_upstream = False


def test_its_hooks_are_those_of_the_host() -> None:
    manager = pluggy.PluginManager("imagevault")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)

    manager.check_pending()
    info = manager.hook.provider_info()[0]

    assert (info.base_url, info.page_size, info.hotlink) == (None, 50, "temporary")
    assert info.credit == "{title} by {author}"
    assert info.cache_for + FRESH <= 10


class TestSearch:
    @pytest.fixture(autouse=True)
    def pictures(self, folder: Path) -> None:
        put(folder / "red-fox_in snow.jpg")
        put(folder / "foxes" / "Mother and cub.png")
        put(folder / "foxes" / "CAFÉ (old town).webp")
        put(folder / "mountain.gif")
        put(folder / "x.avif", xmp=title("Straße am Berg"))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("fox", ["red-fox_in snow.jpg", "foxes/CAFÉ (old town).webp", "foxes/Mother and cub.png"]),
            ("FO", ["red-fox_in snow.jpg", "foxes/CAFÉ (old town).webp", "foxes/Mother and cub.png"]),
            ("snow red", ["red-fox_in snow.jpg"]),
            ("fox cub", ["foxes/Mother and cub.png"]),
            ("cafe\u0301", ["foxes/CAFÉ (old town).webp"]),
            ("mountains", ["mountain.gif"]),
            ("STRASSE", ["x.avif"]),
            ("ox", []),
            ("fox moon", []),
            ("jpg", []),
        ],
    )
    async def test_every_word_begins_a_word_of_the_picture(self, folder: Path, text: str, expected: list[str]) -> None:
        assert await ids(folder, text) == expected

    async def test_a_blank_text_is_everything(self, folder: Path) -> None:
        """The gateway sends none."""
        assert len(await ids(folder, "  ")) == 5

    @pytest.mark.parametrize("text", ["🦊", "!!!", "?", "\u200b", "\u00ad", "_", "\u2122", "- ."])
    async def test_what_no_picture_has_finds_nothing(self, folder: Path, text: str) -> None:
        """A fox's face, punctuation, and what nobody sees."""
        assert await find(folder, text) == Page([], total=0, last=True)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("ส้ม", "thai.jpg"),
            ("คั้น", "thai.jpg"),
            ("มะม่วง", None),
            ("黒猫", "japanese.jpg"),
            ("カフェ", "japanese.jpg"),
            ("ｶﾌｪ", "japanese.jpg"),
            ("犬", None),
            ("熊猫", "chinese.jpg"),
            ("cat", "chinese.jpg"),
            ("熊猫cat", "chinese.jpg"),
            ("at", None),
            ("हिन्दी", "hindi.jpg"),
            ("न्दी", None),
        ],
        ids=[
            "Thai inside a word",
            "Thai at the end",
            "Thai that is not there",
            "a Chinese character in Japanese",
            "Katakana inside a word",
            "narrow Katakana",
            "a character that is not there",
            "Chinese inside a word",
            "Latin behind Chinese",
            "both together",
            "inside a Latin word",
            "Hindi with its marks",
            "inside a Hindi word",
        ],
    )
    async def test_scripts_without_blanks_are_found_inside_words(
        self, tmp_path: Path, text: str, found: str | None
    ) -> None:
        titles = {
            "thai.jpg": "น้ำส้มคั้น",  # squeezed orange juice
            "japanese.jpg": "黒猫のネコカフェ",  # a cat cafe of a black cat
            "chinese.jpg": "大熊猫cat2024",  # giant panda
            "hindi.jpg": "हिन्दी",  # Hindi
        }
        for name, words in titles.items():
            put(tmp_path / "scripts" / name, xmp=title(words))

        assert await ids(tmp_path / "scripts", text) == ([found] if found else [])

    @pytest.mark.parametrize(
        "text",
        [
            "İstanbul",
            "istanbul",
            "ISTANBUL",
            "İSTANBUL",
            "\u0131stanbul",
            "IŞIK",
            "\u0131ş\u0131k",
            "işik",
            "Iş\u0131klar",
        ],
    )
    async def test_letter_case_of_the_turkish_i(self, tmp_path: Path, text: str) -> None:
        """Whether it has its dot or not: in title and in query."""
        put(tmp_path / "turkish" / "1.jpg", xmp=title("İstanbul \u0131ş\u0131klar\u0131"))
        put(tmp_path / "turkish" / "2.jpg", xmp=title("ISTANBUL IŞIKLARI"))

        assert await ids(tmp_path / "turkish", text) == ["1.jpg", "2.jpg"]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("🦊", ["signs.jpg"]),
            ("👩", ["signs.jpg"]),
            ("❤\ufe0f", ["signs.jpg"]),
            ("C++", ["signs.jpg"]),
            ("C#", ["LEGO bricks.jpg", "signs.jpg"]),
            ("lego\u2122 bricks", ["LEGO bricks.jpg"]),
            ("-bricks", ["LEGO bricks.jpg"]),
            ('"lego bricks"', ["LEGO bricks.jpg"]),
            ("lego\u200bbricks", []),
            ("le\u00adgo", ["LEGO bricks.jpg"]),
            ("s", ["signs.jpg"]),
            ("es", []),
        ],
    )
    async def test_signs_are_words_and_punctuation_is_none(self, tmp_path: Path, text: str, found: list[str]) -> None:
        """Signs are found where they are. Signs of rights, what joins characters, and quotes do not count."""
        put(
            tmp_path / "signs" / "LEGO bricks.jpg",
            xmp=xmp("<dc:rights><rdf:Alt><rdf:li>cc</rdf:li></rdf:Alt></dc:rights>"),
        )
        words = "🦊🐾 👨\u200d👩 ❤ C++"
        put(tmp_path / "signs" / "signs.jpg", xmp=title(words))

        assert sorted(await ids(tmp_path / "signs", text)) == found

    async def test_names_that_can_be_no_id_are_counted_and_shown(self, tmp_path: Path, scratch: Path) -> None:
        """A blank at an end, U+3000, a joined emoji, and a path of more than 200 characters."""
        folder = tmp_path / "odd"
        names = (
            " fox.jpg",
            "fox\u3000cub.jpg",
            "fox 👨\u200d👩.jpg",
            f"{'fox ' * 30}/{'fox ' * 30}.jpg",
        )
        for name in names:
            put(folder / name)

        page = await find(folder, "fox")

        assert (len(page.images), page.total) == (4, 4)
        assert {image.title for image in page.images} >= {"Fox", "Fox cub"}
        for image in page.images:
            assert image.id.startswith("~")
            assert await fetch_image(image.id, Settings(str(folder))) is not None
            assert open_file(image.id, "original", Settings(str(folder)), scratch) is not None
            assert thumbnail(folder, image.id, scratch).size == (60, 40)

    async def test_pages_are_cut_from_one_list_whose_end_is_told(self, folder: Path) -> None:
        pages = [await find(folder, page=page, per_page=2) for page in (1, 2, 3, 4)]

        assert [image.id for page in pages for image in page.images] == await ids(folder)
        assert [(len(page.images), page.total, page.last) for page in pages] == [
            (2, 5, False),
            (2, 5, False),
            (1, 5, True),
            (0, 5, True),
        ]

    async def test_more_matches_in_title_and_keywords_come_first(self, tmp_path: Path) -> None:
        folder = tmp_path / "ranked" / "red" / "fox"
        put(folder / "a red day.jpg")
        put(folder / "b.jpg", xmp=xmp("<dc:creator><rdf:Seq><rdf:li>Fox Red</rdf:li></rdf:Seq></dc:creator>"))
        put(
            folder / "c.jpg",
            xmp=xmp("<dc:subject><rdf:Bag><rdf:li>fox</rdf:li><rdf:li>red</rdf:li></rdf:Bag></dc:subject>"),
        )

        assert await ids(tmp_path / "ranked", "red fox") == ["red/fox/c.jpg", "red/fox/a red day.jpg", "red/fox/b.jpg"]

    async def test_a_folder_that_is_gone_is_said_to_be_unavailable(self, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match="LOCAL_FOLDER"):
            await find(tmp_path / "nowhere")


class TestTexts:
    async def test_a_file_name_makes_title_and_credit(self, folder: Path) -> None:
        put(folder / "my trips" / "red-fox_in snow.jpg")

        image = await only(folder)

        assert image.id == "my trips/red-fox_in snow.jpg"
        assert (image.title, image.credit) == ("Red fox in snow", "Red fox in snow")
        assert (image.author, image.license, image.tags, image.alt) == (None, None, [], None)

    async def test_xmp(self, folder: Path) -> None:
        put(
            folder / "a.jpg",
            xmp=xmp(
                '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Fox &amp; snow</rdf:li>'
                '<rdf:li xml:lang="de">Fuchs</rdf:li></rdf:Alt></dc:title>'
                "<dc:creator><rdf:Seq><rdf:li>Ada Lind</rdf:li><rdf:li>Bo Ek</rdf:li></rdf:Seq></dc:creator>"
                "<dc:subject><rdf:Bag><rdf:li>fox</rdf:li><rdf:li>snow</rdf:li><rdf:li>fox</rdf:li></rdf:Bag></dc:subject>"
                '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">Some rights</rdf:li></rdf:Alt></dc:rights>'
                "<iptc:AltTextAccessibility><rdf:Alt><rdf:li>A fox.</rdf:li></rdf:Alt></iptc:AltTextAccessibility>"
                '<cc:license rdf:resource="http://creativecommons.org/licenses/by-sa/4.0/"/>',
                'photoshop:Credit="Photo by Ada on Somewhere" dc:source="https://example.org/fox"',
            ),
        )

        image = await only(folder)

        assert image.author is not None
        assert image.license is not None
        assert (image.title, image.author.name, image.tags) == ("Fox & snow", "Ada Lind, Bo Ek", ["fox", "snow"])
        assert (image.license.id, image.alt) == ("cc-by-sa-4.0", "A fox.")
        assert image.declared == Declared("license", "http://creativecommons.org/licenses/by-sa/4.0/")
        assert (image.credit, image.source_url) == ("Photo by Ada on Somewhere", "https://example.org/fox")
        assert await ids(folder, "some rights") == ["a.jpg"]

    @pytest.mark.parametrize(
        "content",
        [
            f"<xmpRights:WebStatement>{CC0}</xmpRights:WebStatement>",
            f'<cc:license rdf:resource="{CC0}"/>',
            f"<xmpRights:UsageTerms><rdf:Alt><rdf:li>See {CC0}.</rdf:li></rdf:Alt></xmpRights:UsageTerms>",
            f"<dc:rights><rdf:Alt><rdf:li>CC0 ({CC0})</rdf:li></rdf:Alt></dc:rights>",
        ],
    )
    async def test_the_licence_is_found_where_programs_put_it(self, folder: Path, content: str) -> None:
        put(folder / "a.webp", xmp=xmp(content))

        license = (await only(folder)).license

        assert license is not None
        assert license.id == "cc0-1.0"

    async def test_iptc(self, folder: Path) -> None:
        path = put(folder / "a.jpg")
        add_iptc(
            path,
            (5, "Füchse".encode()),
            (25, b"fox"),
            (25, b"snow"),
            (80, "Jürgen".encode("latin-1")),
            (116, b"(c) Agency"),
            (55, b"20240131"),
        )

        image = await only(folder)

        assert image.author is not None
        assert image.license == License.unknown("(c) Agency")
        assert image.declared == Declared("rights", "(c) Agency")
        assert image.date == "2024-01-31"
        assert (image.title, image.tags, image.author.name) == ("Füchse", ["fox", "snow"], "Jürgen")
        assert await ids(folder, "agency") == ["a.jpg"]

    async def test_exif(self, folder: Path) -> None:
        tags = exif(
            ImageDescription="Füchse".encode(),
            Artist="Ada Lind",
            Copyright="(c) Ada",
            XPKeywords="fox;Schnee, süß;\0".encode("utf-16-le"),
        )
        tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2024:01:31 14:25:30"
        put(folder / "a.jpg", exif=tags)
        tags[ExifTags.Base.XPTitle.value] = "Titel\0".encode("utf-16-le")
        put(folder / "b.jpg", exif=tags)

        first, second = (await find(folder, "fox ada")).images

        assert first.author is not None
        assert (first.title, first.author.name, first.tags) == ("Füchse", "Ada Lind", ["fox", "Schnee, süß"])
        assert (first.alt, first.description) == ("Füchse", "Füchse")
        assert (second.title, second.alt, second.description) == ("Titel", "Füchse", "Füchse")
        assert (first.date, second.date) == ("2024-01-31", "2024-01-31")

    async def test_text_of_a_png_also_behind_its_pixels(self, folder: Path) -> None:
        text = PngInfo()
        for name, value in {"Title": "A fox", "Author": "Ada", "Copyright": "(c) Ada", "Description": "Long"}.items():
            text.add_text(name, value)
        early = put(folder / "early.png", pnginfo=text).read_bytes()
        end = early[-12:]
        packet = title("Late")
        late = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet) + chunk(
            b"eXIf", exif(Orientation=6).tobytes()[6:]
        )
        (folder / "late.png").write_bytes(early[:-12] + late + end)

        first, second = (await find(folder)).images

        assert first.author is not None
        assert (first.title, first.author.name, first.alt) == ("A fox", "Ada", "Long")
        assert (second.title, second.author, second.alt) == ("Late", first.author, "Long")
        assert (second.width, second.height) == (40, 60)

    async def test_xmp_wins_over_iptc_over_exif_over_the_name_field_by_field(self, folder: Path) -> None:
        tags = exif(ImageDescription="exif", Artist="exif", Copyright="exif")
        path = put(folder / "name.jpg", xmp=title("xmp"), exif=tags)
        add_iptc(path, (5, b"iptc"), (80, b"iptc"))

        image = await only(folder)

        assert image.author is not None
        assert (image.title, image.author.name, image.alt) == ("xmp", "iptc", "exif")

    async def test_exif_wins_over_text_of_a_png(self, folder: Path) -> None:
        text = PngInfo()
        text.add_text("Author", "png")
        text.add_text("Title", "png")
        put(folder / "name.png", pnginfo=text, exif=exif(Artist="exif"))

        image = await only(folder)

        assert image.author is not None
        assert (image.title, image.author.name) == ("png", "exif")

    async def test_without_author_the_credit_names_the_rights(self, folder: Path) -> None:
        put(folder / "red fox.jpg", exif=exif(Copyright="(c) Agency"))

        assert (await only(folder)).credit == "Red fox. (c) Agency"

    async def test_a_licence_that_wants_credit_is_named_in_it(self, folder: Path) -> None:
        """With its address; CC0 wants none."""
        for name, path in (("a.webp", "licenses/by/4.0/"), ("b.webp", "publicdomain/zero/1.0/")):
            rights = f"https://creativecommons.org/{path}"
            put(folder / name, exif=exif(Artist="Ada Lind", Copyright=rights))

        info, images = plugin.provider_info(), (await find(folder)).images
        credits = {image.id: attribution(info, image).text for image in images}

        wanted = "A by Ada Lind. CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"
        assert credits == {"a.webp": wanted, "b.webp": "B by Ada Lind"}

    async def test_texts_are_cleaned_and_bounded(self, folder: Path) -> None:
        keywords = "".join(f"<rdf:li>{number} {'k' * 200}</rdf:li>" for number in range(80))
        packet = xmp(f"<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>")
        tags = exif(Artist="Ada\nLind\x07\u202e".encode(), ImageDescription="t" * 3000)
        put(folder / "a.webp", xmp=packet, exif=tags)

        image = await only(folder)

        assert image.title is not None
        assert image.author is not None
        assert (len(image.title), image.author.name) == (300, "Ada Lind")
        assert (len(image.tags), {len(tag) for tag in image.tags}) == (50, {100})

    @pytest.mark.parametrize(
        "packet",
        [
            b"<x:xmpmeta",
            b"\xff\xfe\x00",
            xmp("<dc:title>&lol9;</dc:title>", before="<!DOCTYPE x [<!ENTITY lol9 'ha'>]>"),
            xmp(
                "<dc:title>&e19;</dc:title>",
                before="<!DOCTYPE x [<!ENTITY e0 'ha'>"
                + "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 20))
                + "]>",
            ),
            xmp("<dc:title>&file;</dc:title>", before='<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>'),
            xmp("<a>" * 5000 + "</a>" * 5000),
        ],
        ids=["cut off", "no text", "entity", "entity bomb", "external entity", "deep"],
    )
    async def test_bad_xmp_is_left_out(self, folder: Path, packet: bytes) -> None:
        put(folder / "red fox.jpg", xmp=packet, exif=exif(Artist="Ada"))

        image = await only(folder)

        assert image.author is not None
        assert (image.title, image.author.name) == ("Red fox", "Ada")


class TestPixels:
    @pytest.mark.parametrize("orientation", range(1, 9))
    async def test_sizes_and_thumbnail_are_as_displayed(self, folder: Path, scratch: Path, orientation: int) -> None:
        stored = quarters(1200, 600)
        put(folder / "a.jpg", stored, exif=exif(Orientation=orientation), quality=95)

        image = await only(folder)
        small = thumbnail(folder, "a.jpg", scratch)

        expected = ImageOps.exif_transpose(PIL.Image.open(folder / "a.jpg"))
        sizes = [(each.name, each.width, each.height, each.url) for each in image.renditions]
        assert (image.width, image.height) == expected.size
        assert sizes == [("thumbnail", *small.size, None), ("original", *expected.size, None)]
        assert sorted(small.size) == [200, 400]
        assert (small.format, small.getexif().get(ExifTags.Base.Orientation)) == ("JPEG", None)
        difference = ImageChops.difference(small, expected.resize(small.size))
        assert max(ImageStat.Stat(difference).mean) < 3

    @pytest.mark.parametrize(
        ("size", "expected"),
        [((300, 20), (300, 20)), ((400, 400), (400, 400)), ((4000, 3), (400, 1)), ((500, 999), (200, 400))],
    )
    async def test_a_thumbnail_fits_and_is_never_larger_than_the_picture(
        self, folder: Path, scratch: Path, size: tuple[int, int], expected: tuple[int, int]
    ) -> None:
        put(folder / "a.png", PIL.Image.new("RGB", size))

        rendition = (await only(folder)).renditions[0]

        assert (rendition.width, rendition.height) == expected
        assert thumbnail(folder, "a.png", scratch).size == expected

    @pytest.mark.parametrize(
        ("mode", "color", "format", "shown"),
        [
            ("RGBA", (255, 0, 0, 128), "PNG", (255, 0, 0, 128)),
            ("RGBA", (255, 0, 0, 255), "JPEG", (254, 0, 0)),
            ("I;16", 32768, "JPEG", (128, 128, 128)),
            ("L", 40, "JPEG", (40, 40, 40)),
            ("1", 1, "JPEG", (255, 255, 255)),
        ],
    )
    def test_every_kind_of_pixel_has_a_thumbnail(
        self, folder: Path, scratch: Path, mode: str, color: int, format: str, shown: tuple[int, ...]
    ) -> None:
        put(folder / "a.png", PIL.Image.new(mode, (30, 30), color))

        small = thumbnail(folder, "a.png", scratch)

        assert (small.format, small.getpixel((9, 9))) == (format, shown)

    async def test_small_pictures_tell_their_average_colour(self, folder: Path) -> None:
        put(folder / "1.jpg", PIL.Image.new("RGB", (800, 600), "#808080"), quality=95)
        put(folder / "2.png", PIL.Image.new("RGB", (1200, 900), "#804020"))
        put(folder / "3.png", PIL.Image.new("RGBA", (20, 20), "#804020ff"))
        put(folder / "4.png", PIL.Image.new("RGBA", (20, 20), "#80402010"))

        colors = [image.color for image in (await find(folder)).images]

        assert colors == ["#808080", None, "#804020", None]

    def test_a_thumbnail_tells_neither_place_nor_comment(self, folder: Path, scratch: Path) -> None:
        tags = exif(Artist="Ada")
        tags[ExifTags.IFD.GPSInfo.value] = {ExifTags.GPS.GPSLatitude.value: (52.0, 31.0, 0.0)}
        path = put(folder / "a.jpg", exif=tags, comment=b"secret", xmp=title("secret"))

        made = open_file("a.jpg", "thumbnail", Settings(str(folder)), scratch)

        assert made is not None
        with PIL.Image.open(path) as original, PIL.Image.open(made) as small:
            assert original.getexif().get_ifd(ExifTags.IFD.GPSInfo)
            assert not small.getexif()
            assert not {"comment", "xmp"} & small.info.keys()

    async def test_an_original_tells_its_place_unless_the_setting_forbids_it(self, folder: Path, scratch: Path) -> None:
        """The copy is made once for each version of the file. The thumbnail and the record are the same."""
        tags = exif(Artist="Ada", Orientation=6)
        tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
        path = put(
            folder / "a.jpg", exif=tags, xmp=xmp("", 'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSAltitude="34"')
        )
        as_they_are, stripped = Settings(str(folder)), Settings(str(folder), strip_location=True)

        served = open_file("a.jpg", "original", as_they_are, scratch)
        copy = open_file("a.jpg", "original", stripped, scratch)

        assert served == path
        assert copy is not None
        assert copy.parent == scratch
        with PIL.Image.open(copy) as picture:
            assert dict(picture.getexif().get_ifd(ExifTags.IFD.GPSInfo)) == {}
            assert picture.getexif()[ExifTags.Base.Artist] == "Ada"
            assert picture.getexif()[ExifTags.Base.Orientation] == 6
            assert b"GPS" not in picture.info["xmp"]
        assert open_file("a.jpg", "original", stripped, scratch) == copy
        assert open_file("a.jpg", "thumbnail", stripped, scratch) == open_file(
            "a.jpg", "thumbnail", as_they_are, scratch
        )
        assert await fetch_image("a.jpg", stripped) == await fetch_image("a.jpg", as_they_are)

    async def test_the_link_of_an_original_leads_to_the_copy(self, folder: Path, start: Any) -> None:
        """Whatever the file is called, its type is that of the picture."""
        tags = exif(Artist="Ada")
        tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
        put(folder / "fox.jpg", exif=tags)
        environ = {"LOCAL_ENABLED": "true", "LOCAL_FOLDER": str(folder), "LOCAL_STRIP_LOCATION": "true"}
        api = await start(environ)
        answer = await api.get("/search", params={"q": "fox", "provider": "local"}, headers=await api.sign_in())
        [image] = answer.json()["images"]
        [link] = [rendition["url"] for rendition in image["renditions"] if rendition["name"] == "original"]

        response = await api.get(link.removeprefix("http://127.0.0.1:8000"))

        assert (response.status_code, response.headers["content-type"]) == (200, "image/jpeg")
        with PIL.Image.open(BytesIO(response.content)) as picture:
            assert picture.getexif()[ExifTags.Base.Artist] == "Ada"
            assert ExifTags.IFD.GPSInfo not in picture.getexif()

    def test_an_original_without_a_place_is_served_itself(self, folder: Path, scratch: Path) -> None:
        path = put(folder / "a.jpg", exif=exif(Artist="Ada"))

        assert open_file("a.jpg", "original", Settings(str(folder), strip_location=True), scratch) == path

    @pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "avif"])
    async def test_formats_are_told_by_content(self, folder: Path, scratch: Path, suffix: str) -> None:
        path = put(folder / f"a.{suffix}", quarters(80, 60)).rename(folder / "picture.dat")

        image = await only(folder)

        assert (image.width, image.height) == (80, 60)
        assert open_file("picture.dat", "original", Settings(str(folder)), scratch) == path
        assert thumbnail(folder, "picture.dat", scratch).size == (80, 60)

    async def test_other_formats_are_no_pictures(self, folder: Path) -> None:
        put(folder / "a.bmp")
        put(folder / "a.tiff")
        (folder / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
        (folder / "a.jpg").write_text("not a picture")

        assert await ids(folder) == []

    def test_the_same_thumbnail_is_made_once_and_a_new_one_for_a_new_file(
        self, folder: Path, scratch: Path, later: Callable[[], None]
    ) -> None:
        settings = Settings(str(folder))
        put(folder / "a.jpg", PIL.Image.new("RGB", (500, 500), RED))
        first = open_file("a.jpg", "thumbnail", settings, scratch)
        assert first is not None
        stamp = first.stat()
        assert open_file("a.jpg", "thumbnail", settings, scratch) == first
        assert first.stat() == stamp

        put(folder / "a.jpg", PIL.Image.new("RGB", (600, 300), BLUE))
        later()

        assert thumbnail(folder, "a.jpg", scratch).size == (400, 200)

    def test_many_at_once_make_one_whole_file(self, folder: Path, scratch: Path) -> None:
        put(folder / "a.jpg", quarters(900, 700))

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: thumbnail(folder, "a.jpg", scratch).size, range(24)))

        assert set(made) == {(400, 311)}
        assert len(list(scratch.iterdir())) == 1

    def test_a_thumbnail_that_cannot_be_stored_leaves_nothing(
        self, folder: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(folder / "a.jpg")

        def full(self: Path, target: Path) -> Path:
            assert PIL.Image.open(BytesIO(self.read_bytes())).size == (60, 40)
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            with pytest.raises(OSError, match="No space"):
                open_file("a.jpg", "thumbnail", Settings(str(folder)), scratch)

        assert list(scratch.iterdir()) == []


class TestWhatIsNotShown:
    @pytest.fixture(autouse=True)
    def secret(self, tmp_path: Path, folder: Path) -> None:
        put(tmp_path / "secret.jpg")
        put(folder / "fox.jpg")
        put(folder / "sub" / "owl.jpg")
        put(folder / ".hidden.jpg")
        put(folder / ".git" / "inside.jpg")
        (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
        (folder / "linked").symlink_to(tmp_path)
        (folder / "round").symlink_to(folder)
        put(folder / "two\nlines.jpg")
        put(folder / "evil\u202egpj.jpg")

    async def test_only_plain_files_are_listed(self, folder: Path) -> None:
        assert await ids(folder) == ["fox.jpg", "sub/owl.jpg"]

    @pytest.mark.parametrize(
        "id",
        [
            "../secret.jpg",
            "sub/../../secret.jpg",
            "sub/../fox.jpg",
            "./fox.jpg",
            "sub//owl.jpg",
            "%2e%2e/secret.jpg",
            "%2e%2e%2fsecret.jpg",
            "..\\secret.jpg",
            "link.jpg",
            "linked/secret.jpg",
            "round/fox.jpg",
            ".hidden.jpg",
            ".git/inside.jpg",
            "two\nlines.jpg",
            "fox.jpg\0",
            "fox.jpg\0.png",
            "\udce9.jpg",
            "sub",
            ".",
            "..",
            "/",
            "",
            "/etc/passwd",
            "ABSOLUTE",
        ],
    )
    async def test_ids_are_looked_up_and_never_paths(self, folder: Path, scratch: Path, id: str) -> None:
        settings = Settings(str(folder))
        id = str(folder / "fox.jpg") if id == "ABSOLUTE" else id

        assert await fetch_image(id, settings) is None
        assert open_file(id, "original", settings, scratch) is None
        assert open_file(id, "thumbnail", settings, scratch) is None

    def test_there_are_two_renditions(self, folder: Path, scratch: Path) -> None:
        settings = Settings(str(folder))

        assert open_file("fox.jpg", "original", settings, scratch) == folder / "fox.jpg"
        assert [open_file("fox.jpg", name, settings, scratch) for name in ("large", "", "../fox.jpg")] == [None] * 3

    async def test_a_file_that_became_a_link_is_not_followed(self, tmp_path: Path, folder: Path, scratch: Path) -> None:
        assert await ids(folder) == ["fox.jpg", "sub/owl.jpg"]
        (folder / "fox.jpg").unlink()
        (folder / "fox.jpg").symlink_to(tmp_path / "secret.jpg")
        (folder / "sub" / "owl.jpg").unlink()

        for id in ("fox.jpg", "sub/owl.jpg"):
            assert open_file(id, "original", Settings(str(folder)), scratch) is None
            assert open_file(id, "thumbnail", Settings(str(folder)), scratch) is None

    async def test_a_name_that_is_not_utf8(self, folder: Path) -> None:
        try:
            (folder / "fox.jpg").rename(Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.jpg")))
        except OSError:
            pytest.skip("this file system takes only UTF-8")

        assert await ids(folder) == ["sub/owl.jpg"]

    async def test_a_file_that_may_not_be_read(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        really = Path.open

        def refuse(self: Path, mode: str) -> object:
            if self.name == "owl.jpg":
                raise PermissionError(13, "Permission denied")
            return really(self, mode)

        monkeypatch.setattr(Path, "open", refuse)

        assert await ids(folder) == ["fox.jpg"]

    @pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
    async def test_a_broken_picture(self, folder: Path, scratch: Path, share: float) -> None:
        whole = put(folder / "whole.jpg", PIL.Image.effect_noise((300, 200), 90).convert("RGB")).read_bytes()
        (folder / "broken.jpg").write_bytes(whole[: int(len(whole) * share)])

        assert await ids(folder) == ["fox.jpg", "sub/owl.jpg", "whole.jpg"]
        assert await fetch_image("broken.jpg", Settings(str(folder))) is None
        assert open_file("broken.jpg", "thumbnail", Settings(str(folder)), scratch) is None

    @pytest.mark.parametrize("side", [7100, 10_000, 30_000, 2_000_000_000])
    async def test_a_decompression_bomb(self, folder: Path, scratch: Path, side: int) -> None:
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"\0" * 1000)
        parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
        (folder / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + parts)

        assert await ids(folder) == ["fox.jpg", "sub/owl.jpg"]
        assert await fetch_image("bomb.png", Settings(str(folder))) is None
        assert open_file("bomb.png", "thumbnail", Settings(str(folder)), scratch) is None


class TestIndex:
    @pytest.fixture
    def read(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The ids of the files that were read, in order."""
        read: list[str] = []
        really = plugin._read

        def entry(file: File) -> plugin._IndexedFile:
            read.append(file.id)
            return really(file)

        monkeypatch.setattr(plugin, "_read", entry)
        return read

    async def test_what_changes_is_found_and_nothing_else_read_again(
        self, folder: Path, later: Callable[[], None], read: list[str]
    ) -> None:
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            put(folder / name)
        (folder / "notes.txt").write_text("no picture")
        assert await ids(folder) == ["a.jpg", "b.jpg", "c.jpg"]
        assert sorted(read) == ["a.jpg", "b.jpg", "c.jpg", "notes.txt"]
        read.clear()

        (folder / "a.jpg").unlink()
        put(folder / "b.jpg", xmp=title("Owl"))
        put(folder / "d" / "new.jpg")
        later()

        assert await ids(folder) == ["b.jpg", "c.jpg", "d/new.jpg"]
        assert await ids(folder, "owl") == ["b.jpg"]
        assert sorted(read) == ["b.jpg", "d/new.jpg"]

    async def test_one_picture_is_looked_up_without_reading_the_others(self, folder: Path, read: list[str]) -> None:
        for name in ("a.jpg", "b.jpg"):
            put(folder / name)

        assert await fetch_image("b.jpg", Settings(str(folder))) is not None
        assert read == ["b.jpg"]

    async def test_searches_at_once_read_each_file_once(self, folder: Path, read: list[str]) -> None:
        for number in range(40):
            put(folder / f"{number}.jpg")

        pages = await asyncio.gather(*(find(folder) for _ in range(6)))

        assert {len(page.images) for page in pages} == {40}
        assert len(read) == 40

    async def test_a_long_first_reading_is_not_waited_for(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("a.jpg", "b.jpg"):
            put(folder / name)
        go_on, really = threading.Event(), plugin._read

        def slow(file: File) -> plugin._IndexedFile:
            if file.id == "b.jpg":
                go_on.wait(60)
            return really(file)

        monkeypatch.setattr(plugin, "_read", slow)
        monkeypatch.setattr(plugin, "PATIENCE", 0)
        assert await fetch_image("a.jpg", Settings(str(folder))) is not None

        early = await find(folder)
        go_on.set()
        monkeypatch.setattr(plugin, "PATIENCE", 60)
        done = await find(folder)

        assert ([image.id for image in early.images], early.total) == (["a.jpg"], None)
        assert ([image.id for image in done.images], done.total) == (["a.jpg", "b.jpg"], 2)


class TestSamples:
    @pytest.mark.parametrize("settings", [Settings(), Settings("")])
    async def test_they_are_shown_when_no_folder_is_set(self, settings: Settings) -> None:
        page = await search_images(SearchQuery(text="", per_page=50), settings)

        assert {image.id for image in page.images} == {sample.file for sample in draw.SAMPLES}
        assert page.total == 12

    @pytest.mark.parametrize("sample", draw.SAMPLES, ids=lambda sample: str(sample.file))
    async def test_each_is_whole_and_says_whose_it_is(self, sample: draw.Sample, scratch: Path) -> None:
        image = await fetch_image(sample.file, Settings())
        path = open_file(sample.file, "original", Settings(), scratch)

        assert image is not None
        assert path is not None
        assert path.stat().st_size <= draw.MAX_BYTES
        with PIL.Image.open(path) as picture:
            picture.load()
            assert (image.width, image.height) == picture.size
        assert image.author is not None
        assert image.license is not None
        assert (image.title, image.alt, image.author.name) == (sample.title, sample.alt, "ImageVault")
        assert (image.license.id, image.license.url) == ("cc0-1.0", CC0)
        assert len(image.tags) >= 3
        assert image.color is not None

    async def test_mountains_are_found(self) -> None:
        assert len(await ids(None, "mountain")) >= 4
        assert await ids(None, "red fox") == ["fox-in-snow.jpg"]

    @pytest.mark.parametrize("file", ["abstract-waves.png", "desert-dunes.jpg", "aurora.jpg"])
    @pytest.mark.soak
    def test_drawing_again_makes_the_same(
        self, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, file: str
    ) -> None:
        """The same bytes from the same Pillow; another one may compress a little otherwise."""
        monkeypatch.setattr(draw, "SAMPLES", [sample for sample in draw.SAMPLES if sample.file == file])
        for run in ("1", "2"):
            monkeypatch.setattr("sys.argv", ["draw", str(tmp_path / run)])
            draw.main()

        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()
        shipped = open_file(file, "original", Settings(), scratch)
        assert shipped is not None
        with PIL.Image.open(shipped) as old, PIL.Image.open(tmp_path / "1" / file) as new:
            assert max(ImageStat.Stat(ImageChops.difference(old.convert("RGB"), new.convert("RGB"))).mean) < 1


class TestFunctions:
    """The small functions of the provider, without files."""

    @pytest.mark.parametrize(
        ("texts", "path", "title"),
        [
            ({"title": ["Owl", "Hibou"], "description": ["A bird"]}, "a.jpg", "Owl"),
            ({"description": ["A bird"]}, "a.jpg", "A bird"),
            ({}, "trip/red_fox-2.jpg", "Red fox 2"),
            ({}, "NASA.png", "NASA"),
            ({}, "---.jpg", "---"),
            ({"title": ["DSC_0228"], "description": ["A bird"]}, "a.jpg", "A bird"),
            ({"title": ["IMG_20240131_142530.jpg"]}, "owl.jpg", "Owl"),
            ({"description": ["OLYMPUS DIGITAL CAMERA"]}, "owl.jpg", "Owl"),
            ({}, "DSC_0228.JPG", "DSC 0228"),
        ],
        ids=[
            "title",
            "description",
            "file name",
            "capitals stay",
            "no words",
            "a camera's number",
            "another file name",
            "a camera's stamp",
            "a camera's file name",
        ],
    )
    def test_a_title_comes_from_the_best_source(self, texts: dict[str, list[str]], path: str, title: str) -> None:
        assert plugin._title(texts, PurePosixPath(path)) == title

    @pytest.mark.parametrize(
        ("texts", "alt"),
        [
            ({"alt": ["A fox"], "description": ["Snow"]}, "A fox"),
            ({"description": ["Snow"]}, "Snow"),
            ({"title": ["Fox"]}, None),
            ({"description": ["SONY DSC"]}, None),
            ({"description": ["DSC_0228.JPG"]}, None),
        ],
    )
    def test_alt_is_what_is_embedded(self, texts: dict[str, list[str]], alt: str | None) -> None:
        assert plugin._alt(texts) == alt

    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("SONY DSC", False),
            ("KONICA MINOLTA DIGITAL CAMERA", False),
            ("Digital StillCamera", False),
            ("SAMSUNG CAMERA PICTURES", False),
            ("Exif_JPEG_PICTURE", False),
            ("Exif JPEG", False),
            ("File:Red fox.jpg", False),
            ("DCIM\\100MEDIA\\DJI_0001.JPG", False),
            ("_MG_1234", False),
            ("P1010001", False),
            ("My first digital camera on a shelf", True),
            ("How to make a fox.", True),
            ("P51 Mustang", True),
            ("Sony", True),
        ],
    )
    def test_what_cameras_write_is_no_text(self, text: str, written: bool) -> None:
        assert plugin._written({"title": [text]}, "title") == (text if written else "")

    @pytest.mark.parametrize(
        ("text", "date"),
        [
            ("2024:01:31 14:25:30", "2024-01-31"),
            ("2024-01-31T14:25:30+02:00", "2024-01-31"),
            ("20240131", "2024-01-31"),
            ("2024-01", "2024-01"),
            ("20240100", "2024-01"),
            ("20240000", "2024"),
            ("2024", "2024"),
            ("2024:02:30 00:00:00", "2024-02"),
            ("0000:00:00 00:00:00", None),
            ("    :  :     :  :  ", None),
            ("202401311", None),
            ("yesterday", None),
        ],
    )
    def test_a_date_is_as_precise_as_it_is_known(self, text: str, date: str | None) -> None:
        assert plugin._date({"date": [text]}) == date
        assert plugin._date({}) is None

    @pytest.mark.parametrize(
        ("values", "tags"), [(["fox", "snow"], ["fox", "snow"]), (["fox;snow"], ["fox", "snow"]), ([], [])]
    )
    def test_tags_come_one_by_one_or_as_one_text(self, values: list[str], tags: list[str]) -> None:
        assert plugin._tags({"tag": values}) == tags

    def test_all_creators_are_named(self) -> None:
        assert plugin._author_name({"author": ["Ada Example", "Ben Example"]}) == "Ada Example, Ben Example"
        assert plugin._author_name({}) == ""

    @pytest.mark.parametrize(
        ("texts", "id"),
        [
            ({"license": ["https://creativecommons.org/licenses/by/4.0/"]}, "cc-by-4.0"),
            ({"rights": ["Free (see https://creativecommons.org/publicdomain/zero/1.0/)."]}, "cc0-1.0"),
            ({"license": ["https://ada.example/rights", "https://creativecommons.org/licenses/by/4.0/"]}, "cc-by-4.0"),
            ({"license": ["https://ada.example/rights"]}, "unknown"),
            ({"rights": ["(c) Ada Example"]}, "unknown"),
            ({}, None),
        ],
        ids=["licence field", "text on rights", "the first that is known", "another address", "a statement", "nothing"],
    )
    def test_a_licence_is_found_by_its_link(self, texts: dict[str, list[str]], id: str | None) -> None:
        license = plugin._license(texts)
        assert (license.id if license else None) == id

    @pytest.mark.parametrize(
        ("texts", "declared", "url"),
        [
            (
                {"rights": ["(c) Ada"], "license": ["https://ada.example/r"]},
                Declared("rights", "(c) Ada"),
                "https://ada.example/r",
            ),
            ({"rights": ["(c) Ada"], "license": ["Ask me"]}, Declared("rights", "(c) Ada"), None),
            ({"license": ["Ask me", "Twice"]}, Declared("license", "Ask me"), None),
        ],
    )
    def test_any_other_statement_leaves_the_rights_unclear(
        self, texts: dict[str, list[str]], declared: Declared, url: str | None
    ) -> None:
        """The text on rights comes first. A link beside it tells more."""
        assert plugin._declared(texts) == declared
        assert plugin._license(texts) == License.unknown(declared.words, url)

    def test_a_known_licence_is_declared_where_it_is_linked(self) -> None:
        link = "See https://creativecommons.org/licenses/by/4.0/."
        texts = {"license": ["Ask me"], "rights": ["(c) Ada", link]}
        assert plugin._declared(texts) == Declared("rights", link)

    BY = License.from_url("https://creativecommons.org/licenses/by/4.0/")
    CC0 = License.from_url("https://creativecommons.org/publicdomain/zero/1.0/")
    ADA = {"author": ["Ada Example"]}

    @pytest.mark.parametrize(
        ("texts", "license", "credit"),
        [
            ({"credit": ["Ada's studio"], **ADA}, BY, "Ada's studio"),
            (ADA, None, None),
            (ADA, CC0, None),
            (ADA, BY, "Fox by Ada Example. CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"),
            ({"rights": ["(c) 2020"]}, None, "Fox. (c) 2020"),
            ({"rights": ["(c) 2020"]}, BY, "Fox. (c) 2020. CC BY 4.0, https://creativecommons.org/licenses/by/4.0/"),
            ({}, None, "Fox"),
        ],
        ids=["dictated", "author", "author and CC0", "author and CC BY", "rights", "rights and CC BY", "title"],
    )
    def test_the_credit_names_what_the_gateway_cannot_know(
        self, texts: dict[str, list[str]], license: License | None, credit: str | None
    ) -> None:
        """None means the gateway's own line, which names title and author."""
        assert plugin._credit(texts, "Fox", license) == credit

    @pytest.mark.parametrize(
        ("source", "url"),
        [("https://ada.example/fox", "https://ada.example/fox"), ("Ada's shelf", None), ("", None)],
    )
    def test_a_source_is_a_link_or_none(self, source: str, url: str | None) -> None:
        assert plugin._source_url({"source": [source]}) == url

    def test_renditions_have_sizes_and_no_address(self) -> None:
        assert plugin._renditions((800, 400)) == [
            Rendition(name="thumbnail", width=400, height=200),
            Rendition(name="original", width=800, height=400),
        ]

    @pytest.mark.parametrize(
        ("word", "found"),
        [("fo", True), ("fox", True), ("foxes", True), ("reds", True), ("ox", False), ("foxy", False)],
    )
    def test_a_word_is_found_at_its_beginning_and_in_the_singular(self, word: str, found: bool) -> None:
        assert plugin._has_word(" red fox ", word) is found

    @pytest.mark.parametrize(
        ("word", "found"),
        [("猫", True), ("熊猫", True), ("犬", False), ("+", True), ("s", False), ("es", False)],
    )
    def test_a_word_without_a_beginning_is_found_anywhere(self, word: str, found: bool) -> None:
        assert plugin._has_word(" 大熊猫 ++ ", word) is found

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("Red_FOX-2", ["red", "fox", "2"]),
            ("Ünï ﬁn", ["ünï", "fin"]),
            ("Σίσυφος", ["σίσυφοσ"]),
            ("大熊猫cat2024", ["大熊猫", "cat2024"]),
            ("1\ufe0f\u20e3 ❤\ufe0f🦊", ["1\u20e3", "❤🦊"]),
            ("!!! ... \u200b", []),
        ],
        ids=["separators", "ligature", "final sigma", "two scripts", "signs", "nothing"],
    )
    def test_words_are_folded(self, text: str, words: list[str]) -> None:
        assert plugin._words(text) == words

    def test_the_words_of_several_texts(self) -> None:
        assert plugin._words("red fox", "snow") == ["red", "fox", "snow"]

    @pytest.mark.parametrize(
        "unit", ["https://", "http", "https://a.", "https://creativecommons.org/licenses/by/", "(."]
    )
    def test_a_hostile_text_on_rights_takes_no_time(self, unit: str) -> None:
        assert is_linear(lambda size: plugin._license({"rights": [unit * size]}), 5_000)

    @pytest.mark.parametrize("unit", ["a\u0301\u0323", "้", "I\u0307", "猫a", "digital ", "DSC_0", "a.jpg", "20240131"])
    def test_a_hostile_title_takes_no_time(self, unit: str) -> None:
        def work(size: int) -> None:
            text = unit * size
            plugin._words(text)
            plugin._written({"title": [text]}, "title")
            plugin._date({"date": [text]})

        assert is_linear(work, 20_000)
