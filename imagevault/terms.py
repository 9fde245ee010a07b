"""Terms of use in a form that programs read."""

from collections.abc import Mapping
from typing import Literal

import msgspec

AutomatedUse = Literal["free", "human", "refused"]
# What these words mean, for people.
AUTOMATED_USE: Mapping[AutomatedUse, str] = {
    "free": "programs may search",
    "human": "a person has to choose each image",
    "refused": "programs may not search",
}
MLUse = Literal["free", "refused"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's terms of use, as its author read them.

    Attributes:
        url: the page with the terms, https.
        checked_on: the day on which they were read, `2026-11-22`.
        automated_use: `free`; `human`, where a person has to choose each image; `refused`, where programs may not
            search.
        ml_use: what they say of training models on the images; None where they say nothing.
        evaluation: what they say about trial access, in one sentence; None where they say nothing.

    """

    url: str
    checked_on: str
    automated_use: AutomatedUse = "free"
    ml_use: MLUse | None = None
    evaluation: str | None = None
