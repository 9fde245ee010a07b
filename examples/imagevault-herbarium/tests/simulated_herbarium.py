"""The Open Herbarium simulated on loopback, as its documentation describes it: 113 specimens, all invented.

`python tests/simulated_herbarium.py` serves it, so that it can be searched without a key and without a network.
"""

import sys
import threading
from contextlib import suppress
from typing import Any

from imagevault.testing import Answer, Call, Upstream

SPECIMENS = 113
MAX_PAGE_SIZE = 40
MAX_RESULTS = 1000
WIDE = [6000, 4000]
TALL = [4000, 6000]
PLANTS = (  # label, family
    ("<i>Digitalis purpurea</i> L.", "Plantaginaceae"),
    ("<i>Papaver rhoeas</i> L.", "Papaveraceae"),
)
COLLECTORS = ("M. Thorne", "E. Fennel", None)
RIGHTS = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "by": "https://creativecommons.org/licenses/by/4.0/",
    "by-nc": "https://creativecommons.org/licenses/by-nc/4.0/",
    "reserved": "https://herbarium.example/rights/reserved",
}


def specimen(number: int) -> dict[str, Any]:
    """Return the specimen with this number.

    Every fifth is wide, every seventh has not been photographed, and each has the next of the four rights.
    """
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
    """The API. Any words find all specimens, but `nothing` finds none. It answers `left` calls and refuses the rest."""

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
        if limit > MAX_PAGE_SIZE or offset + limit > MAX_RESULTS:
            return Answer({"ok": False, "error": "range"})
        found = self._found(call)
        return self._ok({"specimens": found[offset : offset + limit], "count": len(found)})

    def _found(self, call: Call) -> list[dict[str, Any]]:
        if call.query["text"] == "nothing":
            return []
        rights = [RIGHTS[code] for code in call.query["rights"].split(",")]
        specimens = [specimen(number) for number in range(1, SPECIMENS + 1)]
        found = [specimen for specimen in specimens if specimen["rights"] in rights]
        if "format" not in call.query:
            return found
        pixels = WIDE if call.query["format"] == "wide" else TALL
        return [specimen for specimen in found if specimen["pixels"] == pixels]

    def _specimen(self, call: Call, id: str) -> Answer:  # noqa: ARG002
        number = id.removeprefix("HB/1897/")
        if not number.isdecimal() or not 1 <= int(number) <= SPECIMENS:
            return Answer({"ok": False, "error": "unknown"})
        return self._ok({"specimen": specimen(int(number))})

    def _ok(self, body: dict[str, object]) -> Answer:
        return Answer({"ok": True, **body}, headers={"X-Calls-Left": str(self.left)})


if __name__ == "__main__":
    with Simulated(port=9999) as herbarium, suppress(KeyboardInterrupt):
        sys.stdout.write(f"HERBARIUM_API_KEY={herbarium.key} HERBARIUM_BASE_URL={herbarium.url}\n")
        sys.stdout.flush()
        threading.Event().wait()
