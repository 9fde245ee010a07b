"""How many accounts an address may still make, and whether anyone may."""

from imagevault.config.settings import Settings
from imagevault.security.token_bucket import TokenBuckets


class Signups(TokenBuckets):
    """How many accounts an address may still make (`limits.signup`), and whether anyone may (`signup`)."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.limits.signup)
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Puts these settings in force; who used his share of the old limit has used as much of the new one."""
        self.set_rate(settings.limits.signup)
        self.open = settings.signup == "open"
