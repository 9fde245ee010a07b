"""The simulated upstream of `tiny`."""

from imagevault.testing import Answer, Call, Upstream


class Tiny(Upstream):
    """25 photos for any words, 7 for `few`, none for `nothing`. The second ten are nine, and more follow."""

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.before(lambda call: None if call.headers.get("x-key") == "test-key" else Answer({"error": "key"}, 401))
        self.get("find")(self._find)
        self.get("photos/{id}")(self._photo)
        self.post("photos/{id}/taken")(lambda _, **taken: taken)

    def _find(self, call: Call) -> Answer:
        offset, size = int(call.query.get("offset", "0")), min(int(call.query.get("size", "10")), 20)
        count = {"nothing": 0, "few": 7}.get(call.query.get("q", ""), 25)
        photos = [photo(number) for number in range(count)[offset : offset + size] if number != 14]
        body = {"photos": photos, "total": count, "more": offset + size < count}
        return Answer(body, headers={"X-Left": "99", "X-Reset": "60"})

    def _photo(self, call: Call, id: str) -> object:
        number = next((number for number in range(25) if photo(number)["id"] == id), None)
        return Answer({"error": "no such photo"}, 404) if number is None else photo(number)


def photo(number: int) -> dict[str, object]:
    rights = ("publicdomain/zero/1.0", "licenses/by-nc/4.0")[number % 2]
    return {
        "id": f"cat{number}",
        "title": f"<b>Cat</b> &amp; mouse {number}",
        "by": "Ada & Bo",
        "rights": f"https://creativecommons.org/{rights}/",
        "width": 4000,
        "height": 3000,
    }
