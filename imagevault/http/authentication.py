"""Who sends a request: the credential in its Authorization header, or the session in its cookie."""

from collections.abc import Awaitable, Callable

from imagevault.errors import BadInput
from imagevault.http.request import RequestContext
from imagevault.http.session_cookie import SAFE_METHODS, SessionCookie
from imagevault.security.caller import Caller

MAX_CREDENTIAL = 2048  # characters

Verify = Callable[[str], Awaitable[Caller | None]]


class Authentication:
    """Reads and verifies credentials. `guard.py` decides whether a caller is required.

    Args:
        verify: returns the caller of an access token or an API key; None for an invalid one.
        verify_session: returns the caller of a session; None for one that has ended.
        cookie: where the session is.

    """

    def __init__(self, verify: Verify, verify_session: Verify, cookie: SessionCookie) -> None:
        self.verify = verify
        self.verify_session = verify_session
        self.cookie = cookie

    async def identify(self, context: RequestContext) -> None:
        """Set `caller` and `bad_credential` of the context. The cookie counts where no Authorization is sent.

        A session that has ended is no bad credential: the browser sends its cookie to open routes too.

        Raises:
            BadInput: The Authorization header is repeated.
            Forbidden: A page of another site sends the cookie with a request that may change something.
        """
        head = context.head
        sent = head.authorizations
        if not sent:
            if head.cookies:
                await self._identify_session(context)
            return
        if len(sent) > 1:
            raise BadInput("Authorization", "must be sent once")
        credential = _bearer_credential(sent[0])
        if credential is not None:
            context.caller = await self.verify(credential)
        context.bad_credential = context.caller is None

    async def _identify_session(self, context: RequestContext) -> None:
        value = self.cookie.read(context.head)
        if value is None:
            return
        caller = await self.verify_session(value)
        context.response_headers.append((b"vary", b"Cookie"))
        if caller is None or context.head.method in SAFE_METHODS:
            context.caller = caller
            return
        context.response_headers.append((b"vary", b"Sec-Fetch-Site, Origin"))
        self.cookie.check_site(context)
        if context.head.fetch_site is None and context.head.origin is None:
            context.has_unproven_session = True  # of a program, which may sign in, sign up and sign out as anybody may
        else:
            context.caller = caller


def _bearer_credential(header: bytes) -> str | None:
    """Return the credential of an Authorization header; None if the scheme differs or the length is not usable."""
    scheme, _, credential = header.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(credential) <= MAX_CREDENTIAL:
        return None
    return credential.strip()
