"""A declarative provider for tests, and an upstream that answers as it expects."""

from pathlib import Path
from typing import Any

from imagevault.plugins.declarative.plugin import DeclarativePlugin, make_plugin

PATH = Path("acme.toml")
ACME = """\
[provider]
title = "Acme"
homepage = "https://acme.example/"
base_url = "https://api.acme.example/v1/"
page_size = 30
quotas = ["600/hour"]
file_hosts = ["img.acme.example"]
filters.orientation = { landscape = "wide", portrait = "high" }

[settings.api_key]
description = "from https://acme.example/keys"

[request]
headers = { X-Key = "{settings.api_key}" }

[search]
path = "find"
records = "items"
total = "matches"

[search.query]
words = "{text}"
start = "{offset}"
count = "{per_page}"
layout = "{filters.orientation}"

[lookup]
id = "[a-z]+-[0-9]+"
path = "items/{id}"

[image]
id = "ref"
title = "html(caption)"
width = "w"
height = "h"
author.name = "photographer"
source_url = "link"

[image.license]
word = "licence"
values.own = { id = "acme", name = "Acme Licence", attribution_required = true }

[[image.renditions]]
name = "small"
url = "preview"
fit = [400, 400]

[[image.renditions]]
name = "original"
url = "file"
width = "w"
height = "h"
"""
ITEM = {
    "ref": "fox-1",
    "caption": "A fox in <b>snow</b>",
    "w": 3000,
    "h": 2000,
    "photographer": "Ada Example",
    "licence": "https://creativecommons.org/licenses/by/4.0/",
    "link": "https://acme.example/p/fox-1",
    "preview": "https://img.acme.example/fox-1-400.jpg",
    "file": "https://img.acme.example/fox-1.jpg",
}


def acme(*changes: tuple[str, str]) -> DeclarativePlugin:
    """The plugin of the file, with each text of it replaced by another."""
    return make_plugin(PATH, changed(*changes))


def changed(*changes: tuple[str, str]) -> str:
    """The text of the file, with each text of it replaced by another."""
    text = ACME
    for old, new in changes:
        assert old in text, f"{old} is not in the file"
        text = text.replace(old, new, 1)
    return text


def item(**changes: Any) -> dict[str, Any]:
    """The record with these changes; a field that is changed to `...` is missing."""
    return {name: value for name, value in {**ITEM, **changes}.items() if value is not ...}
