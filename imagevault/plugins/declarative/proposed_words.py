"""What stands for the placeholders in the files of a declarative provider's project, by what an answer proposes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from imagevault.plugins.declarative.proposal import Proposal, ProposedFile

MAX_ID = 100  # characters that the proposed pattern allows
MAX_DIGITS = 20  # of an id that is a number, with those that the simulation adds
TEXTS = {"title", "description", "author.name"}  # fields that may be HTML
OTHER_CHARACTERS = ".:/+=~@!"  # that may stand in ids of one service, beside letters, digits, - and _
SIMULATED_PAGES = 2.5


def words_of_file(proposal: Proposal, words: Mapping[str, str]) -> dict[str, str]:
    """Return the placeholders of the TOML file.

    Args:
        proposal: what an answer proposes.
        words: those of the project, with `title` and `label` among them.

    """
    has_license = "license.word" in proposal.fields
    has_sizes = "width" in proposal.fields
    return {
        "size": str(proposal.size),
        "hosts": _texts(proposal.hosts),
        "license": "" if has_license else _license(words),
        "tells_sizes": "" if has_sizes else "tells_sizes = false # CHANGE: the answer has no width and height\n",
        "records": ".".join(proposal.records) or "@",
        "total": f'total = "{proposal.total}"\n' if proposal.total else "",
        "id_pattern": id_pattern(proposal.ids),
        "fields": "\n".join(_fields(proposal, words)),
        "renditions": "\n".join(_rendition(name, file) for name, file in proposal.renditions.items()),
    }


def words_of_simulation(proposal: Proposal) -> dict[str, str]:
    """Return the placeholders of the simulation."""
    total = _subscripts(proposal.total.split(".")) if proposal.total else ""
    return {
        "records": _subscripts(proposal.records) or "[:]",
        "hosts": _texts(proposal.hosts),
        "size": str(proposal.size),
        "results": str(int(proposal.size * SIMULATED_PAGES) or 1),
        "id": _subscripts(proposal.fields["id"].split(".")),
        "total": f"        body{total} = len(found)\n" if total else "",
    }


def words_of_test(proposal: Proposal) -> dict[str, str]:
    """Return the placeholders of the tests."""
    return {
        "first": json.dumps(str(proposal.ids[0]), ensure_ascii=False),
        "names": "".join(f'        "{name}",\n' for name in proposal.renditions),
    }


def id_pattern(ids: Sequence[str | int]) -> str:
    """Return a pattern for ids like these. An id of the simulation's copies matches too."""
    if all(re.fullmatch("[0-9]{1,15}", str(id)) for id in ids):
        return f"[0-9]{{1,{MAX_DIGITS}}}"
    characters = set("".join(map(str, ids)))
    others = [character for character in OTHER_CHARACTERS if character in characters]
    if all(re.fullmatch("[A-Za-z0-9_-]", character) or character in others for character in characters):
        return f"[A-Za-z0-9_-][A-Za-z0-9_{''.join(others)}-]{{0,{MAX_ID - 1}}}"
    return rf"[^\x00-\x20.][^\x00-\x1f]{{0,{MAX_ID - 1}}}"


def _license(words: Mapping[str, str]) -> str:
    return (
        "# CHANGE: the licence of all images, or [image.license] if each has its own.\n"
        f'license = {{ id = "{words["label"]}", name = "{words["title"]} Licence", '
        f'url = "https://{words["label"]}.example/licence", commercial = false, modification = false }}\n'
    )


def _fields(proposal: Proposal, words: Mapping[str, str]) -> Iterator[str]:
    for field, path in proposal.fields.items():
        if field == "id" and proposal.is_id_guessed:
            yield f'id = "{path}" # CHANGE: no name says id; this one differs in each record'
            continue
        is_html = field in TEXTS & proposal.markup
        yield f'{field} = "html({path})"' if is_html else f'{field} = "{path}"'
    if "source_url" not in proposal.fields:
        path = proposal.fields["id"]
        yield f'source_url = "https://{words["label"]}.example/{{{path}}}" # CHANGE: the page of an image'
    if "license.word" in proposal.fields:
        yield 'license.otherwise = "unknown" # CHANGE: name the words in [image.license.values]'


def _rendition(name: str, file: ProposedFile) -> str:
    lines = ["", "[[image.renditions]]", f'name = "{name}"', f'url = "{file.path}"']
    if file.width is None:
        lines.append("# CHANGE: its size: width and height, or fit = [width, height], the box of its scale")
    else:
        lines += [f'width = "{file.width}"', f'height = "{file.height}"']
    return "\n".join(lines)


def _subscripts(names: Sequence[str]) -> str:
    """Return the names as they go down in Python: `["images"]["web"]`."""
    return "".join(f'["{name}"]' for name in names)


def _texts(texts: Sequence[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)
