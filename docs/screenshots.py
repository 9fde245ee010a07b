"""Takes the screenshots of the README from the demo, by a headless Chromium: `python docs/screenshots.py`.

Needs what `make test-browser` needs. The pictures in them are drawn by the simulated upstreams.
"""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import ViewportSize, sync_playwright

FOLDER = Path(__file__).parent / "images"
SIZE: ViewportSize = {"width": 1280, "height": 800}
QUALITY = 75  # of JPEG; each file stays below 200 KB
SEARCH = "/?q=red+fox&provider=all"


def take(url: str) -> None:
    """Take both screenshots of the demo at this address."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(url + SEARCH)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / "search.jpg", type="jpeg", quality=QUALITY)
        page.emulate_media(color_scheme="dark")
        page.locator("a.tile").nth(3).click()
        page.wait_for_selector("dialog[open] article")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / "picture.jpg", type="jpeg", quality=QUALITY)
        browser.close()


def main() -> None:
    """Start the demo, take the screenshots, and stop it."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "imagevault", "demo", "--port", "0"]
        demo = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)  # noqa: S603
        try:
            shown = next(found for line in demo.stderr or () if (found := re.search(r"a demo on (http://\S+)", line)))
            next(line for line in demo.stderr or () if "stop" in line)
            take(shown[1])
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait()


if __name__ == "__main__":
    main()
