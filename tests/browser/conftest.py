"""A real server over simulated upstreams, and pages of a headless Chromium that look at it.

Each page notes the hosts that it called, the errors of its scripts and those in its console. Its test fails if the page
called a host that is neither the server nor one of the upstreams, and on any error.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from imagevault.testing.simulated import SIMULATED, environment
from imagevault.testing.upstream import Upstream
from tests.support.offline import OFFLINE
from tests.support.patience import PATIENT
from tests.support.server import ServerProcess

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENCE = 30_000.0  # milliseconds after which an action of a test gives up
UPSTREAMS = ("pexels", "pixabay", "unsplash")
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks all tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("processes")


class Site:
    """A running server: `url`, its upstreams by the provider's name, and `command` to run `imagevault ...` there."""

    def __init__(self, server: ServerProcess, upstreams: dict[str, Upstream], command: Callable[..., None]) -> None:
        self.url = server.url
        self.command = command
        self.server = server
        self.upstreams = upstreams
        self.hosts = {f"127.0.0.1:{port}" for port in (server.port, *(each.port for each in upstreams.values()))}

    def create_account(self, username: str, password: str) -> None:
        """Creates an account through the API."""
        response = httpx.post(f"{self.url}/signup", json={"username": username, "password": password})
        assert response.status_code == 201, response.text


Serve = Callable[..., Site]


@pytest.fixture(scope="module")
def serve_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """A starter of servers over simulated upstreams: `serve_site({"IMAGEVAULT_SEARCH": "account"})`."""
    with contextlib.ExitStack() as stack:

        def serve(environ: dict[str, str] | None = None) -> Site:
            upstreams = {name: stack.enter_context(SIMULATED[name]()) for name in UPSTREAMS}
            settings = {**OFFLINE, "IMAGEVAULT_SEARCH": "open", **PATIENT}
            settings["IMAGEVAULT_LIMITS_REQUESTS"] = "100000/second"
            settings["IMAGEVAULT_LIMITS_SIGNUP"] = "1000/hour"
            for name, upstream in upstreams.items():
                settings |= {**environment(name, upstream), f"{name.upper()}_ENABLED": "true"}
            settings |= environ or {}
            folder = tmp_path_factory.mktemp("site")
            server = ServerProcess(folder, settings)
            stack.callback(server.kill)

            def command(*arguments: str) -> None:
                line = [sys.executable, "-m", "imagevault", *arguments]
                subprocess.run(line, cwd=folder, env={**os.environ, **settings}, check=True, capture_output=True)

            return Site(server.wait_until_ready(), upstreams, command)

        yield serve


@pytest.fixture(scope="module")
def site(serve_site: Serve) -> Site:
    """A server where anyone may search. The tests of a module share it."""
    return serve_site()


@pytest.fixture
def healed(site: Site) -> Iterator[Site]:
    """The same server; its upstreams work again after the test."""
    yield site
    for upstream in site.upstreams.values():
        upstream.heal()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, env={**os.environ, "HOME": "/nonexistent"}
        )
        yield browser
        browser.close()


class Visit:
    """One browser context and what it did. `open` makes a page in it."""

    def __init__(self, browser: Any, site: Site, **options: Any) -> None:
        self.site = site
        self.called: set[str] = set()
        self.errors: list[str] = []
        self.context = browser.new_context(base_url=site.url, **options)
        self.context.set_default_timeout(PATIENCE)

    def open(self, path: str) -> Any:
        """Opens an address in a new tab."""
        page = self.context.new_page()
        page.on("request", lambda request: self.called.add(urlsplit(request.url).netloc))
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(path)
        return page

    def refused(self, *statuses: int) -> None:
        """Says that the server refused requests with these statuses, as the test wants it; the console shows each."""
        for status in statuses:
            text = f"Failed to load resource: the server responded with a status of {status} "
            assert [error for error in self.errors if error.startswith(text)], self.errors
            self.errors = [error for error in self.errors if not error.startswith(text)]

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def close(self) -> None:
        """Ends the context. Raises AssertionError if a page called another host, or on an error."""
        self.context.close()
        assert self.called <= self.site.hosts
        assert self.errors == []


Visits = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Any, site: Site) -> Iterator[Visits]:
    """A starter of visits: `visit(java_script_enabled=False, color_scheme="dark").open("/?q=fox")`."""
    started: list[Visit] = []

    def visit(at: Site | None = None, **options: Any) -> Visit:
        started.append(Visit(chromium, at or site, **options))
        return started[-1]

    yield visit
    for each in started:
        each.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Any], list[str]]:
    """A check of a page with axe-core, which lists what it finds."""
    import axe_playwright_python

    script = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")

    def violations(page: Any) -> list[str]:
        page.evaluate(script)
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})",
            AXE_RULES,
        )
        return [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    return violations
