"""Who may sign up: anyone or nobody, and how many accounts one address may create."""

from imagevault.config.settings import Settings
from imagevault.security.token_bucket import TokenBuckets


class Signups:
    """Counts the accounts created from each address (`limits.signup`).

    Attributes:
        open: whether anyone may sign up (`signup`).

    """

    def __init__(self, settings: Settings) -> None:
        self.buckets = TokenBuckets(settings.limits.signup)
        self.open = settings.signup == "open"

    def configure(self, settings: Settings) -> None:
        """Put these settings in force. An address that used up the old limit has none of the new one left."""
        self.buckets.set_rate(settings.limits.signup)
        self.open = settings.signup == "open"

    def take(self, network: str) -> None:
        """Count one account for this address.

        Raises:
            TooMany: if the address may not create another one yet.

        """
        self.buckets.take(network)

    def give_back(self, network: str) -> None:
        """Undo `take` for an account that was not created."""
        self.buckets.give_back(network)
