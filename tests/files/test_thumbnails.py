"""Thumbnails: the same pixels as Pillow makes of the whole picture, without the memory that it takes for that."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL.Image
import pytest
from PIL import ImageChops

from imagevault.files import thumbnails
from imagevault.files.opening import opened
from imagevault.files.thumbnails import thumbnail

LARGE = (2100, 2000)  # more than LARGE_PIXELS
WAIT = 60.0  # seconds, after which a test fails


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch


class ObservedLock:
    """A lock that lets a test wait for those who want it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.wanted.release()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def wait_until_wanted(self) -> None:
        """Wait for one more who wants it."""
        assert self.wanted.acquire(timeout=WAIT)


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> ObservedLock:
    lock = ObservedLock()
    monkeypatch.setattr(thumbnails, "_one_large_picture", lock)
    return lock


def noise(width: int, height: int) -> PIL.Image.Image:
    return PIL.Image.effect_noise((width, height), 80).convert("RGB")


def transparent(picture: PIL.Image.Image) -> PIL.Image.Image:
    picture = picture.convert("RGBA")
    picture.putalpha(PIL.Image.effect_noise(picture.size, 90))
    return picture


class TestPixels:
    @pytest.mark.parametrize(
        "size", [(1237, 911), (2000, 3), (3, 2000), (1603, 1201), (799, 801), (401, 399), (50, 50)], ids=str
    )
    @pytest.mark.parametrize(
        "make",
        [
            lambda picture: picture,
            transparent,
            lambda picture: picture.quantize(32),
            lambda picture: picture.convert("L"),
        ],
        ids=["RGB", "RGBA", "P", "L"],
    )
    def test_bands_do_not_show(
        self, tmp_path: Path, size: tuple[int, int], make: Callable[[PIL.Image.Image], PIL.Image.Image]
    ) -> None:
        """The picture is the one that Pillow makes of the whole, whether a size divides evenly or not."""
        path = tmp_path / "a.png"
        make(noise(*size)).save(path, compress_level=1)
        wanted = thumbnails.fitted(size)
        with opened(path) as picture:
            whole = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
        expected = whole.resize(wanted, PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)

        with opened(path) as picture:
            small = thumbnails._reduced(picture, wanted)

        assert (small.mode, small.size) == (expected.mode, wanted)
        assert ImageChops.difference(small.convert("RGBA"), expected.convert("RGBA")).getextrema() == ((0, 0),) * 4


class TestMemory:
    def test_one_large_picture_is_decoded_at_once(
        self, tmp_path: Path, scratch: Path, lock: ObservedLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first goes on only when both have asked."""
        active_at_once: list[int] = []
        active = 0
        both_asked = threading.Event()
        really = thumbnails._rendered

        def rendered(picture: PIL.Image.Image) -> tuple[bytes, str]:
            nonlocal active
            active += 1
            assert both_asked.wait(WAIT)
            active_at_once.append(active)
            content = really(picture)
            active -= 1
            return content

        monkeypatch.setattr(thumbnails, "_rendered", rendered)
        paths = [tmp_path / "a.png", tmp_path / "b.png"]
        for path in paths:
            PIL.Image.new("RGB", LARGE).save(path)

        with ThreadPoolExecutor(2) as pool:
            making = [pool.submit(thumbnail, path, scratch, str(path)) for path in paths]
            lock.wait_until_wanted()
            lock.wait_until_wanted()
            both_asked.set()
            made = [each.result(WAIT) for each in making]

        assert None not in made
        assert active_at_once == [1, 1]

    def test_one_that_was_made_meanwhile_is_not_made_again(
        self, tmp_path: Path, scratch: Path, lock: ObservedLock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "a.png"
        PIL.Image.new("RGB", LARGE).save(path)
        made: list[Path] = []
        really = thumbnails._made

        def observed(path: Path, folder: Path, name: str) -> Path | None:
            made.append(path)
            return really(path, folder, name)

        monkeypatch.setattr(thumbnails, "_made", observed)

        with ThreadPoolExecutor(2) as pool:
            with lock:
                lock.wait_until_wanted()
                waiting = [pool.submit(thumbnail, path, scratch, "1") for _ in range(2)]
                lock.wait_until_wanted()
                lock.wait_until_wanted()
            results = {each.result(WAIT) for each in waiting}

        assert len(results) == 1
        assert made == [path]

    @pytest.mark.parametrize(
        ("name", "size"),
        [("small.png", (2000, 1999)), ("large.jpg", (4000, 3000))],
        ids=["a small picture", "a large JPEG, which is decoded small"],
    )
    def test_others_do_not_wait(
        self, tmp_path: Path, scratch: Path, lock: ObservedLock, name: str, size: tuple[int, int]
    ) -> None:
        path = tmp_path / name
        PIL.Image.new("RGB", size).save(path)

        with lock:
            assert thumbnail(path, scratch, "1") is not None

    def test_a_large_progressive_jpeg_counts_as_large(self, tmp_path: Path) -> None:
        """It is decoded whole, whatever the resolution that is asked for."""
        PIL.Image.new("RGB", LARGE).save(tmp_path / "a.jpg", progressive=True)

        with opened(tmp_path / "a.jpg") as picture:
            assert thumbnails._is_large(picture)

    def test_a_broken_large_picture_lets_the_next_one_in(
        self, tmp_path: Path, scratch: Path, lock: ObservedLock
    ) -> None:
        path = tmp_path / "a.png"
        noise(*LARGE).save(path, compress_level=1)
        path.write_bytes(path.read_bytes()[:5000])

        assert thumbnail(path, scratch, "1") is None
        assert lock.lock.acquire(blocking=False)

    @pytest.mark.processes
    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_two_large_pictures_leave_little_behind(self, tmp_path: Path, scratch: Path) -> None:
        """Each takes 64 MB decoded. Both at once with their copies would take 384 MB, and much of it would stay."""
        for name in ("a.png", "b.png"):
            PIL.Image.new("RGBA", (4000, 4000), (200, 100, 50, 128)).save(tmp_path / name, compress_level=1)

        measured = subprocess.run(
            [sys.executable, "-c", MEASURE, str(scratch), str(tmp_path / "a.png"), str(tmp_path / "b.png")],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        peak, left = (int(kilobytes) // 1024 for kilobytes in measured)

        assert peak < 2 * 64
        assert left < 40


MEASURE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from imagevault.files.thumbnails import thumbnail

def memory(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

scratch, *paths = map(Path, sys.argv[1:])
before = memory("VmRSS")
with ThreadPoolExecutor(2) as pool:
    for version in range(3):
        made = list(pool.map(lambda path: thumbnail(path, scratch, f"{path}{version}"), paths))
        assert None not in made
    left = memory("VmRSS")
print(memory("VmHWM") - before, left - before)
"""
