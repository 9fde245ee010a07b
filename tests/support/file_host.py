"""A file host on loopback behind a stand-in for the network: names and addresses are the test's, the bytes are real."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpcore

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream
from imagevault.upstream.file_client import FileClient, FileLimits

PUBLIC = "93.184.215.14"
OTHER = "93.184.215.15"
ORIGIN = "http://127.0.0.1:8000"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 400 + b"\xff\xd9"


class Network(httpcore.AsyncNetworkBackend):
    """Leads each connection to the host on loopback, whatever its address, and speaks no TLS.

    Attributes:
        names: name -> the answers to its look-ups, one after the other; the last one stays.
        looked_up: the names that were looked up.
        connected: the address and port of each connection that was asked for.
        verified: the names that TLS would have verified.

    """

    def __init__(self, port: int) -> None:
        self.names: dict[str, list[list[str]]] = {"img.example": [[PUBLIC]], "cdn.example": [[OTHER]]}
        self.looked_up: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.verified: list[str | None] = []
        self._port = port
        self._inner = httpcore.AnyIOBackend()

    async def resolve(self, host: str, port: int) -> list[str]:
        self.looked_up.append(host)
        answers = self.names.get(host, [[]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        return Stream(await self._inner.connect_tcp("127.0.0.1", self._port, timeout), self)


class Stream(httpcore.AsyncNetworkStream):
    """A connection whose TLS is none."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, network: Network) -> None:
        self._inner = inner
        self._network = network
        self.read = inner.read  # type: ignore[method-assign]
        self.write = inner.write  # type: ignore[method-assign]
        self.aclose = inner.aclose  # type: ignore[method-assign]

    async def start_tls(self, *_: Any, server_hostname: str | None = None, **__: Any) -> "Stream":
        self._network.verified.append(server_hostname)
        return self

    def get_extra_info(self, info: str) -> Any:
        return None if info == "ssl_object" else self._inner.get_extra_info(info)


class FileHost:
    """Serves `files` by their path, with `Range` if `ranges` is true, and reads them by `client`."""

    def __init__(self, limits: FileLimits | None = None, networks: tuple[str, ...] = ()) -> None:
        self.upstream = Upstream()
        self.files: dict[str, Answer] = {"/a.jpg": Answer(JPEG)}
        self.ranges = True
        self.tag: str | None = None
        self.upstream.get("/{name}")(self._answer)
        self.upstream.start()
        self.network = Network(self.upstream.port)
        self.client = FileClient(
            lambda: networks, ORIGIN, limits=limits, resolve=self.network.resolve, connections=self.network
        )

    @property
    def calls(self) -> list[Call]:
        return self.upstream.calls

    def redirect(self, path: str, target: str, status: int = 302) -> None:
        self.files[path] = Answer(status=status, headers={"Location": target})

    def _answer(self, call: Call, name: str) -> Answer:
        answer = self.files.get(f"/{name}")
        if answer is None:
            return Answer({"error": "not found"}, 404)
        headers: Mapping[str, str] = {**answer.headers, **({"ETag": self.tag} if self.tag else {})}
        wanted = call.headers.get("Range")
        if wanted and self.ranges and answer.status == 200:
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
            body = answer.body
            last = min(last, len(body) - 1)
            part = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
            return Answer(body[first : last + 1], 206, {**headers, **part})
        return Answer(answer.content, answer.status, headers)
