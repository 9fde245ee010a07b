"""`imagevault config`, the switches of providers, and what accounts do from a terminal."""

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from imagevault.accounts.tables import Account
from imagevault.cli.group import cli as command
from imagevault.config.settings import Settings, keys, load, variable
from imagevault.runtime.services import Services
from imagevault.testing.upstreams.pexels import SimulatedPexels

PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "imagevault.toml"


NUMBER = "must be a whole number from 1 to 65535"
RATE = "must be a number per second, minute, hour or day, such as 600/minute"
KEYED = "[providers.pexels]\napi_key = 'hidden-key'\n"
TEXTS = "[providers.local]\nfolder = '''\ntimeout = 99\n[limits]\n'''\n"

# What is wrong: the text of the file, the line, the key, and how the message begins.
BROKEN: dict[str, tuple[str | bytes, int, str, str]] = {
    "no value": ("port = \n", 1, "imagevault.toml", "is not valid TOML: Invalid value"),
    "no equals": ("# c\n\nport: 80\nhost = 'x'\n", 3, "imagevault.toml", "is not valid TOML: Expected '='"),
    "open text": ("data = 'x'\nhost = \"x\nport = 1\n", 2, "imagevault.toml", "is not valid TOML: Illegal character"),
    "twice": ("port = 80\n# c\nport = 81\n", 3, "imagevault.toml", "is not valid TOML: Cannot overwrite a value"),
    "a table twice": ("[limits]\n[argon2]\n\n[limits]\n", 4, "imagevault.toml", "is not valid TOML: Cannot declare"),
    "bare word": ("[providers.pexels]\nenabled = perhaps\n", 2, "imagevault.toml", "is not valid TOML: Invalid value"),
    "behind an array": ("default = [\n'local',\n]\nport 1\n", 4, "imagevault.toml", "is not valid TOML: Expected '='"),
    "unknown": ("# prt = 1\n\nprt = 80\n", 3, "prt", "there is no such setting. Did you mean port?"),
    "unknown table": (
        "port = 80\n[limit]\nrequests = '1/day'\n",
        2,
        "limit",
        "there is no such setting. Did you mean lim",
    ),
    "unknown in a table": (
        "[limits]\n# c\n\nrequest = 1\n",
        4,
        "limits.request",
        "there is no such setting. Did you mean",
    ),
    "unknown, nothing near": ("host = 'x'\nxyzzy = 1\n", 2, "xyzzy", "there is no such setting."),
    "text for a number": ("port = 'eighty'\n", 1, "port", NUMBER),
    "a part of a number": ("host = '::1'\nport = 80.5\n", 2, "port", NUMBER),
    "out of range": ("host = '::1'\n\n# c\nport = 65536\n", 4, "port", NUMBER),
    "too slow": ("deadline = 99.5\n", 1, "deadline", "must be a number from 0.1 to 30"),
    "no truth": ("port = 1\ndraining = 'perhaps'\n", 2, "draining", "must be true or false"),
    "no choice": ("# c\nlog = 'xml'\n", 2, "log", "must be console or json"),
    "no rate": ("[limits]\nrequests = '600'\n", 2, "limits.requests", RATE),
    "no text in a list": (
        "port = 1\nallowed_hosts = [\n'a.example',\n1]\n",
        2,
        "allowed_hosts",
        "must be a list of texts",
    ),
    "a host with a scheme": (
        "allowed_hosts = ['http://a.example']\n",
        1,
        "allowed_hosts",
        "http://a.example: must be a h",
    ),
    "behind several lines": (TEXTS + "[limits]\nsignup = '1'\n", 7, "limits.signup", RATE),
    "the same word in a text": (
        TEXTS + "timeout = 99\n",
        6,
        "providers.local.timeout",
        "timeout: must be a number from",
    ),
    "an array before": ("default = [ # one\n  'local', # port = 0\n\n]\n# c\nport = 0\n", 6, "port", NUMBER),
    "three quotes before": ('data = """\\\n  x\\\n"""\nport = 0\n', 4, "port", NUMBER),
    "inline table": ("port = 1\nlimits = { signup = '1/day', requests = 'x' }\n", 2, "limits.requests", RATE),
    "inline provider": (
        "[providers]\n\npexels = { timeout = 99 }\n",
        3,
        "providers.pexels.timeout",
        "timeout: must be a n",
    ),
    "dotted": ("argon2.passes = 2\nargon2.memory = 1\n", 2, "argon2.memory", "must be a whole number from 19456"),
    "dotted provider": (
        "# c\nproviders.pexels.timeout = 99\n",
        2,
        "providers.pexels.timeout",
        "timeout: must be a num",
    ),
    "quoted": ("'host' = '::1'\n\"port\" = 0\n", 2, "port", NUMBER),
    "indented": ("  [limits]\n\t\n  signup = 5\n", 3, "limits.signup", RATE),
    "provider's unknown key": (
        KEYED + "# c\ntimout = 1\n",
        4,
        "providers.pexels.timout",
        "timout: there is no such setti",
    ),
    "provider's own unknown": (
        "[providers.pexels]\napi_kee = 'hidden'\n",
        2,
        "providers.pexels.api_kee",
        "api_kee: there i",
    ),
    "provider's wrong type": (
        KEYED + "enabled = 'perhaps'\n",
        3,
        "providers.pexels.enabled",
        "enabled: must be true or ",
    ),
    "provider's wrong range": (
        KEYED + "\ntimeout = 31\n",
        4,
        "providers.pexels.timeout",
        "timeout: must be a number from",
    ),
    "provider's list": (
        KEYED + "quota = [\n'5/hour',\n5]\n",
        3,
        "providers.pexels.quota",
        "quota: must be a list of texts",
    ),
    "provider's address": (KEYED + "base_url = 'x'\n", 3, "providers.pexels.base_url", "base_url: must be an address"),
    "key of two lines": (
        '[providers.pexels]\n\napi_key = "hidden\\nkey"\n',
        3,
        "providers.pexels.api_key",
        "api_key: must be p",
    ),
    "the second of two": (
        "[providers.local]\ntimeout = 2\n[providers.pexels]\ntimeout = 99\n",
        4,
        "providers.pexels.timeout",
        "",
    ),
    "page_size": (
        KEYED + "timeout = 2\npage_size = 81\n",
        4,
        "providers.pexels.page_size",
        "page_size: must be at most 80; ",
    ),
    "quota": (
        KEYED + "\n\nquota = ['5000 an hour']\n",
        5,
        "providers.pexels.quota",
        "quota: must be calls per second, min",
    ),
    "cache_for": (
        "[providers.acme]\n# c\ncache_for = 5\n",
        3,
        "providers.acme.cache_for",
        "cache_for: must be at least 900; ",
    ),
    "variable": (
        "host = '::1'\nport = '${PORT}'\n",
        2,
        "port",
        "${PORT} stands for an environment variable that is not s",
    ),
    "provider's variable": (
        "[providers.pexels]\n\napi_key = 'x${KEY}'\n",
        3,
        "providers.pexels.api_key",
        "${KEY} stands for an",
    ),
    "variable in a list": (
        "port = 1\ndefault = [\n'local',\n'${NAME}']\n",
        2,
        "default",
        "${NAME} stands for an environmen",
    ),
    "no table": ("port = 1\nlimits = 5\n", 2, "limits", "must be a table: [limits]"),
    "an array of tables": ("port = 1\n[[limits]]\nsignup = '1/day'\n", 2, "limits", "must be a table: [limits]"),
    "no tables": ("port = 1\nproviders = 5\n", 2, "providers", "must be tables, one for each provider"),
    "provider no table": (
        "[providers]\nlocal.timeout = 1\npexels = 5\n",
        3,
        "providers.pexels",
        "must be a table: [providers.p",
    ),
    "empty default": ("port = 1\ndefault = []\n", 2, "default", "must name at least one provider"),
    "wrong default": (
        "port = 1\ndefault = [\n'pexel',\n'locl']\n",
        2,
        "default",
        "names no provider; there are acme, ",
    ),
    "short secret": ("# c\nsecret_key = 'hidden'\n", 2, "secret_key", "must be at least 32 bytes long"),
    "dotted in quotes": ("port = 1\n'a.b' = 1\n", 2, "a.b", "there is no such setting."),
    "no folder": ("port = 1\nplugins_dir = 'nowhere'\n", 2, "plugins_dir", "there is no folder"),
    "no database": ("database_url = 'mysql://a:hidden@b/c'\n", 1, "database_url", "must begin with postgresql://"),
    "byte order mark": (b"\xef\xbb\xbf# c\r\nport = 0\r\n", 2, "port", NUMBER),
    "carriage returns": (b"# c\r\ndefault = [\r\n'local']\r\n\r\n[limits]\r\nsignup = 5\r\n", 6, "limits.signup", RATE),
    "no TOML of Windows": (
        b"\xef\xbb\xbf# c\r\n\r\nport: 0\r\n",
        3,
        "imagevault.toml",
        "is not valid TOML: Expected '='",
    ),
}

