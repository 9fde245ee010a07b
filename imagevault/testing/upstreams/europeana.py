"""A simulated API of Europeana, for tests without a key.

From the documentation (https://apis.europeana.eu), or measured on the real API:

* The key is the header `X-Api-Key` or the parameter `wskey`; without it the answer is a 401. Answers hold the key in
  `apikey`, in every `link`, and in the address of every page (`guid`).
* `search.json` gives 12 items by default and at most 100, from `start`, which counts from 1. It is a 400 if both
  together are more than 1000.
* `reusability` and `qf` may be repeated. Several values of `reusability` are alternatives.
* A failure has `success: false` and a reason.
* Nearly every field is a list, or texts by language, or missing. Creators may be links. Works may be http only, and are
  on the host of any museum. Previews have two forms of address.
* Without `qf=TYPE:IMAGE`, `media` and `thumbnail`, a search also finds other things, and items without a work or a
  preview.

Not known of the real API, so decided here:

* `fails_as_ok` answers failures with status 200; the wording of failures.
* Of the query language, only words and `europeana_id:"..."` are understood; anything else is a 400, as are other values
  of `qf`.
* There is no `cursor`, and no `/{dataset}/{name}.json`.

The items are invented. Words find 20 to 79 items before filters, but `cat` finds 450, `nothing` none, `few` 7 and
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

FIRST = 6_000_001
ITEMS = 3_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": ITEMS}
MAX_RESULTS = 1000
MAX_ROWS = 100
COMMONS = "http://creativecommons.org/"
STATEMENTS = "http://rightsstatements.org/vocab/"
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
ONE_ID = re.compile(r'europeana_id:"([^"]+)"')  # europeana_id:"/90001/INV_A_6000001"
WORDS = re.compile(r'[^"()\[\]{}:^~*?!/\\]+')  # quiet lid
FILTERS = {"TYPE", "IMAGE_ASPECTRATIO"}


class SimulatedEuropeana(Upstream):
    """Serves until the `with` block ends.

    Attributes:
        used_up: while true, the key has no calls left.
        fails_as_ok: while true, failures have status 200.
    """

    def __init__(self, *, key: str = "test-key", port: int = 0) -> None:
        super().__init__("/record/v2/", port=port)
        self.key = key
        self.used_up = False
        self.fails_as_ok = False
        self.before(self._admit)
        self.get("search.json")(self._search)

    def _admit(self, call: Call) -> Answer | None:
        given = call.headers.get("x-api-key") or call.query.get("wskey")
        if given != self.key:
            return self._fail(401, f"API key {given} doesn't exist" if given else "No API key provided")
        if self.used_up:
            return self._fail(429, "The API key has reached its usage limit")
        return None

    def _search(self, call: Call) -> Answer:
        asked = call.query
        start = int(asked.get("start", "1"))
        rows = min(int(asked.get("rows", "12")), MAX_ROWS)
        if start + rows > MAX_RESULTS:
            return self._fail(400, "It is not possible to paginate beyond the first 1000 search results.")
        query = asked.get("query", "")
        one_id = ONE_ID.fullmatch(query)
        fields = {condition.partition(":")[0] for condition in asked.get_list("qf")}
        if not (one_id or WORDS.fullmatch(query)) or not fields <= FILTERS:
            return self._fail(400, "Invalid query parameter.")
        numbers = [_number(one_id[1])] if one_id else find(query)
        items = [as_json(number, self.key) for number in numbers]
        if one_id:
            items = [item for item in items if item["id"] == one_id[1]]
        items = [item for item in items if _passes(item, asked)]
        page = [{**item, "index": 0} for item in items[start - 1 : start - 1 + rows]]
        return Answer(
            {
                "apikey": self.key,
                "success": True,
                "requestNumber": 999,
                "itemsCount": len(page),
                "totalResults": len(items),
                "items": page,
            }
        )

    def _fail(self, status: int, error: str) -> Answer:
        body = {"apikey": self.key, "success": False, "error": error}
        return Answer(body, 200 if self.fails_as_ok else status)


def find(words: str) -> Sequence[int]:
    """Return the numbers of the items that words find before filters, always the same ones."""
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (ITEMS - count + 1) // 20 * 20
    return range(FIRST + start, FIRST + start + count)


def _number(id: str) -> int:
    """Return the number at the end of an id, or the first number; the item need not have this id."""
    found = re.search(r"_(6\d{6})(~%2B)?$", id)
    return int(found[1]) if found else FIRST


def rights(number: int) -> str:
    """Return the address of the licence or rights statement."""
    return list(RIGHTS)[number % len(RIGHTS)]


def is_portrait(number: int) -> bool:
    """Return whether the picture is higher than wide."""
    return number % 3 == 0


def as_json(number: int, key: str = "test-key") -> dict[str, Any]:
    """Return one item. The remainders of its number by several primes decide what it lacks."""
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
        name = NAMES[number % 4]
        creators = ([name], [link], [link, name])[number % 3]
        item |= {"dcCreator": creators, "dcCreatorLangAware": {"def": creators}}
        if number % 2 == 0:
            labels = [{"def": "Somebody Else"}, {"def": name}]
            item |= {"edmAgent": [f"{link}0", link], "edmAgentLabel": labels}
    if number % 3:
        item["edmConceptPrefLabelLangAware"] = {"de": ["Druckgrafik"], "en": ["Print", "Paper"]}
    return item


def _passes(item: Mapping[str, Any], asked: httpx.QueryParams) -> bool:
    """Return whether an item passes each parameter that filters."""
    wanted = {condition.partition(":")[2] for condition in asked.get_list("qf")}
    orientation = "portrait" if is_portrait(_number(item["id"])) else "landscape"
    if not wanted <= {item["type"], orientation}:
        return False
    reusability = RIGHTS[item["rights"][0]]
    if reusability not in (asked.get_list("reusability") or RIGHTS.values()):
        return False
    if asked.get("media") == "true" and "edmIsShownBy" not in item:
        return False
    return asked.get("thumbnail") != "true" or "edmPreview" in item
