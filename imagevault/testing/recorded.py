"""Recorded answers: what a real upstream answered, read from a file and served again over HTTP."""

from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.sent_values import values_in_body
from imagevault.testing.upstream import Upstream

UNRECORDED = Answer({"error": "nothing like this call was recorded"}, 404)


class Recording(msgspec.Struct, frozen=True):
    """One recorded call with its answer. It has no header of the request, which may hold a key.

    Attributes:
        url: path and query, relative to the provider's `base_url`, or from `/` if it is not below that.
        headers: those of the answer.
        body: that of the answer.
        sent: the body of the request, without the provider's settings.
    """

    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: str
    sent: str = ""


class Recorded(Upstream):
    """Serves the answers that `imagevault providers check NAME --record FILE` recorded, a JSON list of `Recording`s.

    A call gets the answer recorded for its method and path whose query and body are most similar to its own. A path
    without a recording gets a 404. Raises ValueError if the file holds no recordings.
    """

    def __init__(self, path: Path | str, *, port: int = 0) -> None:
        super().__init__(port=port)
        path = Path(path)
        try:
            self.recordings = msgspec.json.decode(path.read_bytes(), type=list[Recording])
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path} is not what --record writes: {error}") from None
        if not self.recordings:
            raise ValueError(f"{path} holds no answers; record them: imagevault providers check NAME --record {path}")
        self.before(self._replay)

    def _replay(self, call: Call) -> Answer:
        candidates = [recording for recording in self.recordings if _is_for(recording, call)]
        if not candidates:
            return UNRECORDED
        best = max(candidates, key=lambda recording: _shared_values(recording, call))
        headers = {name.title(): value for name, value in best.headers.items()}
        return Answer(best.body.encode(), best.status, headers)


def _is_for(recording: Recording, call: Call) -> bool:
    """Return whether the recording is of a call with this method and path."""
    path = recording.url.partition("?")[0]
    return recording.method == call.method and f"/{path.removeprefix('/')}" == call.path


def _shared_values(recording: Recording, call: Call) -> int:
    """Return how many parameters, and values of the body, the recorded call and this one have in common."""
    query = recording.url.partition("?")[2]
    recorded = set(parse_qsl(query, keep_blank_values=True))
    shared = len(recorded & set(call.query.multi_items()))
    sent = values_in_body(call.body)
    return shared + sum(sent.get(place) == value for place, value in values_in_body(recording.sent.encode()).items())
