"""What states, licences, flags and fields mean, in plain words for people."""

import math
import re
from collections.abc import Iterable, Sequence

from imagevault.images.record import ImageRecord
from imagevault.licenses import License
from imagevault.records import Hotlink
from imagevault.search.outcome import ProviderStatus
from imagevault.search.provider_list import ProviderRecord
from imagevault.upstream.models import Decision

# What the fields of forms are called; those that people do not see keep their names.
LABELS = {
    "q": "Words",
    "provider": "Providers",
    "orientation": "Orientation",
    "size": "Size",
    "color": "Colour",
    "license": "Licence",
    "locale": "Language of the words",
    "ai": "Without AI",
    "sensitive": "Without sensitive",
    "rendition": "Size",
    "project": "Project",
    "note": "Note",
    "status": "Found at the source",
    "username": "Username",
    "password": "Password",
    "current_password": "Current password",
    "new_password": "New password",
    "invitation": "Invitation",
    "code": "Code",
    "name": "What it is for",
    "scopes": "What it may do",
}
# What the records of a provider may not say, so that a filter leaves nothing out.
UNSAID = {"ai": "which pictures software generated", "sensitive": "which pictures are sensitive"}
REFUSED_FILTER = re.compile(r"^([a-z]+)=")  # `color=red is not possible here`
FAILURES = {
    "timeout": "did not answer in time",
    "rate_limited": "takes no more searches for now",
    "unauthorized": "does not accept this server's key",
    "unavailable": "cannot be reached",
    "invalid_response": "sent an answer that cannot be read",
    "unsupported": "cannot search like this",
    "unconfigured": "is not set up",
    "failed": "failed",
}
HOTLINK: dict[Hotlink, str] = {
    "allowed": "You may link to these files or keep a copy.",
    "required": "Its terms require that you show the file from this address and keep no copy on your server.",
    "temporary": "These addresses work for a while only. Keep a copy of the file.",
}


def describe_status(status: ProviderStatus) -> str:
    """Return what a provider did, as the rest of a sentence that begins with its name."""
    if status.status != "ok":
        return _describe_failure(status)
    words = "answered" if status.total is None else f"has {status.total:,} result{'' if status.total == 1 else 's'}"
    if status.cache == "stale":
        words += ", in an older copy"
    notes = [f"{_listed(status.emulated)} checked here, picture by picture"] if status.emulated else []
    notes += [f"it does not follow {_listed(status.hints_ignored)}"] if status.hints_ignored else []
    notes += [f"it does not say {UNSAID[name]}" for name in status.undeclared]
    notes += [_without_api_words(status.detail)] if status.detail else []
    return "; ".join([words, *notes])


def _describe_failure(status: ProviderStatus) -> str:
    words = FAILURES[status.status]
    if status.detail and not _says_the_same(status.detail, status.retry_after):
        words += f": {_without_api_words(status.detail)}"
    if status.retry_after:
        words += f" (again in {describe_seconds(status.retry_after)})"
    return words


def describe_input(field: str, message: str) -> str:
    """Return what is wrong with a field, by its label."""
    return f"{LABELS.get(field, field)}: {message}"


def list_filters(names: Iterable[str]) -> str:
    """Return the labels of filters: `Size, Colour`."""
    return ", ".join(LABELS.get(name, name) for name in names)


def describe_provider(record: ProviderRecord, pause: Decision | None) -> str | None:
    """Return what keeps a provider from answering, in a few words; None if nothing does."""
    if record.state == "unconfigured":
        return "not set up"
    if record.state != "ok":
        return "does not work"
    if pause is not None:
        return describe_pause(pause)
    return {"low": "quota low", "out": "quota used up"}.get(record.quota or "ok")


def describe_pause(pause: Decision) -> str:
    """Return why a provider is not called for a while, and for how long, as the rest of a sentence."""
    wait = describe_seconds(math.ceil(pause.seconds))
    return f"pauses for {wait}" if pause.reason == "paused" else f"does not answer, next try in {wait}"


def describe_license(license: License) -> list[str]:
    """Return what a licence asks for, one sentence each."""
    if license.is_unknown:
        return ["The rights are unclear. Ask the owner, or check the source page, before you use the picture."]
    if license.is_public_domain:
        return ["No rights are reserved: you may use it for anything.", "Credit is not required."]
    return [
        "Name the author and the licence." if license.attribution_required else "Credit is not required.",
        "Commercial use is allowed." if license.commercial else "Commercial use is not allowed, or not known to be.",
        "You may publish changed versions." if license.modification else "You may not publish changed versions.",
        *(["Publish changed versions under the same licence."] if "-sa-" in license.id else []),
    ]


def describe_flags(record: ImageRecord) -> list[str]:
    """Return what the provider says about a picture beside its licence."""
    flags = record.flags
    said = []
    if flags.ai_generated:
        said.append("Software generated this picture.")
    if flags.ai_training_refused:
        said.append("Its owner does not allow training of AI with it.")
    if flags.sensitive:
        said.append("It is marked as sensitive.")
    return said + [f"Restriction: {restriction}" for restriction in flags.restrictions]


def describe_seconds(seconds: int) -> str:
    """Return a length of time, rounded up, in the largest unit of which it has more than two."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds > 2 * length:
            return f"{-(-seconds // length)} {unit}"
    return f"{seconds} seconds" if seconds != 1 else "1 second"


def _listed(names: Sequence[str]) -> str:
    """The labels of filters in a sentence: `“Size” and “Colour”`."""
    return " and ".join(f"“{LABELS.get(name, name)}”" for name in names)


def _says_the_same(detail: str, retry_after: int | None) -> bool:
    """Whether a detail says only when to try again, or that this is not the time, which the page says anyway."""
    return "allows no more " in detail or (retry_after is not None and f" {retry_after} s" in detail)


def _without_api_words(detail: str) -> str:
    """What the API says of a provider, in the words of the page."""
    detail = REFUSED_FILTER.sub(lambda found: f"{LABELS.get(found[1], found[1])} ", detail)
    detail = detail.replace("the first words of q only", "the first words only")
    return detail.replace("the cursor goes on from there", "“More pictures” goes on from there")
