"""Language tags: which of a provider's languages is the nearest to the one that was asked for.

The likely script and region of a language come from CLDR, through Babel.
"""

import functools
import re
from collections.abc import Iterable, Mapping

import msgspec
from babel.core import get_global

LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")  # de, pt-BR, zh-Hant
MACROLANGUAGES = {"no": "nb"}  # providers list Norwegian under either code


class Language(msgspec.Struct, frozen=True):
    """A language with its script and region; those that a tag leaves out are the likely ones."""

    language: str
    script: str | None
    region: str | None


def is_language_tag(text: str) -> bool:
    """Return whether a text has the form of a language tag: de, de-DE, zh-Hant-TW, es-419."""
    return len(text) <= 12 and LANGUAGE_TAG.fullmatch(text) is not None


def nearest_language(wanted: str, offered: Iterable[str]) -> str | None:
    """Return the offered tag that is the nearest to a wanted one, None if no language and script agree.

    Among several, the same region wins, then the language's likely region, then the first.
    """
    language = read_language(wanted)
    candidates = [tag for tag in offered if is_language_tag(tag) and _agree(read_language(tag), language)]
    likely_region = read_language(language.language).region
    for region in (language.region, likely_region):
        for tag in candidates:
            if read_language(tag).region == region:
                return tag
    return candidates[0] if candidates else None


@functools.lru_cache(maxsize=512)
def read_language(tag: str) -> Language:
    """Return the language of a tag, such as `zh-TW`: zh, Hant, TW. The tag has the form of `LANGUAGE_TAG`."""
    found = LANGUAGE_TAG.fullmatch(tag)
    assert found is not None
    code = found[1].lower()
    code = MACROLANGUAGES.get(code, code)
    script = found[2].title() if found[2] else None
    region = found[3].upper() if found[3] else None
    likely = _likely_subtags(code, script, region)
    return Language(code, script or likely.script, region or likely.region)


def _likely_subtags(code: str, script: str | None, region: str | None) -> Language:
    """The likely script and region, by the most that the tag says (CLDR: likely subtags)."""
    likely: Mapping[str, str] = get_global("likely_subtags")
    keys = [f"{code}_{script}_{region}", f"{code}_{region}", f"{code}_{script}", code]
    found = next((likely[key] for key in keys if key in likely), None)
    if found is None:
        return Language(code, None, None)
    _, likely_script, likely_region = found.split("_")[:3]
    return Language(code, likely_script, likely_region)


def _agree(one: Language, other: Language) -> bool:
    return (one.language, one.script) == (other.language, other.script)
