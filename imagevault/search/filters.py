"""Filters: what a consumer asks for, what of it a provider applies itself, and what the gateway emulates on records."""

import colorsys
import re
from collections.abc import Callable, Mapping

import msgspec

from imagevault.errors import BadInput, Unsupported
from imagevault.records import Image, ProviderInfo

SIZE_FILTERS = {"orientation", "size"}  # they need the width and height of each record
MEGAPIXELS = {"small": 4_000_000, "medium": 12_000_000, "large": 24_000_000}
GREYISH = 0.1  # saturation times value below which a colour has no visible hue
SQUARE = 0.05  # sides that differ by less than this part count as equal
# Names of the CSS colour keywords and their values (CSS Color Module Level 4, 6.1).
COLORS = {
    "black": 0x000000,
    "white": 0xFFFFFF,
    "gray": 0x808080,
    "red": 0xFF0000,
    "orange": 0xFFA500,
    "yellow": 0xFFFF00,
    "green": 0x008000,
    "turquoise": 0x40E0D0,
    "teal": 0x008080,
    "blue": 0x0000FF,
    "violet": 0xEE82EE,
    "purple": 0x800080,
    "magenta": 0xFF00FF,
    "pink": 0xFFC0CB,
    "brown": 0xA52A2A,
}
HEX_COLOR = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")  # 1E90FF, #fff
LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4})?(-([A-Z]{2}|\d{3}))?")  # de, de-DE, zh-Hant-TW, es-419
VALUES = {
    "orientation": ("landscape", "portrait", "square"),
    "size": ("small", "medium", "large"),
    "license": ("any", "commercial", "modification", "public-domain"),
}

Test = Callable[[Image], bool]
"""Whether a record passes a filter. A record that lacks what the filter looks at never passes."""


class Plan(msgspec.Struct, frozen=True):
    """How one provider meets the filters.

    Attributes:
        native: filter -> the provider's own value, which the plugin sends.
        tests: filter -> the test that the gateway applies to each record.

    """

    native: dict[str, str]
    tests: dict[str, Test]

    def matches(self, image: Image) -> bool:
        """Whether a record passes every emulated filter."""
        return all(test(image) for test in self.tests.values())


def check(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the filters that were given, each in its one form.

    Raises:
        BadInput: a value is not allowed. The message names those that are.

    """
    filters = {name: value for name, value in given.items() if value}
    for name, allowed in VALUES.items():
        if name in filters and filters[name] not in allowed:
            raise BadInput(name, f"must be one of {', '.join(allowed)}")
    if filters.get("license") == "any":
        del filters["license"]
    if "color" in filters:
        filters["color"] = _checked_color(filters["color"])
    if "locale" in filters and not LOCALE.fullmatch(filters["locale"]):
        raise BadInput("locale", f"must be a language tag such as de-DE, not {filters['locale']}")
    return filters


def plan(info: ProviderInfo, filters: Mapping[str, str]) -> Plan:
    """Return how a provider meets these filters.

    Raises:
        Unsupported: it can neither apply a filter, nor can the gateway emulate it. The message names the filter.

    """
    native: dict[str, str] = {}
    tests: dict[str, Test] = {}
    for name, value in filters.items():
        own_value = _native_value(name, value, info.filters.get(name, {}))
        if own_value is not None:
            native[name] = own_value
        elif name in _emulable(info):
            tests[name] = EMULATED[name](value)
            _check_common_license(info, name, value, tests[name])
        else:
            known = ", ".join(info.filters.get(name, {}))
            remedy = f"; possible are {known}" if known else ""
            raise Unsupported(f"{name}={value} is not possible here{remedy}")
    return Plan(native, tests)


def emulated(info: ProviderInfo) -> list[str]:
    """Return the filters that the gateway emulates for every value."""
    return [name for name in _emulable(info) if name not in info.filters]


def _emulable(info: ProviderInfo) -> list[str]:
    return [name for name in EMULATED if info.tells_sizes or name not in SIZE_FILTERS]


def _check_common_license(info: ProviderInfo, name: str, value: str, test: Test) -> None:
    """Refuse a licence filter that no record can pass, because all records have one licence."""
    if name == "license" and info.license and not test(Image(id="any", license=info.license)):
        raise Unsupported(f"license={value} is not possible here: all is under the {info.license.name}")


def _native_value(name: str, value: str, own_values: Mapping[str, str]) -> str | None:
    """The provider's own value of a filter: for colours and languages the nearest, for the others the same or none."""
    if value in own_values:
        return own_values[value]
    if name == "color":
        return _nearest_color(value, own_values)
    if name == "locale":
        language = value.partition("-")[0]
        return next((own for tag, own in own_values.items() if tag.partition("-")[0] == language), None)
    return None


def _checked_color(given: str) -> str:
    """A colour's name, or `#RRGGBB`."""
    name = "gray" if given.lower() == "grey" else given.lower()
    if name in COLORS:
        return name
    found = HEX_COLOR.fullmatch(given)
    if found is None:
        raise BadInput("color", f"must be a hex colour such as 1E90FF, or one of {', '.join(COLORS)}")
    digits = found[1]
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return f"#{digits.upper()}"


def _nearest_color(value: str, own_values: Mapping[str, str]) -> str | None:
    named = [name for name in own_values if name in COLORS]
    if not named:
        return None
    wanted = COLORS[value] if value in COLORS else int(value.removeprefix("#"), 16)
    nearest = min(named, key=lambda name: _distance(COLORS[name], wanted))
    return own_values[nearest]


def _distance(one: int, other: int) -> float:
    """How different two colours look: by hue first, and no grey looks like a colour."""
    hue1, saturation1, value1 = _hsv(one)
    hue2, saturation2, value2 = _hsv(other)
    is_colorful1 = saturation1 * value1 > GREYISH
    is_colorful2 = saturation2 * value2 > GREYISH
    distance = 0.3 * abs(saturation1 - saturation2) + 0.3 * abs(value1 - value2)
    if is_colorful1 and is_colorful2:
        turn = abs(hue1 - hue2)
        distance += 2 * min(turn, 1 - turn)
    if is_colorful1 != is_colorful2:
        distance += 2
    return distance


def _hsv(color: int) -> tuple[float, float, float]:
    red = color >> 16
    green = color >> 8 & 255
    blue = color & 255
    return colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)


def _orientation(wanted: str) -> Test:
    def test(image: Image) -> bool:
        if not image.width or not image.height:
            return False
        if abs(image.width - image.height) <= SQUARE * max(image.width, image.height):
            return wanted == "square"
        return wanted == ("landscape" if image.width > image.height else "portrait")

    return test


def _size(wanted: str) -> Test:
    def test(image: Image) -> bool:
        if not image.width or not image.height:
            return False
        return image.width * image.height >= MEGAPIXELS[wanted]

    return test


def _license(wanted: str) -> Test:
    def test(image: Image) -> bool:
        if image.license is None:
            return False
        if wanted == "public-domain":
            return image.license.public_domain
        return image.license.commercial if wanted == "commercial" else image.license.modification

    return test


EMULATED: dict[str, Callable[[str], Test]] = {"orientation": _orientation, "size": _size, "license": _license}
