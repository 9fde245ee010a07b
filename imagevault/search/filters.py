"""Filters: what a consumer asks for, what of it a provider applies itself, and what the gateway emulates on records."""

import colorsys
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import get_args

import msgspec

from imagevault.errors import BadInput, Unsupported
from imagevault.records import FILTER_VALUES, Image, ProviderInfo, Sort
from imagevault.search.languages import is_language_tag, nearest_language

SIZE_FILTERS = {"orientation", "size"}  # they need the width and height of each record
MEGAPIXELS = {"small": 4_000_000, "medium": 12_000_000, "large": 24_000_000}
GREYISH = 0.1  # saturation times value below which a colour has no visible hue
SIMILAR = 0.35  # distance up to which two colours count as the same: red and brown do not, red and crimson do
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
HINTS = {"locale"}  # a provider that cannot follow one answers all the same, and its status says so
VALUES = {**FILTER_VALUES, "sort": get_args(Sort)}
NO_FILTER = {"license": "any", "ai": "include", "sensitive": "include"}  # these values ask for nothing

Test = Callable[[Image], bool]
"""Whether a record passes a filter. A record that lacks what the filter looks at passes only filters on flags."""


class Plan(msgspec.Struct, frozen=True):
    """How one provider meets the filters.

    Attributes:
        native: filter -> the provider's own value, which the plugin sends.
        tests: filter -> the test that the gateway applies to each record.
        hints_ignored: hints that the provider cannot follow.
        undeclared: filters on what its records do not declare, so nothing is left out.
        hidden: the provider's own ids of images that an admin hides.
        parameters: the values of its own parameters.

    """

    native: Mapping[str, str] = {}
    tests: Mapping[str, Test] = {}
    hints_ignored: Sequence[str] = ()
    undeclared: Sequence[str] = ()
    hidden: AbstractSet[str] = frozenset()
    parameters: Mapping[str, str] = {}

    @property
    def emulated(self) -> list[str]:
        """The filters that the gateway applies to the records."""
        return [name for name in self.tests if name not in self.undeclared]

    def matches(self, image: Image) -> bool:
        """Whether a record passes every emulated filter, and is not hidden."""
        return image.id not in self.hidden and all(test(image) for test in self.tests.values())


NO_FILTERS = Plan()


def check(given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the filters that were given, each in its one form.

    Raises:
        BadInput: a value is not allowed. The message names those that are.

    """
    filters = {name: value for name, value in given.items() if value}
    for name, allowed in VALUES.items():
        if name in filters and filters[name] not in allowed:
            raise BadInput(name, f"must be one of {', '.join(allowed)}")
    filters = {name: value for name, value in filters.items() if NO_FILTER.get(name) != value}
    if "color" in filters:
        filters["color"] = _checked_color(filters["color"])
    if "locale" in filters and not is_language_tag(filters["locale"]):
        raise BadInput("locale", "must be a language tag such as de-DE or zh-Hant")
    return filters


def plan(info: ProviderInfo, filters: Mapping[str, str], name_of_provider: str = "") -> Plan:
    """Return how a provider meets these filters.

    Args:
        info: of the provider.
        filters: filter -> value; `NAME.parameter` is a parameter of the provider NAME alone.
        name_of_provider: its name.

    Raises:
        Unsupported: it can neither apply a filter, nor can the gateway emulate it. The message names the filter.

    """
    native: dict[str, str] = {}
    tests: dict[str, Test] = {}
    hints_ignored: list[str] = []
    undeclared: list[str] = []
    parameters: dict[str, str] = {}
    for name, value in filters.items():
        owner, dot, parameter = name.partition(".")
        if dot:
            if owner == name_of_provider:
                parameters[parameter] = value
            continue
        own_values = _own_values(info, name)
        own_value = _native_value(name, value, own_values)
        if own_value is not None:
            native[name] = own_value
        elif name in FLAG_OF:
            if FLAG_OF[name] not in info.declares:
                undeclared.append(name)
            tests[name] = _without_flag(name)
        elif name in _emulable(info):
            tests[name] = EMULATED[name](value)
            _check_common_license(info, name, value, tests[name])
        elif name in HINTS:
            hints_ignored.append(name)
        else:
            known = ", ".join(own_values)
            remedy = f"; possible are {known}" if known else ""
            raise Unsupported(f"{name}={value} is not possible here{remedy}")
    return Plan(native, tests, hints_ignored, undeclared, parameters=parameters)


def _own_values(info: ProviderInfo, name: str) -> Mapping[str, str]:
    """The values of a filter, or the orders, that a provider applies itself, with its own words for them."""
    return {f"{order}": value for order, value in info.sorts.items()} if name == "sort" else info.filters.get(name, {})


def emulated(info: ProviderInfo) -> list[str]:
    """Return the filters that the gateway emulates for every value."""
    return [name for name in _emulable(info) if name not in info.filters]


def _emulable(info: ProviderInfo) -> list[str]:
    names = []
    for name in EMULATED:
        lacks_sizes = name in SIZE_FILTERS and not info.tells_sizes
        lacks_colors = name == "color" and not info.tells_colors
        if not lacks_sizes and not lacks_colors:
            names.append(name)
    return names


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
        nearest = nearest_language(value, own_values)
        return own_values[nearest] if nearest is not None else None
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
    wanted = _rgb(value)
    nearest = min(named, key=lambda name: _distance(COLORS[name], wanted))
    return own_values[nearest]


def _rgb(color: str) -> int:
    """The value of a colour's name or of `#RRGGBB`."""
    return COLORS[color] if color in COLORS else int(color.removeprefix("#"), 16)


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
            return image.license.is_public_domain
        return image.license.commercial if wanted == "commercial" else image.license.modification

    return test


def _color(wanted: str) -> Test:
    rgb = _rgb(wanted)

    def test(image: Image) -> bool:
        return image.color is not None and _distance(_rgb(image.color), rgb) <= SIMILAR

    return test


def _without_flag(name: str) -> Test:
    def test(image: Image) -> bool:
        return getattr(image.flags, FLAG_OF[name]) is not True

    return test


EMULATED: dict[str, Callable[[str], Test]] = {
    "orientation": _orientation,
    "size": _size,
    "license": _license,
    "color": _color,
}
FLAG_OF = {"ai": "ai_generated", "sensitive": "sensitive"}
