"""The simulated upstream of `feed`."""

from xml.sax.saxutils import escape

from imagevault.testing import Answer, Call, Upstream

COUNT = 60
PAGE_SIZE = 24


class FeedArchive(Upstream):
    """60 records for any words, none for `nothing`. Pages count from 1; the pages before and after are empty."""

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get("search.xml")(_search)
        self.get("records/{id}.xml")(_record_alone)


def _search(call: Call) -> Answer:
    count = 0 if call.query.get("q") == "nothing" else COUNT
    page = int(call.query.get("page", "1"))
    start = (page - 1) * PAGE_SIZE
    numbers = [number for number in range(start, start + PAGE_SIZE) if 0 <= number < count]
    records = "".join(map(_record, numbers))
    more = "yes" if start + PAGE_SIZE < count else "no"
    return _xml(f'<answer><records total="{count}" more="{more}">{records}</records></answer>')


def _record_alone(_: Call, id: str) -> Answer:
    ids = {f"leaf{number}": number for number in range(COUNT)}
    return _xml(_record(ids[id])) if id in ids else Answer("<?xml version='1.0'?><error>none</error>", 404)


def _record(number: int) -> str:
    title = escape(f"Leaf & stem {number}")
    file = f"https://files.feed.example/leaf{number}.jpg"
    return f"<record><id>leaf{number}</id><title>{title}</title><by>Bo Berg</by><file>{file}</file></record>"


def _xml(text: str) -> Answer:
    return Answer(f'<?xml version="1.0" encoding="utf-8"?>{text}')
