"""Mistakes that authors of TOML files make, for the test that the contract suite finds each one.

They are changes of the example provider `sheet`; `contract_mistakes` has those of Python modules.
"""

from tests.support.contract_mistakes import LOADS, Mistake, change

BASE_URL = 'base_url = "https://api.sheet.example/v1/"\n'


def _mistake(name: str, check: str, old: str, new: str, words: str) -> Mistake:
    return Mistake(name, check, change(old, new), words, "sheet")


LOAD_MISTAKES = [
    _mistake(
        "no base_url",
        LOADS,
        BASE_URL,
        "",
        "sheet.toml, line 1: provider: has no base_url; add the https address of the API",
    ),
]

SHEET_MISTAKES = [*LOAD_MISTAKES]
