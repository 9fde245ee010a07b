"""docs/admin.md is true: its commands run, its backups can be restored, and its log lines exist in the code."""

import ast
import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import httpx
import pytest

from imagevault.cache.eviction import CacheUse
from imagevault.cache.keys import prefix_of
from imagevault.cache.statistics import CacheRate
from imagevault.cli import output as terminal
from imagevault.cli.serve import GRACE
from imagevault.cli.tables import lay_out
from imagevault.config.settings import keys, load
from imagevault.plugins.host_settings import HOST_FIELDS
from imagevault.search.provider_list import FailedPlugin, ProviderHealth, ProviderRecord, QuotaLeft
from tests.support.waiting import COMMAND_LIMIT, SCRIPT_LIMIT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs" / "imagevault.toml"
AGAIN = "write it again with: .venv/bin/imagevault config example > docs/imagevault.toml"
OWN = str(Path(sys.executable).parent)  # the folder of the command `imagevault`
SECRET = "a test secret of more than thirty-two bytes"
ACCOUNT = {"username": "ada", "password": "violet-harbour-71"}
# Blocks that the tests do not run, by their first line, and the reason.
ELSEWHERE = {
    "python3 -m pip wheel --no-deps --wheel-dir dist .": "fetches packages from an index",
    "useradd --system --home-dir /var/lib/imagevault --shell /usr/sbin/nologin imagevault": "changes the machine",
    "docker build --file deploy/Dockerfile --tag imagevault .": "needs a Docker engine",
    "systemctl reload imagevault": "needs systemd",
}
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


class Block(NamedTuple):
    """A fenced block: the text after the fence, its section, and its content."""

    kind: str
    section: str
    text: str


def blocks() -> Iterator[Block]:
    """Every block of the page in order. A section is named by its headings, as in `Back up and restore/SQLite`."""
    section = ["", ""]
    for heading, title, kind, text in re.findall(r"^(#{2,3}) (.+)$|^```(.*)\n([\s\S]*?)^```$", PAGE, re.MULTILINE):
        if heading == "##":
            section = [title, ""]
        elif heading:
            section[1] = title
        else:
            yield Block(kind, "/".join(filter(None, section)), text)


def of(kind: str, section: str) -> list[str]:
    """The contents of the blocks of one kind in one section."""
    found = [block.text for block in blocks() if (block.kind, block.section) == (kind, section)]
    assert found, f"no block {kind} in section {section}"
    return found


RUN = [  # the sections whose blocks of kind `sh` the tests below run
    "",
    "Configure",
    "Providers",
    "Accounts",
    "Accounts/Shut an account out",
    "Accounts/Invitations",
    "Accounts/The audit trail",
    "PostgreSQL",
    "Back up and restore/SQLite",
    "Back up and restore/PostgreSQL",
    "What is kept, and for how long",
    "Drain and stop",
]


def test_every_command_runs_or_has_a_reason_not_to() -> None:
    shown = [block for block in blocks() if block.kind.startswith("sh")]

    assert {block.section for block in shown if block.kind == "sh"} == set(RUN)
    assert [block.text.splitlines()[0] for block in shown if block.kind == "sh elsewhere"] == list(ELSEWHERE)
    assert {block.kind for block in blocks()} <= {"sh", "sh elsewhere", "console", "toml", "yaml", "json", "sql"}