ACME = """
from imagevault import Page, ProviderInfo, hookimpl

@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10, base_url="https://a.example/", cache_for=3600, must_cache_for=900)

@hookimpl
async def search_images(query):
    return Page([])
"""


@pytest.fixture
def acme(tmp_path: Path) -> dict[str, str]:
    """The environment with a provider whose terms demand a cache."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "acme.py").write_text(ACME)
    return {"IMAGEVAULT_PLUGINS_DIR": str(folder)}


class TestCheckRefuses:
    """Exit code 1, and for each mistake the line, the key, and what would be right; never a secret."""

    @pytest.mark.parametrize("name", BROKEN)
    def test_a_mistake(self, here: Here, file: Path, acme: dict[str, str], name: str) -> None:
        text, line, key, message = BROKEN[name]
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        environ = {} if "plugins_dir" in str(text) else acme

        ended = here("config", "check", environ=environ)
        as_json = here("config", "check", "--json", environ=environ)
        answer = json.loads(as_json.stdout)

        assert (ended.returncode, as_json.returncode) == (1, 1)
        [shown] = [each for each in ended.stdout.splitlines() if not each.startswith("note: ")]
        assert shown.startswith(f"{file}, line {line}: {key}: {message}")
        assert answer["ok"] is False
        [error] = answer["errors"]
        assert (error["key"], error["where"]) == (key, f"{file}, line {line}")
        assert shown == f"{error['where']}: {error['key']}: {error['message']}"
        assert "hidden" not in ended.stdout + ended.stderr + as_json.stdout

    def test_what_is_no_text(self, here: Here, file: Path) -> None:
        """The line of the first byte that is wrong is named."""
        file.write_bytes(b"# c\nhost = '\xff'\n")

        ended = here("config", "check")

        assert ended.returncode == 1
        assert ended.stdout == f"{file}, line 2: imagevault.toml: must be UTF-8\n"

    def test_every_wrong_provider_at_once(self, here: Here, file: Path) -> None:
        """Each with its own line; what is noted comes after."""
        file.write_text("[providers.local]\ntimeout = 99\n[providers.pexels]\nenabled = 5\n[providers.openvers]\n")

        ended = here("config", "check")
        answer = json.loads(here("config", "check", "--json").stdout)

        assert ended.returncode == 1
        assert [each["where"].rpartition(" ")[2] for each in answer["errors"]] == ["2", "4"]
        shown = [line.partition(": ")[0] for line in ended.stdout.splitlines()]
        assert shown[:2] == [f"{file}, line 2", f"{file}, line 4"]
        assert set(shown[2:]) == {"note"}

    def test_a_wrong_line_of_dotenv(self, here: Here, file: Path) -> None:
        (file.parent / ".env").write_text("A=1\nSECRET_KEY: hidden\n")

        ended = here("config", "check")

        assert ended.stdout == f"{file.parent}/.env, line 2: .env: must be NAME=value, quotes closed\n"
        assert ended.returncode == 1

    def test_another_file(self, here: Here, file: Path) -> None:
        """One that is about to be put in place; that in force does not matter."""
        file.write_text("port = 1")
        (file.parent / "new.toml").write_text("host = '::1'\nprt = 1")

        ended = here("config", "check", "new.toml")

        assert (ended.returncode, here("config", "check").returncode) == (1, 0)
        assert ended.stdout.startswith(f"{file.parent}/new.toml, line 2: prt: there is no such setting.")

    @pytest.mark.parametrize("name", ["no.toml", "."])
    def test_a_file_that_is_none(self, here: Here, name: str) -> None:
        """Is a wrong call."""
        ended = here("config", "check", name)

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.count("\n") == 1

    def test_in_a_process(self, cli: Cli, file: Path) -> None:
        """Whole lines, however narrow the terminal; nothing beside them."""
        file.write_text("[limits]\n\nrequest = '1/day'")

        ended = cli("config", "check", environ={"COLUMNS": "40"})

        assert (ended.returncode, ended.stderr) == (1, "")
        assert ended.stdout == (
            f"{file}, line 3: limits.request: there is no such setting. Did you mean limits.requests?\n"
        )

    @pytest.mark.parametrize(
        "text",
        ["port = 1\ndefault = [\n'local',\n", "port = 1\nhost = '''\n\n", "port = 1\nhost = '::1\nworkers = 2\n"],
    )
    def test_what_is_never_closed(self, here: Here, file: Path, text: str) -> None:
        """The line that is named is one of the file."""
        file.write_text(text)

        found = re.match(rf"{re.escape(str(file))}, line (\d+): imagevault.toml: ", here("config", "check").stdout)

        assert found is not None
        assert int(found[1]) in range(2, len(text.splitlines()) + 1)

    @pytest.mark.parametrize(
        ("text", "environ", "where", "key"),
        [
            ("", {"IMAGEVAULT_PORT": "x"}, "environment variable IMAGEVAULT_PORT", "port"),
            ("port = 1", {"IMAGEVAULT_PORT": "x"}, "environment variable IMAGEVAULT_PORT", "port"),
            ("", {"IMAGEVAULT_PRT": "x"}, "environment variable IMAGEVAULT_PRT", "IMAGEVAULT_PRT"),
            ("", {"IMAGEVAULT_DEFAULT": "x"}, "environment variable IMAGEVAULT_DEFAULT", "default"),
            ("default = 'local'", {"IMAGEVAULT_DEFAULT": "x"}, "environment variable IMAGEVAULT_DEFAULT", "default"),
            ("", {"PEXELS_TIMEOUT": "x"}, "environment variable PEXELS_TIMEOUT", "providers.pexels.timeout"),
            (
                "[providers.pexels]\ntimeout = 2",
                {"PEXELS_TIMEOUT": "x"},
                "environment variable PEXELS_TIMEOUT",
                "providers.pexels.timeout",
            ),
            (
                "[providers.pexels]\napi_key = 'hidden'",
                {"PEXELS_PAGE_SIZE": "99"},
                "environment variable PEXELS_PAGE_SIZE",
                "providers.pexels.page_size",
            ),
            (
                "port = 1",
                {"IMAGEVAULT_CONFIG": "no.toml"},
                "environment variable IMAGEVAULT_CONFIG",
                "IMAGEVAULT_CONFIG",
            ),
        ],
    )
    def test_a_wrong_variable(
        self, here: Here, file: Path, text: str, environ: dict[str, str], where: str, key: str
    ) -> None:
        """The variable is named, not a line of the file that has no effect."""
        file.write_text(text)

        ended = here("config", "check", "--json", environ=environ)
        [error] = json.loads(ended.stdout)["errors"]

        assert ended.returncode == 1
        assert (error["where"], error["key"]) == (where, key)


class TestCheckAccepts:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "# nothing\n",
            "port = 81\n",
            "\ufeffport = 81\r\n[limits]\r\nrequests = '7/second'\r\n",
            "default = ['local']\nlimits.signup = '1/day'\n[providers.local]\nenabled = true\n",
            "[providers.pexels]\napi_key = '${PEXELS}$$'\nquota = ['5/hour', '7/day']\ncache_for = 0\npage_size = 80\n",
        ],
    )
    def test_a_good_file(self, here: Here, file: Path, text: str) -> None:
        file.write_bytes(text.encode())
        environ = {"PEXELS": "a-key", "PEXELS_API_KEY": "a-key"}

        ended = here("config", "check", environ=environ)
        answer = json.loads(here("config", "check", "--json", environ=environ).stdout)

        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines()[-1] == f"{file}: good"
        assert (answer["ok"], answer["errors"]) == (True, [])

    def test_no_file(self, here: Here) -> None:
        """The defaults are good; that the key of Pexels is lacking is worth a note and no error."""
        ended = here("config", "check")

        assert (ended.returncode, ended.stderr) == (0, "")
        *notes, last = ended.stdout.splitlines()
        assert "note: pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])" in notes
        assert last == "no config file: the defaults and the environment: good"


class TestNotes:
    """What a server takes, and an admin should know."""

    def notes(self, here: Here, environ: Mapping[str, str] | None = None) -> list[str]:
        """Those of others than the providers that want a key."""
        environ = {"PEXELS_API_KEY": "a-key", **(environ or {})}
        ended = here("config", "check", environ=environ)
        answer = json.loads(here("config", "check", "--json", environ=environ).stdout)
        assert (ended.returncode, answer["ok"]) == (0, True)
        shown = [line.removeprefix("note: ") for line in ended.stdout.splitlines() if line.startswith("note: ")]
        assert shown == answer["notes"]
        return [note for note in shown if "is not set (or " not in note]

    def test_shadowed_keys(self, here: Here, file: Path) -> None:
        """Those of the file that the environment sets otherwise; values are not shown."""
        file.write_text(
            "port = 81\nworkers = 2\nlimits.signup = '5/day'\n"
            "[providers.pexels]\ntimeout = 2\napi_key = 'hidden'\n[providers.local]\nenabled = false\n"
        )
        environ = {
            "IMAGEVAULT_PORT": "82",
            "IMAGEVAULT_WORKERS": "2",
            "IMAGEVAULT_LIMITS_SIGNUP": "6/day",
            "PEXELS_TIMEOUT": "3",
            "LOCAL_ENABLED": "true",
        }

        assert self.notes(here, environ) == [
            "port: shadowed by environment variable IMAGEVAULT_PORT",
            "limits.signup: shadowed by environment variable IMAGEVAULT_LIMITS_SIGNUP",
            "providers.pexels.timeout: shadowed by environment variable PEXELS_TIMEOUT",
            "providers.pexels.api_key: shadowed by environment variable PEXELS_API_KEY",
            "providers.local.enabled: shadowed by environment variable LOCAL_ENABLED",
        ]

    @pytest.mark.parametrize(
        ("text", "environ"),
        [
            ("port = 81", {"IMAGEVAULT_PORT": "81"}),
            ("draining = false", {"IMAGEVAULT_DRAINING": "false"}),
            ("default = ['local', 'pexels']", {"IMAGEVAULT_DEFAULT": "local,pexels"}),
            ("[providers.local]\nenabled = true", {"LOCAL_ENABLED": "true"}),
        ],
    )
    def test_the_same_value_is_no_news(self, here: Here, file: Path, text: str, environ: dict[str, str]) -> None:
        """A truth and a list may be the same as well."""
        file.write_text(text)

        assert self.notes(here, environ) == []

    def test_shadowed_by_dotenv(self, here: Here, file: Path) -> None:
        file.write_text("port = 81")
        (file.parent / ".env").write_text("IMAGEVAULT_PORT=82")

        assert self.notes(here) == ["port: shadowed by .env variable IMAGEVAULT_PORT"]

    def test_providers_that_lack_a_setting(self, here: Here) -> None:
        """How it can be set, both ways; of those that have it there is nothing to say."""
        note = "note: pexels: PEXELS_API_KEY is not set (or api_key in [providers.pexels])"

        without, given = (here("config", "check", environ={"PEXELS_API_KEY": key}) for key in ("", "a-key"))

        assert note in without.stdout.splitlines()
        assert "pexels" not in given.stdout

    def test_unknown_providers(self, here: Here, file: Path) -> None:
        """The nearest is named; the others in the chain serve."""
        file.write_text("default = ['locl', 'local']\n[providers.pexel]\napi_key = 'hidden'\n")

        assert self.notes(here) == [
            "[providers.pexel]: there is no such provider. Did you mean pexels?",
            "default: there is no provider locl. Did you mean local?",
        ]


def uncommented(text: str) -> str:
    """The example with every key switched on."""
    return re.sub(r"(?m)^# (\w+ = )", r"\1", text)


def needed(text: str) -> dict[str, str]:
    """A value for each variable that stands in it."""
    return {name: f"hidden value of the variable {name}" for name in re.findall(r"\$\{(\w+)\}", text)}


class TestExample:
    def test_is_accepted_as_it_is(self, cli: Cli, file: Path) -> None:
        """`imagevault config example > imagevault.toml`: every default, so it changes nothing."""
        shown = cli("config", "example")
        file.write_text(shown.stdout)

        checked = cli("config", "check")
        settings, defaults = load({}, file.parent), load({}, file.parent / "nowhere")

        assert (shown.returncode, shown.stderr, checked.returncode) == (0, "", 0)
        assert checked.stdout.endswith(f"{file}: good\n")
        for key, _ in keys():
            if key != "data":
                assert value_of(settings, key) == value_of(defaults, key)

    def test_is_accepted_with_every_key(self, here: Here, file: Path, acme: dict[str, str]) -> None:
        """Each value in it is a good one for its key, and the defaults are those in force."""
        text = uncommented(here("config", "example", environ=acme).stdout)
        file.write_text(text)

        environ = {**needed(text), **acme}

        ended = here("config", "check", environ=environ)
        document = tomllib.loads(text)

        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, f"{file}: good")
        written = {f"{name}.{key}" for name in ("limits", "argon2") for key in document[name]}
        assert {*document} - {"limits", "argon2", "providers"} | written == {key for key, _ in keys()}
        settings, defaults = load(environ, file.parent), Settings()
        for key, field in keys():
            if field.default not in (None, ()) and key != "data":
                assert value_of(settings, key) == value_of(defaults, key), key

    def test_names_every_provider_and_all_that_it_takes(self, here: Here, acme: dict[str, str]) -> None:
        """A stranger's too, with the values that are in force for it."""
        document = tomllib.loads(uncommented(here("config", "example", environ=acme).stdout))
        ours = {"enabled", "base_url", "timeout", "quota", "cache_for", "page_size"}

        own = {name: set(table) - ours for name, table in document["providers"].items()}
        assert {(name, frozenset(fields)) for name, fields in own.items()} >= {
            ("acme", frozenset()),
            ("local", frozenset({"folder"})),
            ("openverse", frozenset({"client_id", "client_secret"})),
            ("pexels", frozenset({"api_key"})),
        }
        assert all(ours <= set(table) for table in document["providers"].values())
        assert (document["providers"]["acme"]["cache_for"], document["providers"]["acme"]["page_size"]) == (3600, 10)
        assert document["providers"]["pexels"]["quota"] == ["200/hour", "20000/month", "2/second"]

    def test_tells_the_variable_of_each_key(self, here: Here) -> None:
        """And what needs a restart."""
        text = " ".join(here("config", "example").stdout.replace("\n# (", " (").split())

        for key, _ in keys():
            assert f"({variable(key)}) # {key.rpartition('.')[2]} = " in text
        for name in ("PEXELS_API_KEY", "LOCAL_FOLDER", "OPENVERSE_ENABLED", "PEXELS_CACHE_FOR"):
            assert f"({name})" in text
        assert "needs a restart (IMAGEVAULT_PORT)" in text
        assert "needs a restart (IMAGEVAULT_DEADLINE)" not in text


