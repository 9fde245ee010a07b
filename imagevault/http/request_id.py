"""The id of a request: in its response, in its problem, and in each of its log lines."""

import random
import re

from imagevault.http.request import RequestHead

WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")  # nothing that could break a log line or a page


def choose_request_id(head: RequestHead) -> str:
    """Return the id in X-Request-ID if it is well formed, else a new random id."""
    sent = head.request_id
    if sent is not None and WELL_FORMED.fullmatch(sent):
        return sent.decode()
    # It is no secret, and the system's random numbers cost a system call.
    return f"{random.getrandbits(64):016x}"
