"""`imagevault config check`: one mistake each, with the line that it names."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    "unknown, nothing near": ("host = '::1'\nxyzzy = 1\n", 2, "xyzzy", "there is no such setting."),
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
        "must be a number from",
    ),
    "an array before": ("default = [ # one\n  'local', # port = 0\n\n]\n# c\nport = 0\n", 6, "port", NUMBER),
    "three quotes before": ('data = """\\\n  x\\\n"""\nport = 0\n', 4, "port", NUMBER),
    "inline table": ("port = 1\nlimits = { signup = '1/day', requests = 'x' }\n", 2, "limits.requests", RATE),
    "inline provider": (
        "[providers]\n\npexels = { timeout = 99 }\n",
        3,
        "providers.pexels.timeout",
        "must be a n",
    ),
    "dotted": ("argon2.passes = 2\nargon2.memory = 1\n", 2, "argon2.memory", "must be a whole number from 19456"),
    "dotted provider": (
        "# c\nproviders.pexels.timeout = 99\n",
        2,
        "providers.pexels.timeout",
        "must be a num",
    ),
    "quoted": ("'host' = '::1'\n\"port\" = 0\n", 2, "port", NUMBER),
    "indented": ("  [limits]\n\t\n  signup = 5\n", 3, "limits.signup", RATE),
    "provider's unknown key": (
        KEYED + "# c\ntimout = 1\n",
        4,
        "providers.pexels.timout",
        "there is no such setti",
    ),
    "provider's own unknown": (
        "[providers.pexels]\napi_kee = 'hidden'\n",
        2,
        "providers.pexels.api_kee",
        "there i",
    ),
    "provider's wrong type": (
        KEYED + "enabled = 'perhaps'\n",
        3,
        "providers.pexels.enabled",
        "must be true or ",
    ),
    "provider's wrong range": (
        KEYED + "\ntimeout = 31\n",
        4,
        "providers.pexels.timeout",
        "must be a number from",
    ),
    "provider's list": (
        KEYED + "quota = [\n'5/hour',\n5]\n",
        3,
        "providers.pexels.quota",
        "must be a list of texts",
    ),
    "provider's address": (KEYED + "base_url = 'x'\n", 3, "providers.pexels.base_url", "must be a URL"),
    "key of two lines": (
        '[providers.pexels]\n\napi_key = "hidden\\nkey"\n',
        3,
        "providers.pexels.api_key",
        "must be p",
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
        "must be at most 80; ",
    ),
    "quota": (
        KEYED + "\n\nquota = ['5000 an hour']\n",
        5,
        "providers.pexels.quota",
        "must be calls per second, min",
    ),
    "cache_for": (
        "[providers.acme]\n# c\ncache_for = 5\n",
        3,
        "providers.acme.cache_for",
        "must be at least 900; ",
    ),
    "variable": (
        "host = '::1'\nport = '${PORT}'\n",
        2,
        "port",
        "${PORT} names an environment variable that is not s",
    ),
    "provider's variable": (
        "[providers.pexels]\n\napi_key = 'x${KEY}'\n",
        3,
        "providers.pexels.api_key",
        "${KEY} names an",
    ),
    "variable in a list": (
        "port = 1\ndefault = [\n'local',\n'${NAME}']\n",
        2,
        "default",
        "${NAME} names an environmen",
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
        "names no provider that is loaded; choose from acme, ",
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
Cli = Callable[..., "subprocess.CompletedProcess[str]"]
Here = Callable[..., Any]


@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake(here: Here, file: Path, acme: dict[str, str], name: str) -> None:
    text, line, key, message = BROKEN[name]
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    environ = {} if "plugins_dir" in str(text) else acme

    ended = here("config", "check", environ=environ)
    as_json = here("config", "check", "--json", environ=environ)
    answer = json.loads(as_json.stdout)

    assert (ended.returncode, as_json.returncode) == (1, 1)
    [shown] = [row for row in ended.stdout.splitlines() if not row.startswith("note: ")]
    assert shown.startswith(f"{file}, line {line}: {key}: {message}")
    assert answer["ok"] is False
    [error] = answer["errors"]
    assert (error["key"], error["where"]) == (key, f"{file}, line {line}")
    assert shown == f"{error['where']}: {error['key']}: {error['message']}"
    assert "hidden" not in ended.stdout + ended.stderr + as_json.stdout
