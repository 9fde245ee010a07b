"""The access log: one line for each request."""

import logging

from imagevault.http import health
from imagevault.http.request import RequestContext
from imagevault.logs import mask

log = logging.getLogger(__name__)

MAX_PATH = 200  # characters of the path that are logged


def log_request(context: RequestContext) -> None:
    """Log a request when it ends, without its query, which may tell what somebody looks for."""
    head = context.head
    log.log(
        logging.DEBUG if head.path.startswith(health.PREFIX) else logging.INFO,
        "request",
        extra={
            "method": head.method,
            # The mask comes first: it does not know a secret of which the cut leaves only the start.
            "path": mask(head.path)[:MAX_PATH],
            "status": context.status,
            "ms": round(context.elapsed_ms, 1),
            "caller": context.caller.id if context.caller else None,
        },
    )
