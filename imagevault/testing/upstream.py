"""A simulated upstream: routes, checks before them, a record of all calls, and faults on demand."""

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import unquote, urljoin

import msgspec

from imagevault.testing.exchange import Answer, Call, Exchange, Fault
from imagevault.testing.server import LoopbackServer

Check = Callable[[Call], Answer | None]
Route = TypeVar("Route", bound=Callable[..., object])


class _PlannedFault(msgspec.Struct):
    """A fault and the calls that it is meant for: `times` more of them, or all."""

    fault: Fault
    times: int | None
    path: re.Pattern[str] | None


class Upstream:
    """A real HTTP server on loopback: `with Upstream("/v1/") as upstream:`, in sync and in async tests.

    Checks and routes are plain functions and run one at a time, so what they share needs no lock. `calls` holds
    every call, oldest first, and may be cleared. `base_path` begins and ends with `/`; `port` 0 takes a free one, which
    a second start keeps. An error in a route is no fault: the call gets no answer, and leaving the `with` block raises
    the error.
    """

    def __init__(self, base_path: str = "/", *, port: int = 0) -> None:
        self.base_path = base_path
        self.port = port
        self.calls: list[Call] = []
        self._checks: list[Check] = []
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., object]]] = []
        self._faults: list[_PlannedFault] = []
        self._turn = threading.Lock()  # one route at a time
        self._state = threading.Condition()  # guards calls, faults and releases
        self._released = threading.Event()
        self._stopping = threading.Event()
        self._server: LoopbackServer | None = None

    # -- declaring it

    def before(self, check: Check) -> Check:
        """Run this before every route, in the order declared: auth, throttles. An `Answer` ends the call there."""
        self._checks.append(check)
        return check

    def route(self, method: str, path: str) -> Callable[[Route], Route]:
        """Answer this method and path by the function below: `f(call, **names)` gives an `Answer` or a JSON value.

        `path` is relative to the base path unless it begins with `/`; `{name}` stands for one segment, decoded.
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

    # -- running it

    @property
    def url(self) -> str:
        """Where it serves: the base URL to give to the plugin."""
        if not self.port:
            raise RuntimeError("the upstream has no address before it is started")
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    def start(self) -> None:
        """Serve; once this returns, connections are taken."""
        if self._server is not None:
            raise RuntimeError("the upstream is already started")
        self._stopping.clear()
        self._server = LoopbackServer(self.port, self._play)
        self.port = self._server.server_address[1]

    def stop(self) -> None:
        """Refuse connections from now on and drop every call under way. A second `start` takes the same port."""
        server, self._server = self._server, None
        if server is not None:
            self._stopping.set()
            self._release()
            server.stop()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop; an error in one of its own routes is raised, or noted on the error that it has caused."""
        server = self._server
        self.stop()
        if server is not None and server.errors:
            if error is None:
                raise server.errors[0]
            error.add_note(f"A route of the simulated upstream failed: {server.errors[0]!r}")

    # -- making it fail, and watching it

    def fail(self, fault: Fault, *, times: int | None = None, path: str | None = None) -> None:
        """Play this fault on the next `times` calls, or until `heal`; only on calls to `path`, if given.

        Faults that are planned one after the other play in that order. They come before checks and routes.
        """
        if times is not None and times < 1:
            raise ValueError("a fault is played at least once")
        with self._state:
            self._faults.append(_PlannedFault(fault, times, None if path is None else self._pattern(path)))

    def heal(self) -> None:
        """Forget all faults, and answer the calls that hang."""
        with self._state:
            self._faults.clear()
        self._release()

    def wait_for_calls(self, count: int, *, timeout: float = 5) -> None:
        """Block until `calls` holds that many; `TimeoutError` after `timeout` seconds.

        From async code: `await asyncio.to_thread(upstream.wait_for_calls, 1)`.
        """
        with self._state:
            if not self._state.wait_for(lambda: len(self.calls) >= count, timeout):
                raise TimeoutError(f"{len(self.calls)} calls instead of {count} within {timeout} s")

    def _play(self, call: Call, handler: BaseHTTPRequestHandler) -> None:
        """One call, in the thread of its connection."""
        with self._state:
            self.calls.append(call)
            self._state.notify_all()
            fault, released = self._next_fault(call), self._released
        exchange = Exchange(call, self._respond, handler, released=released, stopping=self._stopping)
        if fault is None:
            exchange.send(exchange.answer())
        elif isinstance(fault, Answer):
            exchange.send(fault)
        else:
            fault(exchange)

    def _next_fault(self, call: Call) -> Fault | None:
        for planned in self._faults:
            if planned.path is None or planned.path.fullmatch(call.path):
                if planned.times is not None:
                    planned.times -= 1
                    if not planned.times:
                        self._faults.remove(planned)
                return planned.fault
        return None

    def _respond(self, call: Call) -> Answer:
        """The answer of a healthy upstream."""
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
                    result = route(call, **{name: unquote(value) for name, value in found.groupdict().items()})
                    return result if isinstance(result, Answer) else Answer(result)
        return Answer({"error": "method not allowed"}, 405) if path_exists else Answer({"error": "not found"}, 404)

    def _release(self) -> None:
        with self._state:
            self._released.set()
            self._released = threading.Event()

    def _pattern(self, path: str) -> re.Pattern[str]:
        """The route's template as a pattern; an upstream's own links often end in a slash, so one more is fine."""
        pieces = re.split(r"\{(\w+)\}", urljoin(self.base_path, path))
        names = [f"(?P<{piece}>[^/]+)" if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)]
        return re.compile("".join(names) + "/?")
