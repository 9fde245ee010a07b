"""The pictures of simulated upstreams: of the size and type that is asked for, alike in all sizes, and cheap."""

import io
import math
import subprocess
import sys

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat

from imagevault.testing import Answer, Call, Upstream
from imagevault.testing.picture_files import file_of
from imagevault.testing.pictures import GIF, JPEG, PNG, TIFF, WEBP, Picture, color_of, fitted, side_of

RED = (200, 40, 40)


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(file_of(picture)))


def distance(one: Image.Image, two: Image.Image) -> float:
    """The mean difference of the pixels of two pictures, from 0 to 255."""
    bands = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), two.convert("RGB"))).mean
    return sum(bands) / len(bands)


class TestFile:
    @pytest.mark.parametrize("type", [JPEG, PNG, GIF, TIFF, WEBP])
    @pytest.mark.parametrize("size", [(1, 1), (280, 200), (667, 1000), (1500, 1001)])
    def test_has_the_size_and_the_type(self, type: str, size: tuple[int, int]) -> None:
        """And all of its pixels can be read."""
        picture = opened(Picture(width=size[0], height=size[1], type=type))

        assert (picture.size, Image.MIME[picture.format or ""]) == (size, type)
        picture.load()

    def test_is_the_same_each_time(self) -> None:
        """In every process: the text decides, and so does the colour."""
        fox = Picture(width=40, height=30, scene="fox")

        assert file_of(fox) == file_of(Picture(width=40, height=30, scene="fox"))
        assert file_of(fox) != file_of(Picture(width=40, height=30, scene="cat"))
        assert file_of(fox) != file_of(Picture(width=40, height=30, scene="fox", color=RED))

    def test_shows_the_colour(self) -> None:
        pixels = opened(Picture(width=100, height=80, scene="fox", color=RED)).convert("RGB").resize((1, 1))

        red, green, blue = pixels.getpixel((0, 0))  # type: ignore[misc]
        assert red > 1.5 * max(green, blue)

    @pytest.mark.parametrize("type", [JPEG, PNG, WEBP])
    def test_shows_the_same_in_all_sizes(self, type: str) -> None:
        """A thumbnail is the original, only smaller. Another text is another picture."""
        large = opened(Picture(width=3000, height=2000, scene="fox", type=type))
        small = opened(Picture(width=300, height=200, scene="fox", type=type))
        other = opened(Picture(width=300, height=200, scene="cat", type=type))

        assert distance(large.resize((300, 200)), small) < 6
        assert distance(large.resize((300, 200)), other) > 20

    @pytest.mark.parametrize("size", [(5000, 3001), (4001, 6000), (9368, 300), (1000, 9_999)])
    def test_of_strips_shows_what_one_piece_would(self, size: tuple[int, int]) -> None:
        """A decoder begins anew at each strip, and finds the right place."""
        whole = opened(Picture(width=size[0], height=size[1], scene="lake"))
        as_png = opened(Picture(width=size[0], height=size[1], scene="lake", type=PNG))

        whole.load()

        assert whole.size == size
        assert distance(whole.resize((200, 200)), as_png.convert("RGB").resize((200, 200))) < 6

    @pytest.mark.parametrize(
        ("picture", "message"),
        [
            (Picture(width=1, height=1, type="image/avif"), "choose one of image/jpeg, image/png"),
            (Picture(width=10_000, height=10_000, type=PNG), "cannot have 100000000 pixels"),
            (Picture(width=10_000, height=2_000, type=WEBP), "cannot have 20000000 pixels"),
        ],
    )
    def test_that_cannot_be_made(self, picture: Picture, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            file_of(picture)

    @pytest.mark.processes
    def test_of_the_largest_originals_takes_little_memory(self) -> None:
        """Whole, 156 megapixels would take 470 MB. Four are asked for at once."""
        program = (
            "import resource, threading\n"
            "from imagevault.testing.picture_files import file_of\n"
            "from imagevault.testing.pictures import Picture\n"
            "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            "file_of(Picture(width=640, height=480))\n"
            "before = peak()\n"
            "pictures = [Picture(width=9368, height=16683, scene=str(n)) for n in range(4)]\n"
            "threads = [threading.Thread(target=file_of, args=(picture,)) for picture in pictures]\n"
            "for thread in threads: thread.start()\n"
            "for thread in threads: thread.join()\n"
            "print(peak() - before)\n"
        )

        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert int(ended.stdout) < 100_000  # KiB


class TestUpstream:
    """`Upstream.serve_pictures` answers below `/files/`, beside the API."""

    @pytest.fixture
    def upstream(self) -> Upstream:
        upstream = Upstream("/v1/")
        seen: list[httpx.URL] = []

        @upstream.before
        def refuse(_call: Call) -> Answer | None:
            raise AssertionError("files need no key")

        @upstream.serve_pictures
        def describe(address: httpx.URL) -> Picture | None:
            seen.append(address)
            if address.host != "img.example":
                return None
            return Picture(
                width=int(address.params.get("w", "30")), height=20, type=PNG if ".png" in address.path else JPEG
            )

        upstream.seen = seen  # type: ignore[attr-defined]
        return upstream

    def test_serves_what_the_records_name(self, upstream: Upstream) -> None:
        """The function gets the real address, decoded."""
        with upstream:
            answer = httpx.get(f"http://127.0.0.1:{upstream.port}/files/img.example/a%20b/7.png?w=50&x=%26")
            head = httpx.head(f"http://127.0.0.1:{upstream.port}/files/img.example/a%20b/7.png?w=50")

        [address, *_] = upstream.seen  # type: ignore[attr-defined]
        assert (address.host, address.path, dict(address.params)) == (
            "img.example",
            "/a b/7.png",
            {"w": "50", "x": "&"},
        )
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (50, 20)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == answer.headers["content-length"]

    @pytest.mark.parametrize("path", ["other.example/7.png", "", "%ff%fe/7.png", "[::1/7.png", "img.example:x/7.png"])
    def test_other_addresses_have_no_picture(self, upstream: Upstream, path: str) -> None:
        with upstream:
            answer = httpx.get(f"http://127.0.0.1:{upstream.port}/files/{path}")

        assert answer.status_code == 404

    def test_takes_no_other_method(self, upstream: Upstream) -> None:
        with upstream:
            assert httpx.post(f"http://127.0.0.1:{upstream.port}/files/img.example/7.png").status_code == 405

    def test_without_pictures_the_path_is_like_any_other(self) -> None:
        upstream = Upstream("/")
        upstream.get("files/{name}")(lambda _call, name: {"name": name})
        with upstream:
            assert httpx.get(f"{upstream.url}files/7.png").json() == {"name": "7.png"}


def test_sizes_that_fit_into_a_box() -> None:
    assert fitted((6000, 4000), (1280, 1280)) == (1280, 853)
    assert fitted((6000, 4000), (float("inf"), 350)) == (525, 350)
    assert fitted((300, 200), (640, 640)) == (300, 200)
    assert fitted((30_000, 2), (100, 100)) == (100, 1)


def test_sides_that_an_address_asks_for() -> None:
    """Any other text asks for none, however long it is."""
    assert side_of("350") == 350
    for text in (None, "", "0", "-1", "²", "x", "9" * 5000):
        assert side_of(text) == math.inf


def test_colours_that_words_name() -> None:
    assert color_of("A Red fox") == RED
    assert color_of("a fox") is None
