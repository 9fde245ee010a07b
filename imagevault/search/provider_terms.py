"""A provider's terms of use as the provider list shows them: with their age."""

from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from imagevault.images.record import Url
from imagevault.records import ProviderInfo
from imagevault.terms import AutomatedUse, MLUse

OLD_TERMS = 180  # days after which terms should be read again


class TermsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's terms of use, as its author read them.

    Attributes:
        url: the page with the terms.
        checked_on: the day on which they were read.
        age: how many days ago that was.
        is_old: whether that is more than 180 days ago, so that they may have changed.
        automated_use: `free`; `human`, where a person has to choose each image; `refused`, where programs may not
            search.
        ml_use: what they say of training models on the images; null where they say nothing.
        evaluation: what they say about trial access; null where they say nothing.

    """

    url: Url
    checked_on: str
    age: Annotated[int, Meta(ge=0)]
    is_old: bool
    automated_use: AutomatedUse
    ml_use: MLUse | None
    evaluation: str | None


def terms_of(info: ProviderInfo, now: float) -> TermsRecord | None:
    """Return a provider's terms with their age, None if none are declared.

    Args:
        info: of the provider.
        now: Unix time.

    """
    terms = info.terms
    if terms is None:
        return None
    age = max(0, (datetime.fromtimestamp(now, UTC).date() - date.fromisoformat(terms.checked_on)).days)
    return TermsRecord(
        url=terms.url,
        checked_on=terms.checked_on,
        age=age,
        is_old=age > OLD_TERMS,
        automated_use=terms.automated_use,
        ml_use=terms.ml_use,
        evaluation=terms.evaluation,
    )
