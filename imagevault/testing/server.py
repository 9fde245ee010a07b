"""HTTP/1.1 on loopback, one thread a connection. Its sockets are accessible, so that faults can be real."""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socket import SHUT_RDWR, socket
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

from imagevault.testing.exchange import Call

Play = Callable[[Call, BaseHTTPRequestHandler], None]


class LoopbackServer(ThreadingTCPServer):
    """Gives each call to `play`, in the thread of its connection. `port` 0 takes a free port.

    `errors` holds what `play` raised, except OSError, which only says that the client has disconnected.
    """

    allow_reuse_address = True
    daemon_threads = True  # a program that does not stop the server can still exit
    request_queue_size = 256

    def __init__(self, port: int, play: Play) -> None:
        self.play = play
        self.errors: list[BaseException] = []
        self._connections: dict[socket, threading.Thread] = {}
        super().__init__(("127.0.0.1", port), _Connection)
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.01,), name="upstream", daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """Take no more calls, and end each connection and thread. `play` must not be waiting for anything else."""
        self.shutdown()
        self._accepting.join()
        self.server_close()
        for connection, thread in list(self._connections.items()):
            with suppress(OSError):  # the client has closed it
                connection.shutdown(SHUT_RDWR)
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection in a thread that `stop` can end."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="upstream call", daemon=True
        )
        self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close the socket without a shutdown, which would turn a reset into an orderly end."""
        request.close()
        self._connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep the error for the test instead of printing it."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.errors.append(error)


class _Connection(BaseHTTPRequestHandler):
    """The calls of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def _receive(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.LENGTH_REQUIRED)  # closes the connection; plugins post small forms
            return
        target = urlsplit(self.path)
        call = Call(
            method=self.command,
            path=target.path,
            query=httpx.QueryParams(target.query),
            headers=httpx.Headers(list(self.headers.items())),
            body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        self.server.play(call, self)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = _receive  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, because the upstream records its calls."""
