"""Parts that several test modules share: `from tests.support.clock import Clock`."""