def value_of(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


class TestShow:
    TEXT = f"""
secret_key_previous = "{SECRET} hidden"
database_url = "postgresql://ada:hidden-password@db.example/vault"
port = 81
default = ["local", "pexels"]
[limits]
signup = "7/day"
[providers.openverse]
client_id = "hidden-id"
client_secret = "hidden-secret"
[providers.pexels]
api_key = "hidden-key"
timeout = 2.5
quota = ["5/hour"]
"""
    ENVIRON = {"SECRET_KEY": f"hidden {SECRET}", "IMAGEVAULT_WORKERS": "3", "PEXELS_TIMEOUT": "2"}

    def rows(self, here: Here, environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        answer = json.loads(here("config", "show", "--json", environ=environ).stdout)
        return {row["key"]: (row["value"], row["source"]) for row in answer["settings"]}

    def test_no_secret(self, here: Here, file: Path) -> None:
        """Neither as text nor as JSON; that one is set is shown, and where."""
        file.write_text(self.TEXT)
        (file.parent / ".env").write_text("OPENVERSE_CLIENT_SECRET=hidden-too\n")

        shown = [here("config", "show", *more, environ=self.ENVIRON) for more in ([], ["--json"])]
        rows = self.rows(here, self.ENVIRON)

        for ended in shown:
            assert (ended.returncode, ended.stderr) == (0, "")
            assert "hidden" not in ended.stdout
            assert SECRET not in ended.stdout
        masked = {key: source for key, (value, source) in rows.items() if value == "***"}
        assert {key: source.removeprefix(str(file)) for key, source in masked.items()} == {
            "secret_key": "environment variable SECRET_KEY",
            "secret_key_previous": ", line 2",
            "database_url": ", line 3",
            "providers.openverse.client_id": ", line 9",
            "providers.openverse.client_secret": ".env variable OPENVERSE_CLIENT_SECRET",
            "providers.pexels.api_key": ", line 12",
        }

    def test_no_secret_whose_key_is_misspelt(self, here: Here, file: Path) -> None:
        """What somebody meant for a key is one."""
        file.write_text("[providers.pexels]\napi_kee = 'hidden-kee'\n[providers.pexel]\napi_key = 'hidden-key'\n")

        for more in ([], ["--json"]):
            assert "hidden" not in here("config", "show", *more).stdout

    def test_the_source_of_every_value(self, here: Here, file: Path) -> None:
        """The environment over `.env` over the line of the file over the default."""
        file.write_text(self.TEXT)
        (file.parent / ".env").write_text("IMAGEVAULT_WORKERS=2\nIMAGEVAULT_DEADLINE=3\n")

        rows = self.rows(here, self.ENVIRON)

        assert {key for key, _ in keys()} <= set(rows)
        assert {key: rows[key] for key in ("port", "default", "limits.signup", "limits.requests", "host")} == {
            "port": ("81", f"{file}, line 4"),
            "default": ("local, pexels", f"{file}, line 5"),
            "limits.signup": ("7/day", f"{file}, line 7"),
            "limits.requests": ("600/minute", "default"),
            "host": ("127.0.0.1", "default"),
        }
        assert rows["workers"] == ("3", "environment variable IMAGEVAULT_WORKERS")
        assert rows["deadline"] == ("3.0", ".env variable IMAGEVAULT_DEADLINE")
        assert rows["providers.pexels.timeout"] == ("2", "environment variable PEXELS_TIMEOUT")
        assert rows["providers.pexels.quota"] == ("5/hour", f"{file}, line 14")

    def test_as_text(self, cli: Cli, file: Path) -> None:
        """The same rows: key, value, from."""
        file.write_text("deadline = 3\n")

        lines = cli("config", "show", environ={"IMAGEVAULT_WORKERS": "3"}).stdout.splitlines()
        rows = {line.split()[0]: line.split()[1:] for line in lines}

        assert rows["key"] == ["value", "from"]
        assert rows["workers"] == ["3", "environment", "variable", "IMAGEVAULT_WORKERS"]
        assert rows["deadline"] == ["3.0", f"{file},", "line", "1"]
        assert rows["log"] == ["console", "default"]
        assert rows["secret_key"] == ["default"]

    def test_a_wrong_file_is_an_error(self, here: Here, file: Path) -> None:
        file.write_text("prt = 1")

        ended = here("config", "show")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith("imagevault: prt: there is no such setting. Did you mean port?")
        assert ended.stderr.count("\n") == 1


FILES = {
    "empty": "",
    "a comment": "# c\n",
    "no line end": "port = 1",
    "a table": "# a\n[providers.local] # b\n# c\nfolder = 'x' # d\n\n[limits] # e\nrequests = '1/minute'\n",
    "it is there": "[providers.local] # a\nenabled = true # b\n# c\ntimeout = 2\n",
    "it is wrong": "[providers.local]\nenabled = false # a\n",
    "dotted": "# a\nproviders.local.folder = 'x' # b\nport = 80 # c\n[limits]\nrequests = '1/minute'\n",
    "dotted in a table": "[providers] # a\nlocal.enabled = true # b\npexels.timeout = 1 # c\n",
    "dotted, another": "port = 80 # a\nproviders.pexels.timeout = 2 # b\n",
    "inline": "providers = { local = { folder = 'x' } } # a\nport = 3 # b\n",
    "inline in a table": "[providers] # a\nlocal = { folder = 'x' } # b\n[limits] # c\n",
    "inline, another": "providers = { pexels = { timeout = 2 } } # a\nport = 3 # b\n",
    "inline, empty": "providers = {} # a\nport = 3 # b\n",
    "out of order": "[providers.pexels] # a\ntimeout = 1\n[limits]\n# b\n[providers.openverse]\n# c\ntimeout = 2\n",
    "out of order, itself": "[providers.pexels] # a\n[limits] # b\n[providers.local]\n# c\nx = 2\n[argon2]\n# d\n",
    "an empty table": "[providers] # a\n\n[limits] # b\n",
    "several lines": "default = [ # a\n 'local', # b\n]\n[providers.local]\nfolder = '''\n# x\n''' # c\n",
    "in quotes": "[\"providers\".'local'] # a\n'timeout' = 2 # b\n",
    "variables": "[providers.pexels]\napi_key = '${KEY}$$' # a\n",
    "at the end": "[limits]\nsignup = '1/day'\n# a\n\n# b\n",
}


def comments(text: str) -> list[str]:
    """The comments of a file, in their order."""
    return re.findall(r"# \w$", text, re.MULTILINE)


class TestPipe:
    def test_a_pipe_is_no_config(self, here: Here, file: Path) -> None:
        """A server would wait for whoever writes it."""
        os.mkfifo(file)

        ended = here("config", "check")

        assert (ended.returncode, ended.stdout) == (1, f"{file}: imagevault.toml: cannot be read: it is a pipe\n")


class TestSwitch:
    """`imagevault providers enable` and `disable`."""

    def test_there_and_back(self, here: Here, file: Path) -> None:
        """What was switched off and on again is as it was, but for the value."""
        text = here("config", "example").stdout
        file.write_text(text)

        here("providers", "disable", "pexels")
        off = load({}, file.parent).providers
        here("providers", "enable", "pexels")

        assert (off["pexels"], load({}, file.parent).providers["pexels"]) == ({"enabled": False}, {"enabled": True})
        added = file.read_text().splitlines()
        added.remove("enabled = true")
        assert [line for line in added if line] == [line for line in text.splitlines() if line]

    def test_is_in_force(self, cli: Cli, file: Path) -> None:
        """As the board then says."""
        file.write_text("[providers.local]\nenabled = true\n")

        switched = cli("providers", "disable", "local")
        listed = json.loads(cli("providers", "--json").stdout)["providers"]

        assert (switched.returncode, switched.stdout) == (0, "")
        assert switched.stderr == f"local is switched off in {file}\n"
        assert {each["name"]: each["state"] for each in listed}["local"] == "disabled"

    def test_makes_the_file(self, here: Here, file: Path) -> None:
        """Nobody else may read it: it may come to hold keys."""
        former = os.umask(0)
        try:
            ended = here("providers", "disable", "local")
        finally:
            os.umask(former)

        assert (ended.returncode, file.stat().st_mode & 0o777) == (0, 0o600)
        assert tomllib.loads(file.read_text()) == {"providers": {"local": {"enabled": False}}}

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o666])
    def test_keeps_the_rights(self, here: Here, file: Path, mode: int) -> None:
        """Whatever the umask is."""
        file.write_text("port = 1")
        file.chmod(mode)
        former = os.umask(0o077)
        try:
            here("providers", "disable", "local")
        finally:
            os.umask(former)

        assert file.stat().st_mode & 0o777 == mode
        assert "enabled = false" in file.read_text()

    def test_of_two_at_once_none_is_lost(self, tmp_path: Path, file: Path) -> None:
        """Each changes what the other wrote."""
        names = ["local", "pexels", "met", "nasa", "artic", "openverse"]
        file.write_text("")
        command = [sys.executable, "-m", "imagevault", "providers", "disable"]
        running = [subprocess.Popen([*command, name], cwd=tmp_path, stderr=subprocess.DEVNULL) for name in names]

        assert [each.wait(60) for each in running] == [0] * len(names)
        assert set(tomllib.loads(file.read_text())["providers"]) == set(names)

    def test_keeps_links(self, here: Here, file: Path) -> None:
        """The file that the link leads to is changed, where it lies."""
        target = file.parent / "etc" / "real.toml"
        target.parent.mkdir()
        target.write_text("port = 1 # a\n")
        (file.parent / "link.toml").symlink_to("etc/real.toml")
        file.symlink_to("link.toml")

        ended = here("providers", "disable", "local")

        assert ended == (0, "", f"local is switched off in {file}\n")
        assert file.readlink() == Path("link.toml")
        assert (file.parent / "link.toml").readlink() == Path("etc/real.toml")
        assert "port = 1 # a\n" in target.read_text()
        assert "enabled = false" in target.read_text()
        assert os.listdir(target.parent) == ["real.toml"]  # noqa: PTH208

    def test_the_file_that_the_environment_names(self, here: Here, file: Path) -> None:
        other = file.parent / "other.toml"
        other.write_text("port = 1\n")

        ended = here("providers", "disable", "local", environ={"IMAGEVAULT_CONFIG": "other.toml"})

        assert ended == (0, "", f"local is switched off in {other}\n")
        assert not file.exists()

    @pytest.mark.parametrize(
        ("name", "environ", "text", "reason"),
        [
            (
                "pexel",
                {},
                "port = 1",
                "there is no provider pexel. Did you mean pexels? There are: ",
            ),
            ("xyzzy", {}, "port = 1", "there is no provider xyzzy. There are: "),
            ("Local", {}, "port = 1", "there is no provider Local. Did you mean local?"),
            (
                "local",
                {"LOCAL_ENABLED": "true"},
                "port = 1",
                "environment variable LOCAL_ENABLED decides whether local",
            ),
            ("local", {}, "port = 0", "port: must be a whole number"),
            ("local", {}, "port = ", "imagevault.toml: is not valid TOML"),
            ("local", {}, "[[providers.local]]", "providers.local: must be a table"),
            ("local", {}, "[providers.pexels]\napi_key = '${NO}'", "providers.pexels.api_key: ${NO} stands for"),
        ],
    )
    @pytest.mark.parametrize("word", ["disable", "enable"])
    def test_refuses(
        self, here: Here, file: Path, word: str, name: str, environ: dict[str, str], text: str, reason: str
    ) -> None:
        """In one line; the file stays as it is."""
        file.write_text(text)

        ended = here("providers", word, name, environ=environ)

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1
        assert file.read_text() == text
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208

    def test_refuses_where_dotenv_decides(self, here: Here, file: Path) -> None:
        (file.parent / ".env").write_text("LOCAL_ENABLED=true\n")

        ended = here("providers", "disable", "local")

        assert ended.returncode == 1
        assert ended.stderr == (
            "imagevault: .env variable LOCAL_ENABLED decides whether local is on; change or remove it\n"
        )
        assert not file.exists()

    def test_a_full_disk_costs_nothing(self, cli: Cli, file: Path) -> None:
        """What cannot be written whole is not written: the file stays, and no draft beside it."""
        text = f"port = 81 # a\n# {'x' * 5000}\n"
        file.write_text(text)

        def fill() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        environ = {"PYTHONDONTWRITEBYTECODE": "1"}
        ended = cli("providers", "disable", "local", environ=environ, preexec_fn=fill)

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == "imagevault: [Errno 27] File too large\n"
        assert file.read_text() == text
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208

    def test_a_folder_that_is_not_there(self, here: Here, file: Path) -> None:
        """A link into nowhere is an error of one line."""
        file.symlink_to("no/folder.toml")

        ended = here("providers", "disable", "local")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.count("\n") == 1
        assert file.is_symlink()

    def test_a_call_without_a_name(self, here: Here) -> None:
        ended = here("providers", "disable")

        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == "imagevault: Missing argument 'NAME'. See imagevault providers disable --help.\n"

    @pytest.mark.parametrize("word", ["disable", "enable"])
    @pytest.mark.parametrize("name", FILES)
    def test_sets_that_key_and_nothing_else(self, here: Here, file: Path, name: str, word: str) -> None:
        """However the file is written; comments and the order of all lines stay."""
        file.write_text(FILES[name])
        expected = tomllib.loads(FILES[name])
        expected.setdefault("providers", {}).setdefault("local", {})["enabled"] = word == "enable"

        ended = here("providers", word, "local", environ={"KEY": "k"})
        text = file.read_text()

        said = f"local is switched {'on' if word == 'enable' else 'off'} in {file}\n"
        assert ended == (0, "", said)
        assert tomllib.loads(text) == expected
        assert comments(text) == comments(FILES[name])
        kept = [line for line in FILES[name].splitlines() if "enabled" not in line and "inline" not in name and line]
        found = iter(text.splitlines())
        assert [line for line in kept if line not in found] == []
        assert os.listdir(file.parent) == [file.name]  # noqa: PTH208  hidden files too

    def test_a_comment_about_the_next_table_stays_with_it(self, here: Here, file: Path) -> None:
        """The new line belongs to its own table."""
        file.write_text("[providers.local]\ntimeout = 2\n\n# about limits\n[limits]\nsignup = '1/day'\n")

        here("providers", "disable", "local")

        assert "# about limits\n[limits]" in file.read_text()

    @pytest.mark.parametrize(
        "text", [b"# a\r\nport = 80\r\n[providers.local]\r\ntimeout = 2\r\n", b"\xef\xbb\xbf# a\nport = 80\n"]
    )
    def test_line_ends_and_mark_of_windows_stay(self, here: Here, file: Path, text: bytes) -> None:
        """Otherwise every line of the file differs from the one in version control."""
        file.write_bytes(text)

        assert here("providers", "disable", "local").returncode == 0
        found = file.read_bytes()

        assert found.startswith(text.splitlines()[0])
        assert found.count(b"\r\n") == (found.count(b"\n") if b"\r" in text else 0)


