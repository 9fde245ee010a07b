"""Recorded answers: what a provider really said, kept in a file and served again over HTTP."""

from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

UNRECORDED = Answer({"error": "nothing like this call was recorded"}, 404)


class Recording(msgspec.Struct, frozen=True):
    """One recorded call, enough to answer it again. No header and no body of the request is kept: it may hold a key.

    `url`: path and query, relative to the provider's `base_url`, or from `/` where it is not below that.
    """

    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: str


class Recorded(Upstream):
    """Answers as recorded by `imagevault providers check NAME --record FILE`, a JSON list of `Recording`s.

    A call gets the answer recorded for its path whose query is most like its own, 404 if its path was not recorded.
    Raises ValueError if the file holds no recordings.
    """

    def __init__(self, path: Path, *, port: int = 0) -> None:
        super().__init__(port=port)
        try:
            self.recordings = msgspec.json.decode(path.read_bytes(), type=list[Recording])
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path} is not what --record writes: {error}") from None
        if not self.recordings:
            raise ValueError(f"{path} holds no answers; record them: imagevault providers check NAME --record {path}")
        self.before(self._replay)

    def _replay(self, call: Call) -> Answer:
        asked = set(call.query.multi_items())
        best, alike = None, -1
        for each in self.recordings:
            path, _, query = f"/{each.url.removeprefix('/')}".partition("?")
            shared = len(asked & set(parse_qsl(query, keep_blank_values=True)))
            if (each.method, path) == (call.method, call.path) and shared > alike:
                best, alike = each, shared
        if best is None:
            return UNRECORDED
        return Answer(best.body.encode(), best.status, {name.title(): value for name, value in best.headers.items()})
