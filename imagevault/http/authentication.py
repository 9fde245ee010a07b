"""Who is calling: reads the credential and puts the `Caller` where routes find it (`request.user`)."""

from collections.abc import Awaitable, Callable

from imagevault.errors import BadInput
from imagevault.http.types import App, Receive, Scope, Send
from imagevault.records import Caller

MAX_CREDENTIAL = 2048


class Identify:
    """ASGI middleware. `verify` answers the caller of a bearer credential, or None; it never raises for a bad one."""

    def __init__(self, app: App, verify: Callable[[str], Awaitable[Caller | None]]) -> None:
        self.app = app
        self.verify = verify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sets `user` (None without a good credential); whether that is enough, each route's guard says."""
        if scope["type"] == "http":
            scope["user"] = None
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            if len(given) > 1:
                raise BadInput("Authorization", "must be sent once")
            if given:
                scheme, _, credential = given[0].decode("latin-1").partition(" ")
                if scheme.lower() == "bearer" and 0 < len(credential) <= MAX_CREDENTIAL:
                    scope["user"] = await self.verify(credential.strip())
                scope["imagevault.bad_credential"] = scope["user"] is None
        await self.app(scope, receive, send)