def ask(folder: Path, work: Callable[[Services], Awaitable[Any]], environ: Mapping[str, str] | None = None) -> Any:
    """What a server in this folder finds in its database."""

    async def run() -> Any:
        services = Services(load(environ or {}, folder))
        async with services.running():
            return await work(services)

    return asyncio.run(run())


class TestUsers:
    """`imagevault users promote` and `demote`."""

    def test_an_admin_is_made_and_unmade(self, here: Here) -> None:
        """By any spelling of the name; who is one already stays one."""
        here("users", "create", "ada", "--password", PASSWORD)
        here("users", "create", "grace", "--password", PASSWORD)

        said = [
            here("users", *words.split()) for words in ("promote ADA", "promote ada", "promote grace", "demote Ada")
        ]
        listed = json.loads(here("users", "list", "--json").stdout)["users"]

        assert said == [(0, f"{line}\n", "") for line in ("ada (admin)", "ada (admin)", "grace (admin)", "ada (user)")]
        assert [(each["username"], each["is_admin"]) for each in listed] == [("ada", False), ("grace", True)]
        assert set(listed[0]) == {"id", "username", "is_admin", "is_active", "created_at"}

    def test_a_token_that_is_out_already_counts_as_what_its_owner_is_now(self, here: Here, tmp_path: Path) -> None:
        """Nobody must sign in again, neither to be an admin nor to be none any more."""
        here("users", "create", "ada", "--password", PASSWORD)
        token = ask(tmp_path, lambda services: services.accounts.sign_in("ada", PASSWORD))

        found = []
        for word in ("promote", "demote"):
            here("users", word, "ada")
            caller = ask(tmp_path, lambda services: services.accounts.verify(token))
            found.append((caller.username, caller.is_admin))

        assert found == [("ada", True), ("ada", False)]

    @pytest.mark.parametrize("word", ["promote", "demote"])
    @pytest.mark.parametrize(
        ("name", "code", "reason"),
        [
            (["bob"], 1, "There is no account bob."),
            (["a b"], 2, "username: must be 3 to 64 letters, digits and . _ - @ +"),
            ([], 2, "Missing argument 'USERNAME'. See imagevault users "),
        ],
    )
    def test_nobody_of_that_name(self, here: Here, word: str, name: list[str], code: int, reason: str) -> None:
        ended = here("users", word, *name)

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(f"imagevault: {reason}")
        assert ended.stderr.count("\n") == 1


