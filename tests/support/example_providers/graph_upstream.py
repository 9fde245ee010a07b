"""The simulated upstream of `graph`."""

from typing import Any

import msgspec

from imagevault.testing import Answer, Call, Upstream

COUNT = 25
RIGHTS = ("https://creativecommons.org/licenses/by/4.0/", "No known restrictions", "Copyright undetermined")
ORDERS = (None, "BEST", "YOUNGEST_FIRST")


class GraphMuseum(Upstream):
    """25 objects for any words, none for `nothing`. A cursor names a place in the list; an unknown one is refused."""

    def __init__(self) -> None:
        super().__init__("/")
        self.before(_authorise)
        self.post("graphql")(self._answer)

    def _answer(self, call: Call) -> Answer:
        asked = msgspec.json.decode(call.body)
        variables = asked["variables"]
        data = _lookup(variables) if "Lookup" in asked["query"] else _search(variables)
        if isinstance(data, str):
            return Answer({"data": None, "errors": [{"message": data}]})
        return Answer({"data": data}, headers={"X-Left": "99"})


def _authorise(call: Call) -> Answer | None:
    is_known = call.headers.get("authorization") == "Bearer test-key"
    return None if is_known else Answer({"errors": [{"message": "no key"}]}, 401)


def _search(variables: dict[str, Any]) -> object:
    if variables.get("order") not in ORDERS:
        return "unknown order"
    count = 0 if variables["text"] == "nothing" else COUNT
    numbers = list(range(count))
    if variables.get("order") == "YOUNGEST_FIRST":
        numbers.reverse()
    start = 0
    if variables.get("after") is not None:
        known = {f"after:{number}": number for number in range(count)}
        if variables["after"] not in known:
            return "unknown cursor"
        start = known[variables["after"]]
    end = start + variables["first"]
    more = end < count
    nodes = [_object(number) for number in numbers[start:end]]
    objects = {"total": count, "nodes": nodes, "cursor": f"after:{end}" if more else None, "more": more}
    return {"objects": objects}


def _lookup(variables: dict[str, Any]) -> object:
    objects = {node["id"]: node for node in map(_object, range(COUNT))}
    return {"object": objects.get(variables["id"])}


def _object(number: int) -> dict[str, Any]:
    return {
        "id": f"object-{number}",
        "title": f"Jug {number}",
        "maker": "Ada Lind" if number % 2 else None,
        "rights": RIGHTS[number % 3],
        "width": 4000,
        "height": 3000,
    }
