"""TLS in front of a server on loopback: a real handshake with a certificate of the test's own authority."""

import contextlib
import socket
import ssl
import threading

import trustme

from tests.support.waiting import EVENT_LIMIT

CHUNK = 65536  # bytes that are passed on at once


class TLSFront:
    """Takes connections by TLS and passes their bytes on to a port of loopback, until it is closed.

    Attributes:
        port: where it listens, on loopback.

    """

    def __init__(self, certificate: trustme.LeafCert, target: int) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="tls front", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # when it is closed
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """Pass a request on and its response back. A client that refuses the certificate breaks the handshake off."""
        with contextlib.suppress(OSError), connection:  # ssl.SSLError is one
            connection.settimeout(EVENT_LIMIT)
            with (
                self._context.wrap_socket(connection, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", self._target), timeout=EVENT_LIMIT) as inner,
            ):
                back = threading.Thread(target=_copy, args=[inner, outer], daemon=True)
                back.start()
                _copy(outer, inner)
                back.join(EVENT_LIMIT)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
