"""What the pages about one's account show."""

from typing import NamedTuple

from imagevault.accounts.api_keys import KeyRecord
from imagevault.security.caller import Caller, Scope

SCOPES: dict[Scope, str] = {
    "search": "Search",
    "downloads": "Record and list downloads",
    "interactive": "Record pictures that only a person may choose, for a person",
    "admin": "See what admins see of the providers",
}


class NewKey(NamedTuple):
    """An API key that was just created, and its secret."""

    record: KeyRecord
    key: str


def scopes_for(user: Caller) -> list[tuple[Scope, str]]:
    """Return the scopes that somebody can give to a key, with what they mean."""
    return [(scope, label) for scope, label in SCOPES.items() if scope in user.scopes]
