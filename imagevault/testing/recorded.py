"""Recorded answers: what a provider really said, kept in a file and served again over HTTP."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

UNRECORDED = Answer({"error": "nothing like this call was recorded"}, 404)


class Recording(msgspec.Struct, frozen=True):
    """One recorded call, enough to answer it again. No header of the request is kept: it may hold a key."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: str


class Recorded(Upstream):
    """Answers as recorded by `imagevault providers check NAME --record FILE`, a JSON list of `Recording`s.

    A call gets the answer recorded for its path whose query is most like its own, 404 if its path was not recorded.
    """

    def __init__(self, path: Path, *, port: int = 0) -> None:
        self.recordings = msgspec.json.decode(path.read_bytes(), type=list[Recording])
        paths = [urlsplit(each.url).path for each in self.recordings]
        super().__init__(_folder(paths), port=port)
        self.before(self._replay)

    def _replay(self, call: Call) -> Answer:
        asked = set(call.query.multi_items())
        alike = [each for each in self.recordings if (each.method, urlsplit(each.url).path) == (call.method, call.path)]
        if not alike:
            return UNRECORDED
        best = max(alike, key=lambda each: len(asked & set(parse_qsl(urlsplit(each.url).query))))
        return Answer(best.body.encode(), best.status, best.headers)


def _folder(paths: list[str]) -> str:
    """The path that all begin with, up to a slash."""
    first, last = min(paths), max(paths)
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:same].rpartition("/")[0] + "/"
