"""Log lines of real servers and of the formatter: their number, their fields, and that none shows a secret."""

import asyncio
import calendar
import contextvars
import io
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from imagevault import logs
from imagevault.config.settings import Settings, load
from imagevault.runtime.services import Services
from imagevault.testing import Answer
from imagevault.testing.upstreams.pexels import SimulatedPexels
from tests.support.waiting import wait_until

PASSWORD = "copper-lantern-48"
SECRET_KEY = "signs-all-of-it-" * 3
FORMER_KEY = "signed-it-before-" * 3
RAISING = """
import msgspec
from imagevault import Page, ProviderInfo, hookimpl

class Settings(msgspec.Struct, frozen=True):
    api_key: str

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, settings=Settings)

@hookimpl
async def search_images(query, settings):
    raise RuntimeError(f"https://a.example/?key={settings.api_key}&q=x Bearer {settings.api_key} {settings}")
"""


class Log:
    """The log of a server: `lines` are its JSON objects, `text` is all of it."""

    def __init__(self, server: Any) -> None:
        self.server = server

    @property
    def text(self) -> str:
        return str(self.server.log.read_text())

    @property
    def lines(self) -> list[dict[str, Any]]:
        return self.of("")

    def of(self, event: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.lines(event)
        return found


class Client:
    """A client that remembers the responses of its server."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.answers: list[httpx.Response] = []

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Sends a request and remembers the response."""
        self.answers.append(self.http.request(method, path, **more))
        return self.answers[-1]

    def sign_in(self) -> str:
        """Makes an account and sends its token from now on. Returns the id of the account."""
        id = self.ask("POST", "/signup", json={"username": "ada", "password": PASSWORD}).json()["id"]
        self.token = self.ask("POST", "/token", data={"username": "ada", "password": PASSWORD}).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        return str(id)

    def search(self, word: str, provider: str = "pexels") -> httpx.Response:
        return self.ask("GET", "/search", params={"q": word, "provider": provider})


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    """Clients that are closed at the end."""
    found: list[Client] = []
    yield found
    for client in found:
        client.http.close()


Serving = Callable[..., tuple[Log, Client]]


@pytest.fixture
def serving(serve: Any, pexels: SimulatedPexels, configured: dict[str, str], clients: list[Client]) -> Serving:
    """Starts a server that logs as JSON, with a Pexels of `hour` calls. Returns its log and a client."""

    def serving(environ: Mapping[str, str] | None = None, hour: int = 1000) -> tuple[Log, Client]:
        quota = f"1000/second,{hour}/hour,20000/month"  # without bursts, so that a test need not wait for them
        known = {"IMAGEVAULT_LOG": "json", "SECRET_KEY": SECRET_KEY, "PEXELS_QUOTA": quota, **configured}
        server = serve({**known, **(environ or {})}).wait_until_ready()
        clients.append(Client(server.url))
        return Log(server), clients[-1]

    return serving


def plugins(folder: Path, **sources: str) -> dict[str, str]:
    """Writes these plugin files into a folder, and returns the environment that names the folder."""
    (folder / "plugins").mkdir()
    for name, source in sources.items():
        (folder / "plugins" / f"{name}.py").write_text(source)
    return {"IMAGEVAULT_PLUGINS_DIR": str(folder / "plugins")}


class TestLines:
    """A server with IMAGEVAULT_LOG=json."""

    def test_one_for_each_request(self, serving: Serving) -> None:
        """It has the id, method, path without query, status and duration, and the id of the caller."""
        log, client = serving()
        id = client.sign_in()
        client.search("fox")
        client.ask("GET", "/nowhere", headers={"X-Request-ID": "a-proxys.own_id"})
        client.ask("HEAD", "/protected")
        client.ask("GET", "/health/live")
        client.ask("GET", "/providers", headers={"Authorization": "Bearer wrong"})
        log.server.stop()

        lines = log.of("request")
        asked = [answer for answer in client.answers if not answer.request.url.path.startswith("/health/")]

        assert [line["request_id"] for line in lines] == [answer.headers["x-request-id"] for answer in asked]
        assert [(line["method"], line["path"], line["status"]) for line in lines] == [
            ("POST", "/signup", 201),
            ("POST", "/token", 200),
            ("GET", "/search", 200),
            ("GET", "/nowhere", 404),
            ("HEAD", "/protected", 200),
            ("GET", "/providers", 401),
        ]
        assert [line["caller"] for line in lines] == [None, None, id, id, id, None]
        assert lines[3]["request_id"] == "a-proxys.own_id"
        assert all(0 < line["ms"] < 30_000 for line in lines)
        assert "fox" not in log.text

    def test_one_for_each_upstream_call(self, serving: Serving, pexels: SimulatedPexels) -> None:
        """It has the id of its request, the provider and the result, but no query."""
        log, client = serving()
        client.sign_in()
        pexels.fail(Answer("", 503), times=1)
        tried_twice = client.search("fox")
        client.search("fox")
        pexels.fail(Answer("", 500), times=1)
        failed = client.search("owl")
        pexels.stop()
        unreachable = client.search("bear")
        log.server.stop()

        lines = log.of("upstream call")

        assert [line.get("status") for line in lines] == [503, 200, 500, None]
        assert len(pexels.calls) == 3
        assert lines[3]["error"] == "ConnectError"
        ids = [answer.headers["x-request-id"] for answer in (tried_twice, tried_twice, failed, unreachable)]
        assert [line["request_id"] for line in lines] == ids
        assert {(line["provider"], line["method"], line["path"]) for line in lines} == {("pexels", "GET", "/v1/search")}

    def test_each_is_whole(self, serving: Serving, pexels: SimulatedPexels) -> None:
        """Every line has process, time and logger. Only the lines before the start are no JSON."""
        begun = int(time.time())
        log, client = serving()
        client.sign_in()
        pexels.fail(Answer("", 500))
        for number in range(6):
            client.search(f"word {number}")
        log.server.stop()
        ended = time.time()

        assert {line["pid"] for line in log.lines} == {log.server.process.pid}
        assert {"event", "level", "logger", "timestamp"} <= set.intersection(*map(set, log.lines))
        assert {line["level"] for line in log.lines} == {"info", "warning"}
        assert all(line["logger"].startswith("imagevault.") for line in log.lines)
        for line in log.lines:
            at = time.strptime(line["timestamp"][:19] + line["timestamp"][-1], "%Y-%m-%dT%H:%M:%SZ")
            assert begun <= calendar.timegm(at) <= ended
        is_json = [line.startswith("{") for line in log.text.splitlines()]
        assert is_json == sorted(is_json)

    def test_of_several_workers(self, serve: Any, clients: list[Client]) -> None:
        """Each line names its worker, and no line is cut or mixed with another."""
        environ = {"IMAGEVAULT_LOG": "json", "SECRET_KEY": SECRET_KEY, "IMAGEVAULT_WORKERS": "2"}
        server = serve(environ).wait_until_ready()
        log = Log(server)

        async def ask() -> list[str]:
            limits = httpx.Limits(max_connections=20, max_keepalive_connections=0)
            async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=30) as http:
                answers = await asyncio.gather(*(http.get("/nowhere") for _ in range(100)))
            return [answer.headers["x-request-id"] for answer in answers]

        ids, rounds = asyncio.run(ask()), 1
        while len({line["pid"] for line in log.of("request")}) < 2 and rounds < 20:  # who takes a connection is chance
            ids, rounds = ids + asyncio.run(ask()), rounds + 1
        server.stop()

        lines = log.of("request")
        assert sorted(line["request_id"] for line in lines) == sorted(ids)
        assert len({line["pid"] for line in lines}) == 2
        assert log.text.count('"event": "request"') == len(ids)


