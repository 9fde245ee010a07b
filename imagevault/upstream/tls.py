"""The certificates that upstreams and file hosts are checked against."""

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of all connections of this process. The first call blocks for some 40 ms.

    It trusts the certificates of the package `certifi`, or those that `SSL_CERT_FILE` or `SSL_CERT_DIR` names.
    """
    return httpx.create_ssl_context()
