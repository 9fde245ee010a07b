"""Filters: what a consumer asks for, which of it a provider does itself, and what is emulated on the record."""

import colorsys
import re
from collections.abc import Callable, Mapping

import msgspec

from imagevault.errors import BadInput, Unsupported
from imagevault.records import Image, ProviderInfo

SHAPES = {"orientation", "size"}  # of which nothing can be told without width and height
MEGAPIXELS = {"small": 4_000_000, "medium": 12_000_000, "large": 24_000_000}
GREYISH = 0.1  # saturation times value below which a colour has no hue to speak of
SQUARE = 0.05  # sides that differ by less than this part count as equal
# Names of the CSS colour keywords and their values (CSS Color Module Level 4, 6.1).
COLORS = {
    "black": 0x000000, "white": 0xFFFFFF, "gray": 0x808080, "red": 0xFF0000, "orange": 0xFFA500, "yellow": 0xFFFF00,
    "green": 0x008000, "turquoise": 0x40E0D0, "teal": 0x008080, "blue": 0x0000FF, "violet": 0xEE82EE,
    "purple": 0x800080, "magenta": 0xFF00FF, "pink": 0xFFC0CB, "brown": 0xA52A2A,
}  # fmt: skip
HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-([A-Z]{2}|\d{3}))?")
VALUES = {
    "orientation": ("landscape", "portrait", "square"),
    "size": ("small", "medium", "large"),
    "license": ("any", "commercial", "modification", "public-domain"),
}


def check(asked: Mapping[str, str | None]) -> dict[str, str]:
    """The filters that were given, in one form each. Raises BadInput with the values that would be right."""
    filters = {name: value for name, value in asked.items() if value}
    for name, allowed in VALUES.items():
        if name in filters and filters[name] not in allowed:
            raise BadInput(name, f"must be one of {', '.join(allowed)}")
    if filters.get("license") == "any":
        del filters["license"]
    if color := filters.get("color"):
        filters["color"] = _color(color)
    if (locale := filters.get("locale")) and not LOCALE.fullmatch(locale):
        raise BadInput("locale", f"must be a language tag such as de-DE, not {locale}")
    return filters


def _color(given: str) -> str:
    name = "gray" if given.lower() == "grey" else given.lower()
    if name in COLORS:
        return name
    found = HEX.fullmatch(given)
    if found is None:
        raise BadInput("color", f"must be a hex colour such as 1E90FF, or one of {', '.join(COLORS)}")
    digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
    return f"#{digits.upper()}"


Test = Callable[[Image], bool]


class Plan(msgspec.Struct, frozen=True):
    """How one provider meets the filters: in its own words where it can, by tests on each record where it cannot."""

    native: dict[str, str]
    tests: dict[str, Test]

    def matches(self, image: Image) -> bool:
        """Whether a record passes every emulated filter; what is unknown never does."""
        return all(test(image) for test in self.tests.values())


def plan(info: ProviderInfo, filters: Mapping[str, str]) -> Plan:
    """The plan of a provider. Raises Unsupported, naming the filter, where it can neither do nor emulate one."""
    native: dict[str, str] = {}
    tests: dict[str, Test] = {}
    for name, value in filters.items():
        own = _native(name, value, info.filters.get(name, {}))
        if own is not None:
            native[name] = own
        elif name in _emulable(info):
            tests[name] = EMULATED[name](value)
            if name == "license" and info.license and not tests[name](Image(id="any", license=info.license)):
                raise Unsupported(f"license={value} is not possible here: all is under the {info.license.name}")
        else:
            known = ", ".join(info.filters.get(name, {}))
            raise Unsupported(f"{name}={value} is not possible here" + (f"; possible are {known}" if known else ""))
    return Plan(native, tests)


def emulated(info: ProviderInfo) -> list[str]:
    """The filters that this provider leaves to the gateway altogether."""
    return [name for name in _emulable(info) if name not in info.filters]


def _emulable(info: ProviderInfo) -> list[str]:
    return [name for name in EMULATED if info.tells_sizes or name not in SHAPES]


def _native(name: str, value: str, words: Mapping[str, str]) -> str | None:
    if value in words or not words:
        return words.get(value)
    if name == "color":
        named = {known for known in words if known in COLORS}
        wanted = COLORS.get(value) if value in COLORS else int(value[1:], 16)
        return words[min(named, key=lambda known: _distance(COLORS[known], wanted or 0))] if named else None
    if name == "locale":
        language = value.partition("-")[0]
        return next((words[tag] for tag in words if tag.partition("-")[0] == language), None)
    return None


def _distance(one: int, other: int) -> float:
    """How unlike two colours look: by hue first, and no grey is like a colour."""
    hue1, saturation1, value1 = _hsv(one)
    hue2, saturation2, value2 = _hsv(other)
    colorful = saturation1 * value1 > GREYISH, saturation2 * value2 > GREYISH
    turn = abs(hue1 - hue2)
    hue = 2 * min(turn, 1 - turn) if all(colorful) else 0
    return hue + 0.3 * abs(saturation1 - saturation2) + 0.3 * abs(value1 - value2) + 2 * (colorful[0] != colorful[1])


def _hsv(color: int) -> tuple[float, float, float]:
    return colorsys.rgb_to_hsv((color >> 16) / 255, (color >> 8 & 255) / 255, (color & 255) / 255)


def _orientation(wanted: str) -> Test:
    def test(image: Image) -> bool:
        if not image.width or not image.height:
            return False
        if abs(image.width - image.height) <= SQUARE * max(image.width, image.height):
            return wanted == "square"
        return wanted == ("landscape" if image.width > image.height else "portrait")

    return test


def _size(wanted: str) -> Test:
    return lambda image: bool(image.width and image.height and image.width * image.height >= MEGAPIXELS[wanted])


def _license(wanted: str) -> Test:
    def test(image: Image) -> bool:
        if image.license is None:
            return False
        if wanted == "public-domain":
            return image.license.public_domain
        return image.license.commercial if wanted == "commercial" else image.license.modification

    return test


EMULATED: dict[str, Callable[[str], Test]] = {"orientation": _orientation, "size": _size, "license": _license}
