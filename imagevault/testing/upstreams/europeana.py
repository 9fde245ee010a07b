"""A simulated API of Europeana, to test against without a key.

As documented (https://apis.europeana.eu) or measured of the real one:

* The key comes as header `X-Api-Key` or parameter `wskey`; 401 without it. The answer holds it in `apikey`, in every
  `link`, and in the address of every page (`guid`).
* `search.json` gives 12 items from `start`, which counts from 1, unless told, and 100 at most; 400 if both together are
  more than 1000. `reusability` and `qf` may be there more than once; of the former, several are alternatives.
* What fails says `success: false` and why.
* Nearly every field is a list, or texts by language, or missing. Creators may be links; works may be http only, and
  are at any museum; previews have two forms of address.
* Without `qf=TYPE:IMAGE`, `media` and `thumbnail` there are other things, and items without a work or a preview.

Not known of the real one, so decided here: `fails_as_ok` answers failures with 200; their wording; of the query
language only words and `europeana_id:"..."` are understood, the rest is 400, as are other values of `qf`. There is no
`cursor` and no `/{dataset}/{name}.json`.

The items are invented. Any words find 20 to 79 before filters, but `cat` finds 450, `nothing` none, `few` 7 and
`everything` 3000.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream

FIRST, ITEMS = 6_000_001, 3_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": ITEMS}
DEPTH = 1000
COMMONS, STATEMENTS = "http://creativecommons.org/", "http://rightsstatements.org/vocab/"
RIGHTS = {
    f"{COMMONS}publicdomain/mark/1.0/": "open",
    f"{COMMONS}publicdomain/zero/1.0/": "open",
    f"{COMMONS}licenses/by/4.0/": "open",
    f"{COMMONS}licenses/by-sa/3.0/nl/": "open",
    f"{COMMONS}licenses/by-nc-sa/4.0/": "restricted",
    f"{COMMONS}licenses/by-nd/4.0/": "restricted",
    f"{STATEMENTS}NoC-NC/1.0/": "restricted",
    f"{STATEMENTS}NoC-OKLR/1.0/": "restricted",
    f"{STATEMENTS}InC-EDU/1.0/": "restricted",
    f"{STATEMENTS}InC/1.0/": "permission",
    f"{STATEMENTS}CNE/1.0/": "permission",
    "http://www.europeana.eu/rights/rr-f/": "permission",
}
NAMES = ("Ada Lind", "Marsh, Bo", "Cleo Ferro, 1807-1854", "Anonymous")
WORDS = ('europeana_id:"([^"]+)"', r'[^"()\[\]{}:^~*?!/\\]+')


class SimulatedEuropeana(Upstream):
    """Serves until the `with` block ends. While `used_up` is true the day's calls are; `fails_as_ok` is said above."""

    def __init__(self, *, key: str = "test-key", port: int = 0) -> None:
        super().__init__("/record/v2/", port=port)
        self.key = key
        self.used_up = self.fails_as_ok = False
        self.before(self._admit)
        self.get("search.json")(self._search)

    def _admit(self, call: Call) -> Answer | None:
        given = call.headers.get("x-api-key") or call.query.get("wskey")
        if given != self.key:
            return self._fail(401, f"API key {given} doesn't exist" if given else "No API key provided")
        return self._fail(429, "The API key has reached its usage limit") if self.used_up else None

    def _search(self, call: Call) -> Answer:
        asked = call.query
        start, rows = int(asked.get("start", "1")), min(int(asked.get("rows", "12")), 100)
        if start + rows > DEPTH:
            return self._fail(400, "It is not possible to paginate beyond the first 1000 search results.")
        by_id, words = (re.fullmatch(pattern, asked.get("query", "")) for pattern in WORDS)
        tests = [test.partition(":") for test in asked.get_list("qf")]
        if not (by_id or words) or any(field not in {"TYPE", "IMAGE_ASPECTRATIO"} for field, _, _ in tests):
            return self._fail(400, "Invalid query parameter.")
        items = [as_json(number, self.key) for number in ([_number(by_id[1])] if by_id else find(asked["query"]))]
        items = [item for item in items if _passes(item, asked) and (by_id is None or item["id"] == by_id[1])]
        found = [{**item, "index": 0} for item in items[start - 1 : start - 1 + rows]]
        counts = {"itemsCount": len(found), "totalResults": len(items)}
        return Answer({"apikey": self.key, "success": True, "requestNumber": 999, **counts, "items": found})

    def _fail(self, status: int, error: str) -> Answer:
        return Answer({"apikey": self.key, "success": False, "error": error}, 200 if self.fails_as_ok else status)