class TestEvents:
    """Events that an operator wants to see, once each."""

    def test_a_breaker_that_opens(self, serving: Serving, pexels: SimulatedPexels) -> None:
        """The line names the provider and the seconds. The searches that are then refused have no such line."""
        log, client = serving()
        client.sign_in()
        pexels.fail(Answer("", 500))
        codes = [client.search(f"word {number}").status_code for number in range(8)]
        log.server.stop()

        [line] = log.of("breaker")

        assert codes == [502] * 5 + [503] * 3
        assert line["event"].startswith("breaker opened: pexels failed too often")
        assert (line["level"], line["provider"]) == ("warning", "pexels")
        assert 29 <= line["retry_after"] <= 30

    async def test_a_breaker_that_closes(
        self,
        start: Any,
        pexels: SimulatedPexels,
        configured: dict[str, str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The first successful call logs one line."""
        api = await start({**configured, "PEXELS_QUOTA": "1000/second"})
        headers = await api.sign_in()

        async def search(word: str) -> None:
            await api.get("/search", params={"q": word, "provider": "pexels"}, headers=headers)
            await api.services.gateway.pages.drain()

        pexels.fail(Answer("", 500))
        for number in range(6):
            await search(f"word {number}")
        pexels.heal()
        api.services.gateway.clock.offset += 31
        for number in range(3):
            await search(f"more {number}")

        told = [record for record in caplog.records if record.getMessage().startswith("breaker")]
        assert [record.getMessage().partition(":")[0] for record in told] == ["breaker opened", "breaker closed"]
        assert [(record.levelname, getattr(record, "provider", None)) for record in told] == [("WARNING", "pexels")] * 2

    def test_a_quota_that_is_used_up(self, serving: Serving) -> None:
        """The line names the provider and the seconds. The searches that are then refused have no such line."""
        log, client = serving(hour=2)
        client.sign_in()
        codes = [client.search(f"word {number}").status_code for number in range(6)]
        log.server.stop()

        [line] = log.of("quota")

        assert codes == [200, 200, 503, 503, 503, 503]
        assert line["event"] == "quota exhausted: Pexels"
        assert (line["level"], line["provider"]) == ("warning", "pexels")
        assert 3500 < line["retry_after"] <= 3600 + 2 * 72

    def test_a_plugin_that_does_not_load(self, serving: Serving, tmp_path: Path) -> None:
        """The line has the file, the reason and the line number. The provider is not logged again."""
        log, client = serving(plugins(tmp_path, broken="import no_such_module\n"))
        client.sign_in()
        client.search("fox", "local")
        log.server.stop()

        [line] = [line for line in log.lines if "broken" in json.dumps(line)]

        path = tmp_path / "plugins" / "broken.py"
        reason = "ModuleNotFoundError: No module named 'no_such_module' (broken.py, line 1)"
        assert line["level"] == "error"
        assert line["event"] == f"plugin broken ({path}) is not loaded: {reason}"

    def test_a_plugin_that_raises(self, serving: Serving, tmp_path: Path) -> None:
        """One error has the whole trace for the author, under the request id that the caller gets."""
        environ = {**plugins(tmp_path, acme=RAISING), "ACME_API_KEY": "acme-hidden-key"}
        log, client = serving(environ)
        client.sign_in()
        answer = client.search("fox", "acme")
        log.server.stop()

        [line] = [line for line in log.lines if line["level"] == "error"]

        assert answer.status_code == 502
        assert line["request_id"] == answer.headers["x-request-id"]
        assert line["event"].startswith("plugin acme raised: Traceback (most recent call last):\n")
        assert "acme.py" in line["event"]
        assert "RuntimeError: https://a.example/?key=***&q=x" in line["event"]

    def test_of_a_start(self, serving: Serving) -> None:
        """A start has one line, and health checks have none."""
        log, client = serving()
        for _ in range(3):
            assert client.ask("GET", "/health/ready").status_code == 200

        assert [line["event"] for line in log.lines] == ["serving"]


class TestLevel:
    @pytest.mark.parametrize(
        ("level", "expected"),
        [
            ("debug", {"debug", "info", "warning", "error"}),
            ("warning", {"warning", "error"}),
            ("error", {"error"}),
        ],
    )
    def test_is_the_least_that_is_written(
        self, serving: Serving, tmp_path: Path, pexels: SimulatedPexels, level: str, expected: set[str]
    ) -> None:
        """Health checks are logged at DEBUG only. Other libraries log warnings only."""
        environ = {**plugins(tmp_path, acme=RAISING), "ACME_API_KEY": "acme-hidden-key"}
        log, client = serving({**environ, "IMAGEVAULT_LOG_LEVEL": level})
        client.sign_in()
        client.ask("GET", "/health/live")
        pexels.fail(Answer("", 500))
        for number in range(5):
            client.search(f"word {number}")
        client.search("fox", "acme")
        log.server.stop()

        assert {line["level"] for line in log.lines} == expected
        assert all(line["logger"].startswith("imagevault.") for line in log.lines)
        health = [line for line in log.of("request") if line["path"] == "/health/live"]
        assert len(health) == (1 if level == "debug" else 0)

    def test_and_form_change_while_the_server_runs(self, serve: Any, tmp_path: Path, clients: list[Client]) -> None:
        """Both apply from the next line on."""
        server = serve({"SECRET_KEY": SECRET_KEY}).wait_until_ready()
        log = Log(server)
        clients.append(Client(server.url))
        client = clients[-1]
        client.ask("GET", "/nowhere")
        assert log.lines == []

        (tmp_path / "imagevault.toml").write_text('log = "json"\nlog_level = "debug"\n')
        wait_until(lambda: log.of("config changed: log, log_level"), "the new settings")
        told = client.ask("GET", "/health/live").headers["x-request-id"]
        server.stop()

        assert told in {line["request_id"] for line in log.of("request")}


class TestSecrets:
    """No line shows a password, a token or a key, whatever fails."""

    @pytest.mark.parametrize("style", ["json", "console"])
    def test_of_a_server_on_which_everything_fails(
        self, serving: Serving, tmp_path: Path, pexels: SimulatedPexels, style: str
    ) -> None:
        """Requests carry right and wrong credentials in every place, and failing upstreams repeat the key."""
        pexels.key = "pexels-hidden/key+314159"
        secrets = [PASSWORD, "wrong-lantern-49", SECRET_KEY, FORMER_KEY, pexels.key, "acme-hidden-key"]
        log, client = serving(
            {
                **plugins(tmp_path, acme=RAISING),
                "ACME_API_KEY": "acme-hidden-key",
                "SECRET_KEY_PREVIOUS": FORMER_KEY,
                "PEXELS_API_KEY": pexels.key,
                "IMAGEVAULT_LOG": style,
                "IMAGEVAULT_LOG_LEVEL": "debug",
            }
        )
        client.sign_in()
        secrets.append(client.token)
        client.ask("POST", "/token", data={"username": "ada", "password": "wrong-lantern-49"})
        client.ask("POST", "/signup", json={"username": PASSWORD, "password": PASSWORD})
        client.ask("POST", "/signup", content=f'{{"password": "{PASSWORD}", ')
        client.ask("POST", f"/token?username=ada&password={PASSWORD}")
        client.ask("GET", f"/search?access_token={client.token}&api_key=wrong-lantern-49")
        client.ask("GET", f"/media/{client.token}")
        client.ask("GET", f"/media/{SECRET_KEY}/{quote(pexels.key, safe='')}")
        client.ask("GET", "/providers", headers={"X-Request-ID": "acme-hidden-key"})
        client.ask("GET", "/providers", headers={"Authorization": f"Bearer {client.token}x"})
        assert client.search("fox").status_code == 200
        assert client.search("fox", "acme").status_code == 502
        for fault in (
            Answer({"error": f"no such key: {pexels.key}"}, 401),
            Answer(f"<h1>{pexels.key}</h1>", 500),
            Answer({"photos": pexels.key}, 200),
            Answer("", 302, {"Location": f"/v1/elsewhere?api_key={pexels.key}"}),
            Answer("", 302, {"Location": f"https://elsewhere.example/?key={pexels.key}"}),
        ):
            pexels.fail(fault, times=1)
            client.search(f"word {len(pexels.calls)}")
        pexels.stop()
        client.search("bear")
        client.ask("GET", "/search", params={"q": pexels.key, "provider": "pexels"})
        log.server.stop()

        text = log.text.replace("\\/", "/")
        shown = [secret for secret in secrets for form in (secret, quote(secret, safe="")) if form in text]
        assert shown == []
        assert client.token.split(".")[2] not in text
        assert text.count("***") >= 5
        lines = [line for line in text.splitlines() if "imagevault.http.access_log" in line]
        assert len(client.answers) == len([line for line in lines if "/health/ready" not in line])

    def test_of_a_command(self, cli: Any, tmp_path: Path) -> None:
        """A failing plugin shows no secret on a terminal."""
        environ = {**plugins(tmp_path, acme=RAISING), "ACME_API_KEY": "acme-hidden-key"}

        ended = cli("search", "fox", "-p", "acme", environ=environ)

        assert ended.returncode == 1
        assert "RuntimeError" in ended.stderr
        assert "acme-hidden-key" not in ended.stdout + ended.stderr


class TestConsole:
    """A server that logs as text for people."""

    def test_a_line(self, serving: Serving) -> None:
        """It has time, level, event and logger, and the same fields."""
        log, client = serving({"IMAGEVAULT_LOG": "console"})
        id = client.sign_in()
        answer = client.ask("GET", "/protected")
        log.server.stop()

        [line] = [line for line in log.text.splitlines() if "path=/protected" in line]
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[info +\] request +\[imagevault\.http\.access_log\] ", line)
        assert (
            dict(word.split("=") for word in line.split("] ")[2].split()).items()
            >= {
                "caller": id,
                "method": "GET",
                "status": "200",
                "pid": str(log.server.process.pid),
                "request_id": answer.headers["x-request-id"],
            }.items()
        )
        assert "\x1b" not in log.text

    def test_a_caller_writes_neither_lines_nor_controls(self, serving: Serving) -> None:
        """Otherwise a caller could forge lines and control the terminal of a reader."""
        log, client = serving({"IMAGEVAULT_LOG": "console"})
        paths = ["/a%0aFAKE%20line", "/a%0d%0aFAKE%20line", "/a%1b%5b2J", "/a%c2%9b2J", "/a%08", "/a%7f"]
        for path in paths:
            assert client.ask("GET", path).status_code == 404
        log.server.stop()

        lines = [line for line in log.text.partition("try this")[2].split("\n")[1:] if line]
        assert ["FAKE" in line[:10] for line in lines] == [False] * (len(paths) + 1)
        assert [line for line in lines if not line.isprintable()] == []


def fail(error: Exception) -> None:
    raise error


class Written:
    """A logger that writes to memory."""

    def __init__(self, style: str) -> None:
        self.stream = io.StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.formatter(style))
        self.log = logging.getLogger(f"imagevault.tested.{style}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.log.handlers = [handler]

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture(params=["json", "console"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Written:
    """A logger of each style. Hidden secrets are forgotten after the test."""
    monkeypatch.setattr(logs, "_hidden", logs.HiddenSecrets())
    return Written(request.param)


SECRET = "hidden-word-271828"


class TestRedaction:
    """No line shows a secret that `logs.hide` knows, or text that looks like a credential."""

    def test_in_a_message_and_its_fields(self, written: Written) -> None:
        logs.hide([SECRET])

        written.log.info("with %s and %r", SECRET, {"a": SECRET}, extra={"field": f"x {SECRET} y"})

        assert SECRET not in written.text
        assert written.text.count("***") == 3

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://vault:hidden%2Dword-271828@db.example/vault",
            "postgresql://vault:hidden%2Dword-271828@h1:5432,h2:5432/vault",
            "postgresql://db.example/vault?user=vault&password=hidden-word-271828",
        ],
    )
    def test_the_password_of_the_database(self, written: Written, tmp_path: Path, url: str) -> None:
        """Wherever it stands in the URL."""
        Services(load({"DATABASE_URL": url}, tmp_path))

        written.log.info("with %s", SECRET)

        assert SECRET not in written.text

    def test_in_an_exception(self, written: Written) -> None:
        """Its message, its causes, its notes and the raising line of source are masked."""
        logs.hide([SECRET])
        try:
            try:
                fail(KeyError("hidden-word-271828"))
            except KeyError as error:
                new = ValueError(f"https://a.example/?api_key=short&x={SECRET}")
                new.add_note(f"note {SECRET}")
                raise new from error
        except ValueError:
            written.log.exception("it failed")

        assert SECRET not in written.text
        assert "api_key=short" not in written.text
        assert "ValueError: https://a.example/?api_key=***&x=***" in written.text
        assert "KeyError" in written.text
        assert "test_in_an_exception" in written.text

    @pytest.mark.parametrize(
        "value",
        [ValueError(SECRET), {"Authorization": SECRET}, (1, {"a": [SECRET]}), SECRET.encode()],
        ids=["exception", "dict", "nested", "bytes"],
    )
    def test_in_a_field_that_is_no_text(self, written: Written, value: object) -> None:
        """The field becomes text when the line is formatted."""
        logs.hide([SECRET])

        written.log.info("it failed", extra={"field": value})

        assert SECRET not in written.text
        assert "***" in written.text

    def test_of_one_within_another(self, written: Written) -> None:
        """The longer secret is masked as a whole, whichever of them was hidden first."""
        logs.hide([SECRET])
        logs.hide([f"{SECRET}-and-more", None, ""])

        written.log.info("%s-and-more %s", SECRET, SECRET)

        assert "and-more" not in written.text
        assert written.text.count("***") == 2

    def test_of_a_secret_with_odd_characters(self, written: Written) -> None:
        """No character of it acts as a pattern."""
        logs.hide(["a.b*c(d[e", "x+y/z=|||"])

        written.log.info("a.b*c(d[e x+y/z=||| aXbbbc")

        assert "c(d[e" not in written.text
        assert "x+y/z" not in written.text
        assert "aXbbbc" in written.text

    @pytest.mark.parametrize("secret", ["quo\"ted'word", "back\\slash-word", "blank and/slash", "schlüssel-wort"])
    def test_of_a_secret_in_another_spelling(self, written: Written, secret: str) -> None:
        """It is masked as Python's repr, as JSON, and as it stands in a URL."""
        logs.hide([secret])

        spellings = [repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret), quote(secret, safe="")]
        for spelling in spellings:
            written.log.info("see %s, there", spelling)

        assert written.text.count("see ***, there") == 4

    def test_of_none_that_is_too_short(self, written: Written) -> None:
        """A short one would match parts of ordinary words."""
        logs.hide(["fox", "", None])

        written.log.info("foxes")

        assert "foxes" in written.text

    @pytest.mark.parametrize(
        "credential",
        [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
            "iv_abcdef0123456789",
            "Bearer abc.def~ghi+jkl/mno==",
            "authorization: bearer  abcdefgh12345",
            "?key=abcdef",
            "&api_key=abcdef",
            "?apikey=abcdef",
            "?client_id=abcdef&",
            "?client_secret=abcdef&",
            "?access_token=abcdef&",
            "?TOKEN=abcdef&",
            "?wskey=abcdef&",
            "&password=abcdef",
        ],
    )
    def test_of_what_looks_like_a_credential(self, written: Written, credential: str) -> None:
        """It is masked although it was never hidden."""
        written.log.info("see %s, there", credential)

        assert "***" in written.text
        assert not {"abcdef", "abcdef0123456789", "abc", "c2lnbmF0dXJl"} & set(re.findall(r"\w+", written.text))
        assert "there" in written.text

    @pytest.mark.parametrize("text", ["monkey=banana", "keyboard", "https://a.example/?q=x&page=2", "the bearer of it"])
    def test_of_nothing_else(self, written: Written, text: str) -> None:
        """Ordinary text stays readable."""
        written.log.info("see %s", text)

        assert text in written.text


class TestFormatter:
    def test_json_is_one_object_in_one_line(self) -> None:
        """Line breaks in values do not break the line."""
        written = Written("json")
        written.log.warning("a\nb\r\u2028 %s", '"{}', extra={"field": "x\ny", "number": 1, "none": None, "list": [1]})
        try:
            fail(ValueError("one\ntwo"))
        except ValueError:
            written.log.exception("it failed")

        first, second = [json.loads(line) for line in written.text.split("\n") if line]
        assert (first["event"], first["field"], first["level"]) == ('a\nb\r\u2028 "{}', "x\ny", "warning")
        assert (first["number"], first["none"], first["list"], first["pid"]) == (1, None, [1], os.getpid())
        assert second["exception"].splitlines()[0] == "Traceback (most recent call last):"
        assert second["exception"].endswith("ValueError: one\ntwo")

    def test_console_shows_an_exception_below_its_line(self) -> None:
        """The trace looks as Python prints it."""
        written = Written("console")
        try:
            fail(ValueError("hidden"))
        except ValueError:
            written.log.exception("it failed")

        lines = written.text.splitlines()
        assert "it failed" in lines[0]
        assert lines[1] == "Traceback (most recent call last):"
        assert lines[-1] == "ValueError: hidden" or lines[-2:] == ["ValueError: hidden", ""]

    @pytest.mark.parametrize("style", ["json", "console"])
    def test_every_line_ends(self, style: str) -> None:
        """A record after an exception starts a new line."""
        written = Written(style)
        try:
            fail(ValueError("hidden"))
        except ValueError:
            written.log.exception("it failed")
        written.log.info("next")

        last = written.text.rstrip("\n").split("\n")[-1]
        assert "next" in last
        assert "ValueError" not in last

    def test_what_is_bound_stands_in_the_lines_of_the_task_and_its_own(self) -> None:
        """Lines of other tasks do not have it."""
        written = Written("json")

        async def inner(name: str) -> None:
            await asyncio.sleep(0)
            written.log.info("inner %s", name)

        async def task(name: str) -> None:
            logs.bind_fields({"request_id": name})
            await asyncio.gather(inner(name), asyncio.create_task(inner(name)))
            written.log.info("outer %s", name)

        async def run() -> None:
            await asyncio.gather(*(asyncio.create_task(task(name)) for name in "abc"))
            written.log.info("none")

        contextvars.Context().run(asyncio.run, run())  # what other tests have bound does not count

        lines = [json.loads(line) for line in written.text.splitlines()]
        assert all(line.get("request_id", "none") == line["event"].split()[-1] for line in lines)
        assert len(lines) == 10


class TestConfigure:
    def test_changes_our_handlers_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A handler with another formatter belongs to somebody else."""
        root, ours = logging.getLogger(), logging.getLogger("imagevault")
        own, other = logging.StreamHandler(io.StringIO()), logging.StreamHandler(io.StringIO())
        own.setFormatter(logs.formatter("console"))
        monkeypatch.setattr(root, "handlers", [own, other])
        level = ours.level
        try:
            logs.configure(Settings(log="json", log_level="warning"))
            ours.info("not written")
            ours.warning("written")
        finally:
            ours.setLevel(level)

        assert json.loads(own.stream.getvalue())["event"] == "written"
        assert other.stream.getvalue() == "written\n"
