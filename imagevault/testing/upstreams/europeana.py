"""A simulated API of Europeana, for tests without a key.

From the documentation (https://apis.europeana.eu), or measured on the real API:

* The key is the header `X-Api-Key` or the parameter `wskey`; without it the answer is a 401. Answers hold the key in
  `apikey`, in every `link`, and in the address of every page (`guid`).
* `search.json` gives 12 items by default and at most 100, from `start`, which counts from 1. It is a 400 if both
  together are more than 1000. With `cursor`, lists have no such end: `*` is the first page, and each answer names the
  next one as `nextCursor`. Only an answer without items names none, so a list may end in an empty page.
* A cursor that no answer named, or one of another `sort`, is a 400. So is a cursor together with `start`.
* With a cursor and without `sort`, items are not in the order of relevance. A `sort` must name `europeana_id` then.
* `reusability` and `qf` may be repeated. Several values of `reusability` are alternatives.
* A failure has `success: false` and a reason.
* Nearly every field is a list, or texts by language, or missing. All texts are plain. Works may be http only, and are
  on the host of any museum. Previews have two forms of address.
* A creator is a name, a link to somebody, or an id that only the museum understands. A link of the museum is also in
  `edmAgent`, and its name in `edmAgentLabel`, beside people who made nothing. Some names are translated by a machine.
* Without `qf=TYPE:IMAGE`, `media` and `thumbnail`, a search also finds other things, and items without a work or a
  preview.

Not known of the real API, so decided here:

* `fails_as_ok` answers failures with status 200; the wording of failures.
* Of the query language, only words and `europeana_id:"..."` are understood; anything else, such as `AND` or `-lid`, is
  a 400, as are other values of `qf`.
* `sort` is `score desc,europeana_id asc` or none. Less relevant items have higher numbers.
* There is no `/{dataset}/{name}.json`.

The items are invented, and about the words that found them. Words find 20 to 79 items before filters, but `cat` finds
450, `nothing` none, `few` 7 and `everything` 3000.
"""

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, color_of, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.subjects import Subjects, capitalized

FIRST = 6_000_001
ITEMS = 3_000
FOUND = {"cat": 450, "nothing": 0, "few": 7, "everything": ITEMS}
MAX_RESULTS = 1000
FIRST_CURSOR = "*"
BY_RELEVANCE = "score desc,europeana_id asc"
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
OTHERS = ("Dov Amsel", "Example, Eve", "Fay Sample", "Gus Invent")
ONE_ID = re.compile(r'europeana_id:"([^"]+)"')  # europeana_id:"/90001/INV_A_6000001"
WORDS = re.compile(r'[^"()\[\]{}:^~*?!/\\]+')  # quiet lid
OPERATORS = {"AND", "OR", "NOT"}
FILTERS = {"TYPE", "IMAGE_ASPECTRATIO"}
LANDSCAPE = (2400, 1600)
PORTRAIT = (1600, 2400)
PREVIEW_WIDTH = 400
WORK = re.compile(r"https?://images\.museum-[0-6]\.example/([0-9]{7})\.jpg(?:\?another)?")
PREVIEW_PATHS = {"/api/v2/thumbnail-by-url.json", "/thumbnail/v2/url.json"}


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
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
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
        cursor, order = asked.get("cursor"), asked.get("sort", "")
        if cursor is not None and start > 1:
            return self._fail(400, "Parameters 'start' and 'cursorMark' cannot be used together")
        if cursor is None and start + rows > MAX_RESULTS:
            return self._fail(400, "It is not possible to paginate beyond the first 1000 search results.")
        query = asked.get("query", "")
        one_id = ONE_ID.fullmatch(query)
        fields = {condition.partition(":")[0] for condition in asked.get_list("qf")}
        is_known_order = order in {"", BY_RELEVANCE}
        if not (one_id or _has_only_words(query)) or not fields <= FILTERS or not is_known_order:
            return self._fail(400, "Invalid query parameter.")
        numbers = [_number(one_id[1])] if one_id else find(query)
        subject = self.subjects.of(numbers[0]) if one_id else query
        items = [as_json(number, self.key, subject) for number in numbers]
        if one_id:
            items = [item for item in items if item["id"] == one_id[1]]
        items = [item for item in items if _passes(item, asked)]
        try:
            following = items[start - 1 :] if cursor is None else _behind(cursor, order, items)
        except ValueError:
            return self._fail(400, "Invalid cursor value. Please make sure you encode the cursor value.")
        page = [{**item, "index": 0} for item in following[:rows]]
        self.subjects.show((_number(item["id"]) for item in page), subject)
        answer = {
            "apikey": self.key,
            "success": True,
            "requestNumber": 999,
            "itemsCount": len(page),
            "totalResults": len(items),
            "items": page,
        }
        if cursor is not None and page:
            answer["nextCursor"] = _cursor(order, page[-1])
        return Answer(answer)

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return the preview or the file of an item, None if there is none at this address."""
        is_preview = address.host == "api.europeana.eu" and address.path in PREVIEW_PATHS
        found = WORK.fullmatch(address.params.get("uri", "") if is_preview else str(address))
        if found is None:
            return None
        number = int(found[1])
        whole = PORTRAIT if is_portrait(number) else LANDSCAPE
        width, height = fitted(whole, (PREVIEW_WIDTH if is_preview else math.inf, math.inf))
        color = color_of(self.subjects.of(number))
        return Picture(width=width, height=height, scene=f"europeana {number}", color=color)

    def _fail(self, status: int, error: str) -> Answer:
        body = {"apikey": self.key, "success": False, "error": error}
        return Answer(body, 200 if self.fails_as_ok else status)


def find(words: str) -> Sequence[int]:
    """Return the numbers of the items that words find before filters, always the same ones."""
    digest = int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest())
    count = FOUND.get(words, 20 + digest % 60)
    start = digest // 60 % (ITEMS - count + 1) // 20 * 20
    return range(FIRST + start, FIRST + start + count)


def _has_only_words(query: str) -> bool:
    """Return whether a query holds no operator."""
    if not WORDS.fullmatch(query):
        return False
    return not any(word in OPERATORS or word.startswith(("+", "-")) for word in query.split())


def _cursor(order: str, last: Mapping[str, Any]) -> str:
    """Return the cursor of the page that follows an item. As in Solr, it holds no place but the item's sort values."""
    return base64.b64encode(f"{order}:{_number(last['id'])}".encode()).decode()


