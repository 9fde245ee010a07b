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
from tests.support.commands import InProcess


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
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


@pytest.mark.parametrize(
    ("variable", "name", "reason"),
    [
        ("SSL_CERT_FILE", "none.pem", "No such file"),
        ("SSL_CERT_FILE", "words.pem", "no certificate"),
        ("SSL_CERT_FILE", ".", "Is a directory"),
        ("SSL_CERT_DIR", "none", "a folder of certificates"),
        ("SSL_CERT_DIR", "words.pem", "a folder of certificates"),
    ],
)
def test_that_cannot_be_read_are_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: InProcess, variable: str, name: str, reason: str
) -> None:
    """The variable, its value and the reason are named: by the check, by a search, and by a server, which stops."""
    (tmp_path / "words.pem").write_text("no certificate")
    path = str(tmp_path / name)
    monkeypatch.setenv(variable, path)

    checked = here("config", "check")
    searched = here("search", "fox", "--provider", "pexels", environ={"PEXELS_API_KEY": "a-key"})
    started = here("serve")

    for ended, code in ((checked, 1), (searched, 1), (started, 1)):
        assert ended.returncode == code
        said = " ".join((ended.stdout + ended.stderr).split())
        assert f"{variable}: must name" in said
        assert path in said
        assert reason in said
        assert "Traceback" not in said
