"""A simulated Open Herbarium on loopback, as its documentation describes it: 113 specimens, all invented.

`python tests/simulated_herbarium.py` serves it. A search then needs neither a key nor a network.
"""

import sys
import threading
from contextlib import suppress
from typing import Any

from imagevault.testing import Answer, Call, Upstream

PLANTS = (("<i>Digitalis purpurea</i> L.", "Plantaginaceae"), ("<i>Papaver rhoeas</i> L.", "Papaveraceae"))
COLLECTORS = ("M. Thorne", "E. Fennel", None)
RIGHTS = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "by": "https://creativecommons.org/licenses/by/4.0/",
    "by-nc": "https://creativecommons.org/licenses/by-nc/4.0/",
    "reserved": "https://herbarium.example/rights/reserved",
}


SPECIMENS = range(1, 114)
PAGE_SIZE = 40
MAX_RESULTS = 1000
WIDE = [6000, 4000]  # pixels
TALL = [4000, 6000]


def specimen(number: int) -> dict[str, Any]:
    """Return one specimen. Every fifth is wide, every seventh has no picture, and the four rights take turns."""
    label, family = PLANTS[number % len(PLANTS)]
    is_photographed = number % 7 != 0
    pixels = WIDE if number % 5 == 0 else TALL
    return {
        "id": f"HB/1897/{number}",
        "label": f"{label}, sheet {number}",
        "permalink": f"https://herbarium.example/HB/1897/{number}",
        "rights": list(RIGHTS.values())[number % 4],
        "picture": f"hb 1897 {number}" if is_photographed else None,
        "pixels": pixels if is_photographed else None,
        "collector": COLLECTORS[number % 3],
        "family": family,
    }


class Simulated(Upstream):
    """Any words find all specimens, but `nothing` finds none. The API answers `left` calls, then refuses them."""

    def __init__(self, *, key: str = "test-key", left: int = 500, port: int = 0) -> None:
        super().__init__("/api/", port=port)
        self.key = key
        self.left = left
        self.before(self._admit)
        self.get("specimens")(self._search)
        self.get("specimens/{id}")(self._specimen)

    def _admit(self, call: Call) -> Answer | None:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return Answer({"ok": False, "error": "key"})
        if self.left <= 0:
            return Answer({"ok": False, "error": "too-many", "wait": 90})
        self.left -= 1
        return None

    def _search(self, call: Call) -> Answer:
        offset = int(call.query["offset"])
        limit = int(call.query["limit"])
        if limit > PAGE_SIZE or offset + limit > MAX_RESULTS:
            return Answer({"ok": False, "error": "range"})
        found = [specimen(number) for number in SPECIMENS if _passes(specimen(number), call)]
        return self._ok({"specimens": found[offset : offset + limit], "count": len(found)})

    def _specimen(self, call: Call, id: str) -> Answer:  # noqa: ARG002
        number = id.removeprefix("HB/1897/")
        if not number.isdecimal() or int(number) not in SPECIMENS:
            return Answer({"ok": False, "error": "unknown"})
        return self._ok({"specimen": specimen(int(number))})

    def _ok(self, body: dict[str, object]) -> Answer:
        return Answer({"ok": True, **body}, headers={"X-Calls-Left": str(self.left)})


def _passes(found: dict[str, Any], call: Call) -> bool:
    """Return whether a search finds the specimen."""
    rights = [RIGHTS[code] for code in call.query["rights"].split(",")]
    pixels = {"wide": WIDE, "tall": TALL}.get(call.query.get("format", ""))
    if call.query["text"] == "nothing":
        return False
    if found["rights"] not in rights:
        return False
    return pixels is None or found["pixels"] == pixels


if __name__ == "__main__":
    with Simulated(port=9999) as herbarium, suppress(KeyboardInterrupt):
        sys.stdout.write(f"HERBARIUM_API_KEY={herbarium.key} HERBARIUM_BASE_URL={herbarium.url}\n")
        sys.stdout.flush()
        threading.Event().wait()
