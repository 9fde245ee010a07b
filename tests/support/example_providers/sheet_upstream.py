"""The simulated upstream of `sheet`: records in groups, and relative links."""

from imagevault.testing import Answer, Call, Upstream


class Sheet(Upstream):
    """25 photos for any words, 7 for `few`, none for `nothing`, in groups of four."""

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get("find")(self._find)
        self.get("photos/{id}")(self._photo)

    def _find(self, call: Call) -> object:
        size = min(int(call.query["size"]), 10)
        start = (int(call.query["page"]) - 1) * size
        count = {"nothing": 0, "few": 7}.get(call.query["words"], 25)
        records = [record(number) for number in range(count)[start : start + size]]
        groups = [{"of": "photos", "hits": records[first : first + 4]} for first in range(0, len(records), 4)]
        return {"groups": groups, "count": count, "counted": f"{count:,} hits"}

    def _photo(self, call: Call, id: str) -> object:
        number = next((number for number in range(25) if record(number)["nr"] == id), None)
        return Answer({"error": "no such photo"}, 404) if number is None else {"photo": record(number)}


def record(number: int) -> dict[str, object]:
    """Return a record as the service sends it."""
    return {
        "nr": f"p{number}",
        "name": f"Cat {number}",
        "kind": "photo",
        "people": [{"name": "Ada Example"}],
        "rights": "ours",
        "subjects": ["cat", "mouse"],
        "w": 3000,
        "h": 2000,
        "thumb": f"p{number}-300.jpg",
        "file": f"b/p{number}.jpg",
        "empty": None,
    }
