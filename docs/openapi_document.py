"""Writes docs/openapi.json, the OpenAPI document of a server with default settings: python docs/openapi_document.py.

With `--check` it writes nothing, and ends with 1 if the file differs from the document.
"""

import sys
import tempfile
from pathlib import Path

import msgspec

from imagevault.config.settings import load
from imagevault.http.app import create_app
from imagevault.http.openapi import document
from imagevault.runtime.services import Services

FILE = Path(__file__).with_name("openapi.json")
ENVIRONMENT = {"SECRET_KEY": "only for making this document, which holds no secret"}


def make() -> bytes:
    """Return the document as indented JSON."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load(ENVIRONMENT, Path(folder))
        content = document(create_app(Services(settings)))
    return msgspec.json.format(content, indent=2) + b"\n"


def main() -> None:
    """Write the file, or check it."""
    made = make()
    if "--check" not in sys.argv:
        FILE.write_bytes(made)
    elif not FILE.exists() or FILE.read_bytes() != made:
        sys.exit("docs/openapi.json is out of date; write it with: .venv/bin/python docs/openapi_document.py")


if __name__ == "__main__":
    main()
