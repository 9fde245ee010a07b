"""Who sends a request: the credential in its Authorization header."""

from collections.abc import Awaitable, Callable

from imagevault.errors import BadInput
from imagevault.http.request import RequestContext
from imagevault.records import Caller

MAX_CREDENTIAL = 2048  # characters

Verify = Callable[[str], Awaitable[Caller | None]]


class Authentication:
    """Reads and verifies bearer credentials. The route's guard decides whether a caller is required.

    `verify` returns the caller of a credential, or None for an invalid one.
    """

    def __init__(self, verify: Verify) -> None:
        self.verify = verify

    async def identify(self, context: RequestContext) -> None:
        """Set `caller` and `bad_credential` of the context.

        Raises:
            BadInput: The Authorization header is repeated.
        """
        sent = context.head.authorizations
        if not sent:
            return
        if len(sent) > 1:
            raise BadInput("Authorization", "must be sent once")
        credential = _bearer_credential(sent[0])
        if credential is not None:
            context.caller = await self.verify(credential)
        context.bad_credential = context.caller is None


def _bearer_credential(header: bytes) -> str | None:
    """Return the credential of an Authorization header; None if the scheme differs or the length is not usable."""
    scheme, _, credential = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(credential) <= MAX_CREDENTIAL:
        return None
    return credential.strip()
