"""A simulated upstream: checks and routes, a record of all calls, and faults on demand."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import unquote, urljoin

import httpx
import msgspec

from imagevault.testing.exchange import Answer, Call, Exchange, Fault
from imagevault.testing.pictures import Picture
from imagevault.testing.server import LoopbackServer

Check = Callable[[Call], Answer | None]
Describe = TypeVar("Describe", bound=Callable[[httpx.URL], Picture | None])
Route = TypeVar("Route", bound=Callable[..., object])

FILES_PATH = "/files"  # the setting `files_path` of a provider whose files are here
MAX_CALLS = 10_000  # recorded


class _PlannedFault(msgspec.Struct):
    """A fault for the next `times` calls, or for all, whose path matches."""

    fault: Fault
    times: int | None
    path: re.Pattern[str] | None


class Upstream:
    """A real HTTP server on loopback: `with Upstream("/v1/") as upstream:`, in sync and in async tests.

    Checks and routes are plain functions. They run one at a time, so what they share needs no lock. An error in a route
    is no fault: the call gets no answer, and the end of the `with` block raises the error.

    Attributes:
        base_path: begins and ends with `/`.
        port: 0 takes a free port, and a second start takes the same one.
        calls: the last 10 000 calls, the oldest first; may be cleared.
    """

    def __init__(self, base_path: str = "/", *, port: int = 0) -> None:
        self.base_path = base_path
        self.port = port
        self.calls: list[Call] = []
        self._checks: list[Check] = []
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., object]]] = []
        self._picture_at: Callable[[httpx.URL], Picture | None] | None = None
        self._faults: list[_PlannedFault] = []
        self._turn = threading.Lock()  # one route at a time
        self._state = threading.Condition()  # guards calls, faults and releases
        self._released = threading.Event()
        self._stopping = threading.Event()
        self._server: LoopbackServer | None = None

    # Declaration

    def before(self, check: Check) -> Check:
        """Run this check, for example of a key or a throttle, before every route. An `Answer` ends the call there."""
        self._checks.append(check)
        return check

    def route(self, method: str, path: str) -> Callable[[Route], Route]:
        """Answer this method and path with the function below: `f(call, **names)` returns an `Answer` or a JSON value.

        `path` is relative to the base path unless it begins with `/`. `{name}` stands for one segment, decoded.
        """

        def declare(route: Route) -> Route:
            self._routes.append((method, self._pattern(path), route))
            return route

        return declare

    def get(self, path: str) -> Callable[[Route], Route]:
        """`route("GET", path)`."""
        return self.route("GET", path)

    def post(self, path: str) -> Callable[[Route], Route]:
        """`route("POST", path)`."""
        return self.route("POST", path)

    def serve_pictures(self, describe: Describe) -> Describe:
        """Serve the picture files that the records name: `f(address)` returns the `Picture` there, or None.

        The answers name the real hosts. The file at `https://img.example/7.jpg?h=350` is served at
        `/files/img.example/7.jpg?h=350`, without checks, and drawn when somebody asks for it. A gateway links to it if
        the provider has `files_path = "/files"` beside its `base_url`.
        """
        self._picture_at = describe
        return describe

    # Start and stop

    @property
    def url(self) -> str:
        """The base URL to give to the plugin. Raises RuntimeError before the upstream is started."""
        if not self.port:
            raise RuntimeError("the upstream has no address before it is started: use it in a with block")
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    def start(self) -> None:
        """Start the server, which takes connections when this returns."""
        if self._server is not None:
            raise RuntimeError("the upstream is already started")
        self._stopping.clear()
        self._server = LoopbackServer(self.port, self._play)
        self.port = self._server.server_address[1]

    def stop(self) -> None:
        """Stop the server and drop each call that has no answer yet. A second `start` takes the same port."""
        if self._server is None:
            return
        server = self._server
        self._server = None
        self._stopping.set()
        self._release()
        server.stop()

    def __enter__(self) -> Self:
        """Start the upstream."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop the upstream. Raises the error of a route, or adds a note on it to the error that it caused."""
        server = self._server
        self.stop()
        if server is not None and server.errors:
            if error is None:
                raise server.errors[0]
            error.add_note(f"A route of the simulated upstream failed: {server.errors[0]!r}")

    # Faults and calls

    def fail(self, fault: Fault, *, times: int | None = None, path: str | None = None) -> None:
        """Play this fault on the next `times` calls, or until `heal`; only on calls to `path` if it is given.

        Several faults play in the order in which they were planned. A fault comes before checks and routes. Raises
        ValueError if `times` is less than 1.
        """
        if times is not None and times < 1:
            raise ValueError(f"times is {times}: a fault is played at least once, give 1 or more")
        pattern = None if path is None else self._pattern(path)
        with self._state:
            self._faults.append(_PlannedFault(fault, times, pattern))

    def heal(self) -> None:
        """Remove all faults, and answer the calls that hang."""
        with self._state:
            self._faults.clear()
        self._release()

    def wait_for_calls(self, count: int, *, timeout: float = 5) -> None:
        """Block until `calls` holds `count` calls. Raises TimeoutError after `timeout` seconds.

        From async code: `await asyncio.to_thread(upstream.wait_for_calls, 1)`.
        """
        with self._state:
            if not self._state.wait_for(lambda: len(self.calls) >= count, timeout):
                raise TimeoutError(f"{len(self.calls)} calls instead of {count} within {timeout} s")

    def _play(self, call: Call, handler: BaseHTTPRequestHandler) -> None:
        """Answer one call, in the thread of its connection."""
        with self._state:
            self.calls.append(call)
            del self.calls[:-MAX_CALLS]
            self._state.notify_all()
            fault = self._next_fault(call)
            released = self._released
        exchange = Exchange(call, self._respond, handler, released=released, stopping=self._stopping)
        if fault is None:
            exchange.send(exchange.answer())
        elif isinstance(fault, Answer):
            exchange.send(fault)
        else:
            fault(exchange)

    def _next_fault(self, call: Call) -> Fault | None:
        """Return the first planned fault for this call, and count it."""
        for planned in self._faults:
            if planned.path is not None and not planned.path.fullmatch(call.path):
                continue
            if planned.times is not None:
                planned.times -= 1
                if planned.times == 0:
                    self._faults.remove(planned)
            return planned.fault
        return None

    def _respond(self, call: Call) -> Answer:
        """Return the answer of a healthy upstream."""
        if self._picture_at is not None and call.path.startswith(f"{FILES_PATH}/"):
            return self._file(call, self._picture_at)
        with self._turn:
            for check in self._checks:
                refusal = check(call)
                if refusal is not None:
                    return refusal
            wanted = "GET" if call.method == "HEAD" else call.method
            path_exists = False
            for method, pattern, route in self._routes:
                found = pattern.fullmatch(call.path)
                path_exists = path_exists or found is not None
                if found is not None and method == wanted:
                    names = {name: unquote(value) for name, value in found.groupdict().items()}
                    result = route(call, **names)
                    return result if isinstance(result, Answer) else Answer(result)
        return Answer({"error": "method not allowed"}, 405) if path_exists else Answer({"error": "not found"}, 404)

    def _file(self, call: Call, describe: Callable[[httpx.URL], Picture | None]) -> Answer:
        """Return a picture file. Files are drawn outside of the turn, so that no answer of the API waits for them."""
        from imagevault.testing.picture_files import file_of  # noqa: PLC0415  loads Pillow

        if call.method not in {"GET", "HEAD"}:
            return Answer({"error": "method not allowed"}, 405)
        try:
            address = httpx.URL(f"https://{call.path.removeprefix(f'{FILES_PATH}/')}", params=call.query)
        except httpx.InvalidURL:
            return Answer({"error": "not found"}, 404)
        with self._turn:
            picture = describe(address)
        if picture is None:
            return Answer({"error": "not found"}, 404)
        return Answer(file_of(picture), headers={"Content-Type": picture.type, "Cache-Control": "max-age=86400"})

    def _release(self) -> None:
        with self._state:
            self._released.set()
            self._released = threading.Event()

    def _pattern(self, path: str) -> re.Pattern[str]:
        """Return the pattern of a path. It allows a slash at the end, which the links of many upstreams have."""
        pieces = re.split(r"\{(\w+)\}", urljoin(self.base_path, path))  # text and names alternate
        pattern = ""
        for position, piece in enumerate(pieces):
            is_name = position % 2 == 1
            pattern += f"(?P<{piece}>[^/]+)" if is_name else re.escape(piece)
        return re.compile(pattern + "/?")