def run(folder: Path, *scripts: str, environ: Mapping[str, str] | None = None, typed: str = "") -> str:
    """Run blocks in this folder with the command `imagevault` in the path; return their output."""
    path = os.pathsep.join([OWN, os.environ["PATH"]])
    environ = {**os.environ, "OPENVERSE_ENABLED": "false", "COLUMNS": "200", "PATH": path, **(environ or {})}
    ended = subprocess.run(
        ["bash", "-c", "\n".join(["set -euo pipefail", *scripts])],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SCRIPT_LIMIT,
        check=False,
        input=typed,
        start_new_session=True,  # without a terminal, a command that asks for a password reads standard input
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


class TestExample:
    @pytest.mark.processes
    def test_is_the_output_of_the_command(self, tmp_path: Path) -> None:
        """Run in a clean environment."""
        printed = subprocess.run(
            [sys.executable, "-m", "imagevault", "config", "example"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=True,
        ).stdout

        assert EXAMPLE.read_text(encoding="utf-8") == printed, AGAIN

    def test_every_key_is_documented(self) -> None:
        """The keys of the server and those that every provider has."""
        documented = PAGE + EXAMPLE.read_text(encoding="utf-8")
        names = [key.rpartition(".")[2] for key, _ in keys()] + list(HOST_FIELDS)

        assert [name for name in names if not re.search(rf"^# {name} = |`{name}`", documented, re.MULTILINE)] == [], (
            AGAIN
        )

    def test_is_valid_with_every_key_in_force(self, cli: Cli, tmp_path: Path) -> None:
        """The test sets the variables that the file names and creates its plugins folder."""
        text = re.sub(r"^# ([a-z_]+ = .*)$", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (tmp_path / "imagevault.toml").write_text(text)
        (tmp_path / "plugins").mkdir()
        assert tomllib.loads(text)["limits"] == {
            "requests": "600/minute",
            "signup": "5/hour",
            "wrong_passwords": 5,
            "wrong_passwords_per_account": 100,
            "wrong_passwords_per_address": 30,
        }

        ended = cli("config", "check", "--json", environ=dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), SECRET))

        assert json.loads(ended.stdout)["errors"] == []
        assert ended.returncode == 0

    @pytest.mark.parametrize("text", [block.text for block in blocks() if block.kind == "toml"])
    def test_config_on_the_page_is_valid(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "imagevault.toml").write_text(text)

        settings = load(dict.fromkeys(re.findall(r"\$\{(\w+)\}", text), "hidden"), tmp_path)

        assert settings.written.keys() == tomllib.loads(text).keys()


class TestCommands:
    @pytest.mark.processes
    def test_commands_without_a_server(self, tmp_path: Path) -> None:
        """They run in the order of the page, in one folder."""
        sections = ["", "Configure", "Providers", *(section for section in RUN if section.startswith("Accounts"))]

        printed = run(tmp_path, *(text for section in sections for text in of("sh", section)))

        for expected in (
            "imagevault, version ",
            "/imagevault.toml: valid",
            "pexels is disabled in ",
            "pexels is enabled in ",
            "ada (admin)",
            "grace (user)",
            "local: ok, 1 in all",
            "atlas",
            "account_locked",
        ):
            assert expected in printed
        written = (tmp_path / "imagevault.toml").read_text()
        assert tomllib.loads(written)["providers"]["pexels"] == {"enabled": True}
        assert written.startswith(EXAMPLE.read_text(encoding="utf-8").partition("[providers.pexels]")[0])

    def test_health(self, serve: Any, tmp_path: Path) -> None:
        server = serve().wait_until_ready()
        [script] = of("sh", "Drain and stop")

        assert run(tmp_path, script.replace("http://127.0.0.1:8000", server.url)) == '{"status":"ok"}' * 2

    def test_the_provider_list_is_the_output_of_the_command(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The transcript is made of invented states; the page describes each of its columns."""
        monkeypatch.setattr("imagevault.cli.output.time.time", lambda: 1000.0)
        open_breaker = standing(
            [QuotaLeft("20/minute", 20, 14, 58), QuotaLeft("200/day", 200, 194, 86400)],
            breaker="open",
            retry_after=27,
            last_error="Openverse cannot be reached (ConnectError)",
            last_error_at=996.0,
        )
        in_use = standing(
            [QuotaLeft("200/hour", 200, 197, 3660), QuotaLeft("20000/month", 20000, 19997, 31 * 86400)],
            cache=CacheRate(60, 2, 38),
        )
        listed = [listed_provider("local", None), listed_provider("openverse", open_breaker)]
        listed.append(listed_provider("pexels", in_use))
        reason = "ModuleNotFoundError: No module named 'no_such_module' (acme.py, line 1)"
        broken = FailedPlugin("acme", "/srv/imagevault/plugins/acme.py", reason)
        [shown] = of("console", "The provider list")
        columns, rows = terminal.provider_rows(listed, [broken])
        use = terminal.cache_line(CacheUse(pages=1340, bytes=124151398, max_bytes=512 * 1024 * 1024))

        assert shown.splitlines() == ["$ imagevault providers", *lay_out(columns, rows, 100), use]
        section = PAGE.partition("\n## The provider list\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\* \*\*(.+?)\*\*", section, re.MULTILINE) == list(columns)


def standing(quotas: list[QuotaLeft], **changes: Any) -> ProviderHealth:
    known: dict[str, Any] = {"breaker": "closed", "retry_after": 0, "last_error": None, "last_error_at": None}
    return ProviderHealth(quotas=quotas, **{**known, **changes})


def listed_provider(name: str, health: ProviderHealth | None) -> ProviderRecord:
    return ProviderRecord(
        name=name,
        title=name,
        homepage=None,
        state="ok",
        quota="ok",
        notice=None,
        hotlink="allowed",
        page_size=10,
        max_results=None,
        filters={},
        emulated=[],
        declares=[],
        source=f"imagevault {version('imagevault')}",
        health=health,
    )


class TestBackup:
    """Record a download, back it up while the server runs, restore it, and read it again."""

    PUBLIC = {"IMAGEVAULT_PUBLIC_URL": "https://images.example.org"}  # otherwise links contain the port of each start

    def record(self, server: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """The headers with a token, and the record of a download."""
        with httpx.Client(base_url=server.url) as client:
            client.post("/signup", json=ACCOUNT).raise_for_status()
            token = client.post("/token", data=ACCOUNT).raise_for_status().json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            kept = client.post("/download", json={"image": "local:fox-in-snow.jpg"}, headers=headers)
            record: dict[str, Any] = kept.raise_for_status().json()
            return headers, record

    def check(self, server: Any, headers: dict[str, str], kept: dict[str, Any]) -> None:
        """The record is unchanged, and the token from before the restore is still valid."""
        listed = httpx.get(f"{server.url}/downloads", headers=headers).raise_for_status().json()["downloads"]
        assert listed == [kept]

    def test_sqlite(self, serve: Any, tmp_path: Path) -> None:
        """Uses the secret that the server generated. Only the owner can read the backup."""
        back_up, restore = of("sh", "Back up and restore/SQLite")
        server = serve(self.PUBLIC).wait_until_ready()
        headers, kept = self.record(server)

        run(tmp_path, back_up)

        httpx.post(f"{server.url}/download", json={"url": "https://a.example/later"}, headers=headers)
        assert server.stop() == 0
        shutil.rmtree(tmp_path / "imagevault-data" / "thumbnails", ignore_errors=True)
        (tmp_path / "imagevault-data" / "imagevault.sqlite").write_bytes(b"no database")
        (tmp_path / "imagevault-data" / "imagevault.sqlite-wal").write_bytes(b"of the old one")
        (tmp_path / "imagevault-data" / "secret_key").unlink()
        printed = run(tmp_path, restore)

        assert printed.endswith(" is up to date.\n")
        files = [*(tmp_path / "backup").iterdir(), *(tmp_path / "imagevault-data").glob("*[ey]")]
        assert {path.name: path.stat().st_mode & 0o077 for path in files} == {"imagevault.sqlite": 0, "secret_key": 0}
        self.check(serve(self.PUBLIC).wait_until_ready(), headers, kept)

    @pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the sqlite3 command is not installed")
    def test_sqlite_by_its_command_line(self, serve: Any, tmp_path: Path) -> None:
        """Runs the command in the text of the page."""
        [command] = re.findall(r"`(sqlite3 .*?)`", PAGE, re.DOTALL)
        _, kept = self.record(serve().wait_until_ready())

        run(tmp_path, "mkdir backup", command.replace("\n", " "))

        with sqlite3.connect(tmp_path / "backup" / "imagevault.sqlite") as copy:
            assert copy.execute("SELECT image FROM iv_download").fetchall() == [(kept["image"],)]
        copy.close()

    def test_postgresql(self, postgres: Any, serve: Any, tmp_path: Path) -> None:
        """Uses a role that owns its database and has no other right."""
        [make_role] = of("sh", "PostgreSQL")
        back_up, restore = of("sh", "Back up and restore/PostgreSQL")
        place = parse_qs(urlsplit(postgres.server.get_uri()).query)["host"][0]
        url = f"postgresql://imagevault:a-password@/%s?host={place}"
        environ = {
            "PATH": os.pathsep.join([str(postgres.server.bin_path), OWN, os.environ["PATH"]]),
            "PGHOST": place,
            "PGUSER": "postgres",
            "DATABASE_URL": url % "imagevault",
            "RESTORED_URL": url % "restored",
        }
        run(tmp_path, make_role, environ=environ, typed="a-password\n" * 2)
        given = {"SECRET_KEY": SECRET, **self.PUBLIC}
        server = serve({**given, "DATABASE_URL": url % "imagevault"}).wait_until_ready()
        headers, kept = self.record(server)

        run(tmp_path, back_up, environ=environ)

        assert server.stop() == 0
        printed = run(tmp_path, restore, environ=environ)
        assert printed.endswith("/restored is up to date.\n")
        self.check(serve({**given, "DATABASE_URL": url % "restored"}).wait_until_ready(), headers, kept)


async def execute(url: str, sql: str) -> None:
    """Run statements while the server runs, as an admin would."""
    if url.startswith("sqlite"):
        with sqlite3.connect(unquote(urlsplit(url).path[1:]), timeout=30) as database:
            database.executescript(sql)
        database.close()
        return
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def statements(section: str) -> list[str]:
    return [line for text in of("sql", section) for line in text.splitlines()]


class TestShutOut:
    """The commands that shut an account out, on both engines, while a server runs."""

    @pytest.mark.processes
    async def test_lock_unlock_reset_and_delete(self, start: Any, database_url: str, tmp_path: Path) -> None:
        """Unlocking lets the owner in again and revives no token. A reset ends the password and the tokens."""
        api = await start({"DATABASE_URL": database_url})
        account = {"username": "grace", "password": ACCOUNT["password"]}
        [script] = of("sh", "Accounts/Shut an account out")
        lock, unlock, reset, delete = script.splitlines()
        old = await api.sign_in("grace")

        async def after(command: str, headers: dict[str, str]) -> tuple[int, int]:
            """The statuses of a request with the token and of a sign-in, after the command."""
            await asyncio.to_thread(run, tmp_path, command, environ={"DATABASE_URL": database_url})
            api.services.credentials.verified.clear()  # a verified token is trusted for a second
            protected = await api.get("/protected", headers=headers)
            return protected.status_code, (await api.post("/token", data=account)).status_code

        assert (await api.get("/protected", headers=old)).status_code == 200
        assert await after(lock, old) == (401, 401)
        assert await after(unlock, old) == (401, 200)
        token = (await api.post("/token", data=account)).json()["access_token"]
        new = {"Authorization": f"Bearer {token}"}
        assert (await api.get("/protected", headers=new)).status_code == 200
        assert await after(reset, new) == (401, 401)
        assert await after(delete, new) == (401, 401)
        assert (await api.post("/signup", json=account)).status_code == 201


class TestStatements:
    """The SQL of the page, on both engines, while a server runs."""

    async def test_delete_cached_pages(self, start: Any, database_url: str) -> None:
        """Only the pages of the named provider are deleted."""
        api = await start({"DATABASE_URL": database_url})
        make = "INSERT INTO iv_page (key, provider, stored_at, content) VALUES ('{1}{0}', '{0}', 9000000000000, '');"
        place = "INSERT INTO iv_page_image (id, page) VALUES ('{0}:1', '{1}{0}');"
        for name in ("pexels", "openverse"):
            await execute(database_url, (make + place).format(name, prefix_of("")))

        await execute(database_url, "\n".join(statements("What is kept, and for how long")))

        store = api.services.gateway.pages._tiers._store
        api.services.database.use()
        assert [await store.read(prefix_of("") + name) is None for name in ("pexels", "openverse")] == [True, False]
        assert [await store.find(name, "1", "") is None for name in ("pexels", "openverse")] == [True, False]

    def test_with_python(self, serve: Any, tmp_path: Path) -> None:
        """The alternative for machines without the sqlite3 command."""
        serve().wait_until_ready()
        [script] = of("sh", "What is kept, and for how long")
        path = tmp_path / "imagevault-data" / "imagevault.sqlite"
        make = "INSERT INTO iv_page (key, provider, stored_at, content) VALUES ('a', 'pexels', 9000000000000, '')"
        asyncio.run(execute(f"sqlite:///{path}", make))

        run(tmp_path, script)

        with sqlite3.connect(path) as database:
            assert database.execute("SELECT * FROM iv_page").fetchall() == []
        database.close()


# The log


LEVELS = {"warning": "warning", "error": "error", "exception": "error"}  # the call -> the level
WATCHDOG = (
    "plugin … blocks the server at …; its hooks must await, or use a thread"  # built in the watchdog, logged as "%s"
)


def template(node: ast.expr) -> str | None:
    """The message with … in place of each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[.\d]*[sdf]", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None


def logged(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The level and the message of each call of `log`. A message in a variable is the last one assigned before it."""
    assigned = [
        (node.lineno, node.targets[0].id, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr=call), args=[given, *_]) if call in LEVELS:
                message = given
                if isinstance(given, ast.Name):
                    before = [item for item in assigned if item[1] == given.id and item[0] < node.lineno]
                    message = max(before, key=lambda item: item[0])[2]
                found = template(message)
                assert found is not None, f"line {node.lineno}: the message cannot be read from the code"
                yield LEVELS[call], found


class TestLog:
    def test_page_and_code_have_the_same_messages(self) -> None:
        """Every message on the page is in the code, and every warning and error of the code is on the page."""
        section = PAGE.partition("\n## The log\n")[2].partition("\n## ")[0]
        _, warnings, errors = re.split(r"^Level `(?:warning|error)`:$", section, flags=re.MULTILINE)
        event = re.compile(r"^\* `(.+?)`:", re.MULTILINE)
        documented = {("warning", message) for message in event.findall(warnings)}
        documented |= {("error", message) for message in event.findall(errors)}
        trees = [
            ast.parse(path.read_text(encoding="utf-8"))
            for path in [*(ROOT / "imagevault").rglob("*.py"), *(ROOT / "providers").glob("*.py")]
        ]
        texts = {template(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.expr)}

        assert set(event.findall(section)) - texts == set()
        found = {message for tree in trees for message in logged(tree)}
        assert documented == found - {("error", "…")} | {("error", WATCHDOG)}

    def test_a_json_line_has_the_documented_fields(self, serve: Any) -> None:
        """The fields of every line, and those of a request."""
        [shown] = of("json", "The log")
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        httpx.get(f"{server.url}/search", params={"q": "fox"}, headers={"X-Request-ID": "mine"})
        assert server.stop() == 0

        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]

        [line] = [line for line in lines if line["event"] == "request"]
        common = {"event", "level", "logger", "timestamp", "pid"}
        assert json.loads(shown).keys() == common | {"request_id", "provider", "retry_after"}
        assert line.keys() == common | {"request_id", "method", "path", "status", "ms", "caller"}
        assert (line["request_id"], line["path"], line["status"], line["caller"]) == ("mine", "/search", 401, None)
        assert any(line["event"].startswith("draining: ") for line in lines)


class TestDeploy:
    def test_the_config_of_prometheus(self) -> None:
        """It is YAML, and it has one job with a target."""
        yaml = pytest.importorskip("yaml")
        [text] = of("yaml", "Metrics")
        [job] = yaml.safe_load(text)["scrape_configs"]

        assert job["job_name"] == "imagevault"
        assert [len(config["targets"]) for config in job["static_configs"]] == [1]

    def test_the_image_is_built_from_what_the_wheel_needs(self) -> None:
        """The Dockerfile copies every package and module of pyproject.toml, and .dockerignore lets them in."""
        deploy = ROOT / "deploy"
        copied = set(re.findall(r"^COPY (?!--)(.+) \S+$", (deploy / "Dockerfile").read_text(), re.MULTILINE))
        names = {name for line in copied for name in line.split()}
        let_in = re.findall(r"^!(.+)$", (deploy / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
        folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"]

        assert names == set(let_in)
        assert all((ROOT / name).exists() for name in names)
        assert set(folders.values()) <= names

    def test_compose(self) -> None:
        """The file is YAML, waits for a healthy database, and names files that exist or have an example."""
        yaml = pytest.importorskip("yaml")
        deploy = ROOT / "deploy"
        services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"]

        assert services["imagevault"]["depends_on"] == {"database": {"condition": "service_healthy"}}
        assert "healthcheck" in services["database"]
        assert "HEALTHCHECK" in (deploy / "Dockerfile").read_text()
        for service in services.values():
            assert (deploy / f"{service['env_file']}.example").exists()
        assert int(services["imagevault"]["stop_grace_period"].removesuffix("s")) > 21
        assert (deploy / services["imagevault"]["build"]["context"] / "deploy" / "Dockerfile").exists()
        assert os.access(deploy / "make-role.sh", os.X_OK)

    @pytest.mark.processes
    def test_the_unit(self, tmp_path: Path) -> None:
        """The unit leaves time to stop, has two workers or more for SIGHUP, and is valid for systemd."""
        text = (ROOT / "deploy" / "imagevault.service").read_text()
        found = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))

        assert int(found["TimeoutStopSec"]) > 1.5 + GRACE
        assert (found["KillSignal"], found["ExecReload"]) == ("SIGTERM", "/bin/kill -HUP $MAINPID")
        assert int(found["ExecStart"].rpartition("--workers ")[2]) > 1
        if shutil.which("systemd-analyze"):
            unit = tmp_path / "imagevault.service"
            unit.write_text(text.replace("/opt/imagevault/bin/imagevault", sys.executable))
            ended = subprocess.run(
                ["systemd-analyze", "verify", str(unit)],
                capture_output=True,
                text=True,
                timeout=COMMAND_LIMIT,
                check=False,
            )
            assert [line for line in ended.stderr.splitlines() if line.startswith(("imagevault", str(unit)))] == []
