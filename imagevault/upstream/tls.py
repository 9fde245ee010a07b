"""The certificates that upstreams and file hosts are checked against."""

import os
import ssl
from functools import cache
from pathlib import Path

import httpx

from imagevault.errors import ConfigError

FILE = "SSL_CERT_FILE"
FOLDER = "SSL_CERT_DIR"


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of all calls to upstreams and file hosts. The first call blocks for some 40 ms.

    It trusts the certificates of the package `certifi`, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` names.

    Raises:
        ConfigError: the file or the folder cannot be read.

    """
    file = os.environ.get(FILE)
    folder = os.environ.get(FOLDER)
    if not file and folder and not any(Path(folder).glob("*")):  # none that is not there
        raise ConfigError(FOLDER, f"environment variable {FOLDER}", f"must name a folder of certificates, not {folder}")
    try:
        return httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError is one
        if not file:
            raise
        message = f"must name a file of certificates in PEM, not {file}: {error.strerror}"
        raise ConfigError(FILE, f"environment variable {FILE}", message) from None