NOBODY = "imagevault: there is no account bob that may act; see imagevault users list\n"


class TestAs:
    """What an account does from a terminal: `--as NAME`."""

    @pytest.mark.parametrize(
        "command", [["search", "fox", "-p", "local"], ["download", "local:aurora.jpg"], ["downloads"]]
    )
    def test_no_locked_account_acts(self, here: Here, tmp_path: Path, command: list[str]) -> None:
        """And the list shows which are locked."""

        async def lock(_: Services) -> None:
            await Account.update({Account.is_active: False}).where(Account.username == "ada")

        ask(tmp_path, lock)

        ended = here(*command, "--as", "ada")

        reason = "imagevault: there is no account ada that may act; see imagevault users list\n"
        assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", reason)
        assert "locked" in here("users", "list").stdout

    @pytest.fixture(autouse=True)
    def ada(self, here: Here) -> None:
        here("users", "create", "ada", "--password", PASSWORD)

    def test_a_search_uses_the_share_of_the_account(
        self, here: Here, tmp_path: Path, pexels: SimulatedPexels, configured: dict[str, str]
    ) -> None:
        """And that of nobody without it."""
        before = here("search", "owl", "-p", "pexels", "-n", "1", environ=configured)
        ended = here("search", "fox", "-p", "pexels", "-n", "1", "--as", "Ada", "--json", environ=configured)
        answer = json.loads(ended.stdout)

        async def callers(services: Services) -> tuple[str, dict[str, int]]:
            found = await services.accounts.find_active("ada")
            state, _ = await services.gateway.limiter.store.read("pexels")
            assert found is not None
            return found.id, {id: each.count for id, each in state.callers.items()}

        id, counts = ask(tmp_path, callers, configured)
        assert (before.returncode, ended.returncode, ended.stderr) == (0, 0, "")
        assert set(answer) == {"images", "providers", "next"}
        assert (len(answer["images"]), answer["providers"][0]["status"]) == (1, "ok")
        assert counts == {id: 1}
        assert len(pexels.calls) == 2

    def test_a_download_is_recorded_and_listed(self, here: Here) -> None:
        """As JSON it is what the API gives; as text a row."""
        words = ["download", "local:fox-in-snow.jpg", "--as", "ada", "--project", "cards", "--note", "[bold]for May"]
        kept = here(*words, "--json")
        record = json.loads(kept.stdout)
        as_text = here("download", "local:aurora.jpg", "--rendition", "thumbnail", "--as", "ADA")
        listed = here("downloads", "--as", "ada")
        answer = json.loads(here("downloads", "--as", "ada", "--json").stdout)
        newest = json.loads(here("downloads", "--as", "ada", "-n", "1", "--json").stdout)

        assert [each.returncode for each in (kept, as_text, listed)] == [0, 0, 0]
        assert [each.stderr for each in (kept, as_text, listed)] == ["", "", ""]
        assert {key: record[key] for key in ("image", "provider", "project", "note", "rendition")} == {
            "image": "local:fox-in-snow.jpg",
            "provider": "local",
            "project": "cards",
            "note": "[bold]for May",
            "rendition": "original",
        }
        assert record["license"]["id"] == "cc0-1.0"
        assert record["attribution"]["text"]
        assert "local:aurora.jpg" in as_text.stdout
        assert "thumbnail" in as_text.stdout
        assert [line.split()[0] for line in listed.stdout.splitlines()] == [
            "image",
            "local:aurora.jpg",
            "local:fox-in-snow.jpg",
        ]
        assert [each["image"] for each in answer["downloads"]] == ["local:aurora.jpg", "local:fox-in-snow.jpg"]
        assert set(answer["downloads"][1]) == set(record)
        assert (answer["downloads"][1]["id"], answer["next"]) == (record["id"], None)
        assert [each["image"] for each in newest["downloads"]] == ["local:aurora.jpg"]
        assert newest["next"]

    def test_each_sees_its_own(self, here: Here) -> None:
        here("users", "create", "grace", "--password", PASSWORD)
        here("download", "local:aurora.jpg", "--as", "ada")

        ended = here("downloads", "--as", "grace", "--json")

        assert (ended.returncode, json.loads(ended.stdout)) == (0, {"downloads": [], "next": None})

    @pytest.mark.parametrize(
        ("words", "code", "reason"),
        [
            ("search fox -p local --as bob", 1, NOBODY),
            ("search fox -p local --as bob --json", 1, NOBODY),
            ("download local:aurora.jpg --as bob", 1, NOBODY),
            ("downloads --as bob", 1, NOBODY),
            ("downloads --as bob --json", 1, NOBODY),
            ("downloads --as b", 2, "imagevault: username: must be 3 to 64 letters"),
            ("search fox -p local --as b", 2, "imagevault: username: must be 3 to 64 letters"),
            ("downloads", 2, "imagevault: Missing option '--as'. See imagevault downloads --help.\n"),
            ("download local:aurora.jpg", 2, "imagevault: Missing option '--as'. See imagevault download --help.\n"),
            ("download --as ada", 2, "imagevault: Missing argument 'IMAGE'. See imagevault download --help.\n"),
            ("download aurora.jpg --as ada", 2, "imagevault: image: must be a provider's name, a colon and its own id"),
            ("download no:aurora.jpg --as ada", 2, "imagevault: image: there is no provider no."),
            ("download local:no.jpg --as ada", 1, "imagevault: Local library has no image no.jpg.\n"),
            ("download pexels:1 --as ada", 1, "imagevault: pexels: PEXELS_API_KEY is not set"),
            (
                "download local:aurora.jpg --as ada --rendition huge",
                2,
                "imagevault: rendition: this image has no huge; ",
            ),
            ("downloads --as ada -n 0", 2, "imagevault: Invalid value for '-n' / '--limit': 0 is not in the range"),
            ("downloads --as ada -n 201", 2, "imagevault: Invalid value for '-n' / '--limit': 201 is not in the range"),
        ],
    )
    def test_refuses(self, here: Here, words: str, code: int, reason: str) -> None:
        """1 for what failed, 2 for how it was called, one line on standard error, nothing recorded."""
        ended = here(*words.split())

        assert (ended.returncode, ended.stdout) == (code, "")
        assert ended.stderr.startswith(reason)
        assert ended.stderr.count("\n") == 1
        assert json.loads(here("downloads", "--as", "ada", "--json").stdout)["downloads"] == []

    def test_in_a_process(self, cli: Cli) -> None:
        """With the exit codes that a script sees."""
        ended = [cli(*words.split()).returncode for words in ("downloads --as ada", "downloads --as bob", "downloads")]

        assert ended == [0, 1, 2]


