"""Writes the table of terms in docs/providers.md from what the plugins declare: python docs/providers_terms.py.

With `--check` it writes nothing, and ends with 1 if the table is out of date.
"""

import sys
from pathlib import Path

from imagevault.config.settings import Settings
from imagevault.plugins.registry import PluginRegistry

PAGE = Path(__file__).with_name("providers.md")
BEGIN = "<!-- written by docs/providers_terms.py -->\n"
END = "<!-- to here -->\n"
AUTOMATED_USE = {"free": "free", "human": "a person chooses each image", "refused": "refused"}
ML_USE = {"free": "free", "refused": "refused", None: "not said"}


def table() -> str:
    """Return the table as Markdown."""
    lines = [
        "| provider | terms | read on | automated use | training of models | trial access |",
        "|---|---|---|---|---|---|",
    ]
    for name, plugin in sorted(PluginRegistry.load(Settings()).loaded.items()):
        terms = plugin.declared.terms
        if terms is None:
            lines.append(f"| `{name}` | none | | | | |")
            continue
        words = (AUTOMATED_USE[terms.automated_use], ML_USE[terms.ml_use], terms.evaluation or "not said")
        lines.append(f"| `{name}` | <{terms.url}> | {terms.checked_on} | {' | '.join(words)} |")
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """Return the page with the table as it should be."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} must hold {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    """Write the table, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    made = page(text)
    if "--check" not in sys.argv:
        PAGE.write_text(made, encoding="utf-8")
    elif made != text:
        sys.exit("docs/providers.md is out of date; write its table with: .venv/bin/python docs/providers_terms.py")


if __name__ == "__main__":
    main()
