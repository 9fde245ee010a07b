"""docs/security.md is true as far as a test can tell: what it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [row for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE) if not row.startswith(("threat", "---"))]


def test_every_threat_has_a_defence_a_test_and_a_requirement() -> None:
    """The tests exist, and the requirements have the form of ASVS 5.0."""
    assert len(ROWS) > 30
    for row in ROWS:
        _, defence, tests, requirements = row.split(" | ")
        named = re.findall(r"`([\w/]+\.py)`", tests)

        assert defence
        assert named, row
        assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
        assert re.fullmatch(r"\d+\.\d+\.\d+((, | to )\d+\.\d+\.\d+)*", requirements), row


def test_the_numbers_of_the_throttles_are_those_of_the_settings() -> None:
    from imagevault.config.limits import Limits

    limits = Limits()
    numbers = (limits.wrong_passwords, limits.wrong_passwords_per_account, limits.wrong_passwords_per_address)

    assert [f"{number} free failures" in PAGE for number in numbers] == [True] * 3