def find(words: str) -> Sequence[int]:
    """The numbers of the items that words find before any filter: a run of all, the same for the same words."""
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (ITEMS - count + 1) // 20 * 20
    return range(FIRST + start, FIRST + start + count)


def _number(id: str) -> int:
    """The number that an id ends with, or of some item if it ends with none; it need not have this id."""
    found = re.search(r"_(6\d{6})(~%2B)?$", id)
    return int(found[1]) if found else FIRST


def rights(number: int) -> str:
    """The address of its licence or statement."""
    return list(RIGHTS)[number % len(RIGHTS)]


def is_portrait(number: int) -> bool:
    """Whether it is higher than wide."""
    return number % 3 == 0


def as_json(number: int, key: str = "test-key") -> dict[str, Any]:
    """One item; what it lacks depends on its number's remainders by primes."""
    id = f"/{90_000 + number % 7}/INV_A_{number}" + ("~%2B" if number % 31 == 0 else "")
    work = f"{'http' if number % 2 else 'https'}://images.museum-{number % 7}.example/{number}.jpg"
    preview = "api/v2/thumbnail-by-url.json" if number % 5 == 0 else "thumbnail/v2/url.json"
    title = f"<i>Stilles Objekt</i> &amp; Deckel Nr. {number}"
    item: dict[str, Any] = {
        "id": id,
        "type": "TEXT" if number % 29 == 0 else "IMAGE",
        "rights": [rights(number)],
        "dataProvider": [f"Museum of Invention No. {number % 7}"],
        "guid": f"https://www.europeana.eu/item{id}?utm_source=api&utm_medium=api&utm_campaign={key}",
        "link": f"https://api.europeana.eu/record{id}.json?wskey={key}",
        "edmIsShownAt": [f"http://museum-{number % 7}.example/{number}"],
        "previewNoDistribute": number % 37 == 0,
        "completeness": 10,
        "ugc": [False],
    }
    if number % 23:
        item["edmIsShownBy"] = [work, f"{work}?another"]
    if number % 19:
        item["edmPreview"] = [f"https://api.europeana.eu/{preview}?uri={quote(work, safe='')}&type=IMAGE"]
    if number % 13:
        item |= {"title": [title, "Another"], "dcTitleLangAware": {"de": [title]}}
        if number % 2:
            item["dcTitleLangAware"]["en"] = [f"Quiet Object No. {number}"]
    if number % 11:
        link = f"http://data.europeana.eu/agent/{number}"
        by = [link] if number % 3 == 1 else [link, NAMES[number % 4]] if number % 3 == 2 else [NAMES[number % 4]]
        item |= {"dcCreator": by, "dcCreatorLangAware": {"def": by}}
        if number % 2 == 0:
            labels = [{"def": "Somebody Else"}, {"def": NAMES[number % 4]}]
            item |= {"edmAgent": [f"{link}0", link], "edmAgentLabel": labels}
    if number % 3:
        item["edmConceptPrefLabelLangAware"] = {"de": ["Druckgrafik"], "en": ["Print", "Paper"]}
    return item


def _passes(item: Mapping[str, Any], asked: httpx.QueryParams) -> bool:
    """Whether an item passes all parameters of a search that filter."""
    number = _number(item["id"])
    tests = [test.partition(":")[2] for test in asked.get_list("qf")]
    return (
        all(test in {item["type"], "portrait" if is_portrait(number) else "landscape"} for test in tests)
        and RIGHTS[item["rights"][0]] in (asked.get_list("reusability") or RIGHTS.values())
        and ("edmIsShownBy" in item or asked.get("media") != "true")
        and ("edmPreview" in item or asked.get("thumbnail") != "true")
    )