def commands(group: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command that there is, groups among them."""
    found = [words]
    for name, each in getattr(group, "commands", {}).items():
        found += commands(each, (*words, name))
    return found


EVERY = [" ".join(words) for words in commands(command)]


class TestHelp:
    def test_all_are_known(self) -> None:
        """Those below are all that there are."""
        assert {"config check", "config example", "config show", "download", "downloads", "migrate"} <= set(EVERY)
        assert {"providers enable", "providers disable", "users promote", "users demote"} <= set(EVERY)

    @pytest.mark.parametrize("words", EVERY)
    def test_works_and_names_every_option(self, here: Here, words: str) -> None:
        ended = here(*words.split(), "--help")

        assert (ended.returncode, ended.stderr) == (0, "")
        assert f"Usage: imagevault {words}".strip() in ended.stdout
        assert "--help" in ended.stdout

    @pytest.mark.parametrize("words", [words for words in EVERY if words not in {"", "config", "users"}])
    def test_shows_an_example(self, here: Here, words: str) -> None:
        """A call as it is typed; groups show those of their commands."""
        shown = here(*words.split(), "--help").stdout.partition("Usage: ")[2].partition("\n")[2]

        assert f"imagevault {words}" in " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())

    @pytest.mark.parametrize("words", ["config", "users", "providers"])
    def test_of_a_group_lists_its_commands(self, here: Here, words: str) -> None:
        inner = [each.split()[1] for each in EVERY if each.startswith(f"{words} ")]
        shown = here(words, "--help").stdout

        assert all(re.search(rf"(?m)^│ {name} ", shown) for name in inner)
