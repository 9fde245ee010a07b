"""The certificates of upstreams: read once for all clients of a process."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from imagevault.config.settings import load
from imagevault.plugins.registry import PluginRegistry
from imagevault.upstream.file_client import FileClient
from imagevault.upstream.tls import tls_context
from imagevault.upstream.transport import open_client


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


async def test_are_read_once_for_all_providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []
    create = ssl.create_default_context

    def counted(*arguments: object, **options: object) -> ssl.SSLContext:
        reads.append(options)
        return create(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    providers = PluginRegistry.load(load({}, tmp_path)).providers.values()
    clients = [open_client(provider) for provider in providers]
    files = FileClient(list, "http://127.0.0.1:8000")
    assert files._pool
    assert len(clients) > 10
    assert len(reads) == 1
    for client in clients:
        await client.aclose()
    await files.aclose()


def test_check_the_certificate_and_the_name() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) > 50


def test_may_be_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SSL_CERT_FILE` names them, as for other programs that use OpenSSL."""
    everything = Path(certifi.where()).read_text()
    first = everything[: everything.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"
    (tmp_path / "own.pem").write_text(first)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert len(tls_context().get_ca_certs()) == 1