def _behind(cursor: str, order: str, items: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the items from a cursor on, in an order.

    Raises:
        ValueError: no answer in this order names this cursor.

    """
    ordered = items if order == BY_RELEVANCE else items[::-1]
    if cursor == FIRST_CURSOR:
        return ordered
    try:
        order_of_cursor, _, last = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("no cursor") from error
    if order_of_cursor != order or not last.isdecimal():
        raise ValueError("the cursor of another order")
    sign = 1 if order == BY_RELEVANCE else -1
    return [item for item in ordered if sign * (_number(item["id"]) - int(last)) > 0]


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


def as_json(number: int, key: str = "test-key", subject: str = "") -> dict[str, Any]:
    """Return one item about a subject. The remainders of its number by several primes decide what it lacks."""
    id = f"/{90_000 + number % 7}/INV_A_{number}" + ("~%2B" if number % 31 == 0 else "")
    work = f"{'http' if number % 2 else 'https'}://images.museum-{number % 7}.example/{number}.jpg"
    preview = "api/v2/thumbnail-by-url.json" if number % 5 == 0 else "thumbnail/v2/url.json"
    title = f"{capitalized(subject) or 'Stilles Objekt'} & Deckel Nr. {number}."
    item: dict[str, Any] = {
        "id": id,
        "type": "TEXT" if number % 29 == 0 else "IMAGE",
        "rights": [rights(number)],
        "dataProvider": [f"Museum of Invention No. {number % 7}"],
        "guid": f"https://www.europeana.eu/item{id}?utm_source=api&utm_medium=api&utm_campaign={key}",
        "link": f"https://api.europeana.eu/record{id}.json?wskey={key}",
        "edmIsShownAt": [f"http://museum-{number % 7}.example/{number}"],
        "language": ["de"],
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
            item["dcTitleLangAware"]["en"] = [f"{capitalized(subject) or 'Quiet Object'} No. {number}"]
    if number % 11:
        item |= _creators(number)
    return item | _details(number, subject)


def _details(number: int, subject: str) -> dict[str, Any]:
    """Return what an item says beside title and creators: concepts, a description, places and a year."""
    details: dict[str, Any] = {}
    shown = [subject] if subject else []
    if number % 3 == 1:
        details["edmConceptPrefLabelLangAware"] = {"de": ["Druckgrafik"], "en": ["Print", "Paper", *shown]}
    elif number % 3 == 2:
        details["edmConceptPrefLabelLangAware"] = {"de": ["Druckgrafik", *shown]}
    elif shown:
        details["edmConceptPrefLabelLangAware"] = {"de": shown}
    if number % 5:
        description = ["Ein Blatt", "Signiert."]
        details |= {"dcDescription": description, "dcDescriptionLangAware": {"de": description}}
    if number % 7:
        details["dctermsSpatial"] = ["Beispielstadt", "http://data.europeana.eu/place/base/7"]
    if number % 2:
        details["year"] = [str(1800 + number % 100)]
    return details


def _creators(number: int) -> dict[str, Any]:
    """Return the fields that name who made an item, in one of the ways in which records do so."""
    name, other = NAMES[number % 4], OTHERS[number % 4]
    by_museum = f"http://museum-{number % 7}.example/people/{number}"
    agents = {
        "edmAgent": [f"{by_museum}0", by_museum, f"{by_museum}1"],
        "edmAgentLabel": [{"def": "Somebody Depicted"}, {"def": name}, {"def": other}],
        "edmAgentLabelLangAware": {"de": ["Somebody Depicted", name, other]},
    }
    by_europeana = f"http://data.europeana.eu/agent/{number}"
    ways: list[dict[str, Any]] = [
        {"dcCreatorLangAware": {"def": [name, other]}},
        {"dcCreatorLangAware": {"def": [by_museum, f"{by_museum}1"]}, **agents},
        {"dcCreatorLangAware": {"def": [by_europeana, name]}},
        {"dcCreatorLangAware": {"def": [f"#{number}_Beteiligte_r"], "de": [name]}},
        {"dcCreatorLangAware": {"de": [name], "en": [f"{name}, translated by a machine"]}},
        {"dcCreatorLangAware": {"def": [f"#{number}_Beteiligte_r"]}},
    ]
    fields = ways[number % len(ways)]
    in_all_languages = [creator for creators in fields["dcCreatorLangAware"].values() for creator in creators]
    return {"dcCreator": in_all_languages, **fields}


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
