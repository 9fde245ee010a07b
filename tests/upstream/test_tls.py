"""TLS to upstreams and file hosts: their certificates are checked, and those that are trusted are read once."""

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import httpcore
import pytest
import trustme

from imagevault.config.settings import load
from imagevault.errors import Unavailable
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.services import Services
from imagevault.upstream.file_client import FileClient
from imagevault.upstream.tls import tls_context
from imagevault.upstream.transport import open_client
from tests.support.commands import InProcess
from tests.support.file_host import JPEG, ORIGIN, PUBLIC, FileHost
from tests.support.offline import OFFLINE
from tests.support.tls_front import TLSFront


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


async def test_are_read_before_a_server_answers(tmp_path: Path) -> None:
    """Its first search does not hold the event loop for them."""
    settings = load(OFFLINE, tmp_path)
    async with Services(settings).serving():
        assert tls_context.cache_info().currsize == 1


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


class Loopback(httpcore.AnyIOBackend):
    """Leads each connection to a port of loopback, whatever its address. TLS is real."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect_tcp(self, host: str, port: int, *given: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return await super().connect_tcp("127.0.0.1", self.port, *given, **options)


Fronts = Callable[[trustme.LeafCert, int], TLSFront]


@pytest.fixture
def front() -> Iterator[Fronts]:
    """A maker of TLS in front of a port."""
    made: list[TLSFront] = []

    def make(certificate: trustme.LeafCert, target: int) -> TLSFront:
        made.append(TLSFront(certificate, target))
        return made[-1]

    yield make
    for front in made:
        front.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


class TestHandshake:
    """Real ones. The host in the address has the certificate, or nothing is read."""

    async def test_of_a_file_host(self, front: Fronts, authority: trustme.CA) -> None:
        """Its name counts, also where the connection leads to an address that was looked up before."""
        assert await _file(front, authority.issue_cert("images.pexels.com")) == JPEG

    @pytest.mark.parametrize("wrong", ["name", "authority", "time"])
    async def test_of_a_wrong_file_host(self, front: Fronts, authority: trustme.CA, wrong: str) -> None:
        certificates = {
            "name": lambda: authority.issue_cert("images.pexels.com.evil.example", PUBLIC),
            "authority": lambda: trustme.CA().issue_cert("images.pexels.com"),
            "time": lambda: authority.issue_cert("images.pexels.com", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        }
        with pytest.raises(Unavailable):
            await _file(front, certificates[wrong]())

    async def test_of_an_upstream(self, start: Any, front: Fronts, authority: trustme.CA, pexels: Any) -> None:
        api = await start(_behind(front(authority.issue_cert("127.0.0.1"), pexels.port), pexels))
        answer = await api.get("/search", params={"q": "fox", "provider": "pexels"})
        assert answer.status_code == 200, answer.text

    async def test_of_a_wrong_upstream(self, start: Any, front: Fronts, authority: trustme.CA, pexels: Any) -> None:
        """Nothing is sent to it, and above all no key."""
        api = await start(_behind(front(trustme.CA().issue_cert("127.0.0.1"), pexels.port), pexels))
        answer = await api.get("/search", params={"q": "fox", "provider": "pexels"})
        assert answer.status_code == 502
        assert answer.json()["providers"][0]["status"] == "unavailable"
        assert pexels.calls == []


async def _file(front: Fronts, certificate: trustme.LeafCert) -> bytes:
    """What is read from https://images.pexels.com/a.jpg, whose host shows this certificate."""
    host = FileHost()
    port = front(certificate, host.upstream.port).port

    async def resolve(_host: str, _port: int) -> list[str]:
        return [PUBLIC]

    client = FileClient(list, ORIGIN, resolve=resolve, connections=Loopback(port))
    [provider] = [one for one in PluginRegistry.load(load({}, Path())).providers.values() if one.name == "pexels"]
    try:
        async with client.open(provider, "https://images.pexels.com/a.jpg") as answer:
            return b"".join([piece async for piece in answer.pieces()])
    finally:
        await client.aclose()
        host.upstream.stop()


def _behind(front: TLSFront, pexels: Any) -> dict[str, str]:
    """The settings of a server that reaches a simulated Pexels by TLS."""
    return {
        "PEXELS_API_KEY": pexels.key,
        "PEXELS_BASE_URL": f"https://127.0.0.1:{front.port}/v1/",
        "IMAGEVAULT_SEARCH": "open",
    }
