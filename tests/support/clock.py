"""A clock that a test sets by hand."""


class Clock:
    """A clock that stands still until a test sets `now` or calls `advance`. Call it to read it, in seconds."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Moves the clock forward."""
        self.now += seconds
