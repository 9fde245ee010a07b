"""Credits: five formats, each provider's wording and links, hostile texts, and exports of any length."""

import csv
import io
import json
import os
import unicodedata
from collections.abc import AsyncIterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from imagevault.downloads.credits import FORMATS, Credit, export, whole, with_license
from imagevault.downloads.finding import Filters
from imagevault.downloads.tables import Download
from imagevault.images.attribution import plain_credit
from imagevault.licenses import License
from imagevault.testing.simulated import SIMULATED, environment
from tests.support.ledger_rows import account_of, add

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = [
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\uff1d1",
    "\ufe66SUM(1)",
    "\u207a1",
    "  =1",
    'a "quoted", cell',
    "line\nbreak",
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "[x](javascript:1) `y` *z*",
    "\u202eevil",
    "🦊" * 2000,
]


def credit(**changes: Any) -> Credit:
    known: dict[str, Any] = dict.fromkeys(Credit.__struct_fields__)
    known |= {"file_url": "https://a.example/1.jpg", "text": "x", "html": "x", "markdown": "x"}
    return Credit(**{**known, **changes})


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


class TestExport:
    @pytest.mark.parametrize("format", FORMATS)
    async def test_of_hostile_labels(self, api: Any, format: str) -> None:
        """Formulas, markup, line breaks and bidi controls stay text in every format."""
        headers = await api.sign_in()
        for text in HOSTILE:
            body = {"url": "https://a.example/1.jpg", "title": text[:300], "author": text[:200], "project": text[:200]}
            assert (await api.post("/download", json=body, headers=headers)).status_code == 201

        answer = await api.get("/downloads/export", params={"format": format}, headers=headers)

        assert answer.status_code == 200
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["content-type"].count("charset") == (format in {"csv", "html", "markdown"})
        assert answer.headers["content-disposition"].startswith('attachment; filename="credits.')
        assert "\u202e" not in answer.text
        match format:
            case "csv":
                rows = list(csv.reader(io.StringIO(answer.text, newline="")))
                assert {len(row) for row in rows} == {len(rows[0])}
                assert len(rows) == len(HOSTILE) + 1
                starts = {unicodedata.normalize("NFKC", cell.strip(" ")[:1]) for row in rows for cell in row}
                assert not starts & set("=+-@\t")
            case "html":
                assert set(Tags(answer.text).tags) == {"ul", "li"}
            case "markdown":
                assert len(answer.text.splitlines()) == len(HOSTILE)
                assert "](javascript" not in answer.text
            case "json":
                assert len(answer.json()["credits"]) == len(HOSTILE)
            case "jsonld":
                assert {node["@type"] for node in answer.json()["@graph"]} == {"ImageObject"}
                assert "</script" not in answer.text  # it is pasted into a <script>
                assert "</script>" in str(answer.json())

    async def test_is_read_page_by_page(self, api: Any) -> None:
        """Of one project; what is added meanwhile is left out, and nothing is repeated."""
        headers = await api.sign_in()
        account = await account_of(api)
        await add(account, 450, project=lambda number: ("atlas", "cards")[number % 10 == 0])
        await add(account, 1, project="other")
        api.services.database.use()
        pages = []
        async for page in api.services.ledger.credits(str(account), Filters(project="atlas")):
            pages.append(len(page))
            await api.post("/download", json={"url": "https://a.example/new", "project": "atlas"}, headers=headers)

        assert pages == [200, 200, 5]

    @pytest.mark.parametrize(
        ("params", "field"),
        [({}, "format"), ({"format": "pdf"}, "format"), ({"format": "csv", "project": ""}, "project")],
    )
    async def test_names_the_parameter_that_is_wrong(self, start: Any, params: dict[str, str], field: str) -> None:
        api = await start()

        answer = await api.get("/downloads/export", params=params, headers=await api.sign_in())

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    @pytest.mark.parametrize("format", FORMATS)
    async def test_of_nothing_is_whole(self, format: Any) -> None:
        async def nothing() -> AsyncIterator[list[Credit]]:
            yield []

        text = "".join([piece async for piece in export(nothing(), format)])

        assert text == whole([], format)
        if format in {"json", "jsonld"}:
            json.loads(text)

    def test_says_what_has_changed(self) -> None:
        """In the lists to paste too."""
        for format in ("markdown", "html"):
            assert "removed the picture" in whole([credit(status="gone")], format)
            assert "since" not in whole([credit(status="unchanged")], format)

    @pytest.mark.parametrize(
        ("title", "text", "named"),
        [
            ("Why this is not CC0 1.0", "Why this is not CC0 1.0 by Ada", "Why this is not CC0 1.0 by Ada (CC0 1.0)"),
            ("CC0 1.0", "CC0 1.0 by Ada", "CC0 1.0 by Ada (CC0 1.0)"),
            ("Lily", "Lily by Ada, CC0 1.01", "Lily by Ada, CC0 1.01 (CC0 1.0)"),
            ("CC0 1.0", "CC0 1.0 by Ada, CC0 1.0", "CC0 1.0 by Ada, CC0 1.0"),
            (None, "Photo by Ada (CC0 1.0)", "Photo by Ada (CC0 1.0)"),
            ("Lily", "Lily, https://a.example/cc0", "Lily, https://a.example/cc0"),
        ],
    )
    def test_a_title_states_no_licence(self, title: str | None, text: str, named: str) -> None:
        license = License("cc0-1.0", "CC0 1.0", "https://a.example/cc0")

        assert with_license(plain_credit(text), license, (title, "Ada")).text == named

    def test_no_address_of_a_licence_breaks_a_line(self) -> None:
        """A bar would end the cell of a table, and `&copy;` would become another letter."""
        license = License("odd", "Odd", "https://a.example/(1)|2?a=1&copy;=2")

        named = with_license(plain_credit("Lily"), license, ("Lily", None))

        assert named.markdown == r"Lily ([Odd](https://a.example/%281%29%7C2?a=1\&copy;=2))"
        assert named.html == 'Lily (<a href="https://a.example/(1)|2?a=1&amp;copy;=2">Odd</a>)'


class TestBlock:
    async def test_credits_images_without_a_download(self, api: Any) -> None:
        """Nothing is recorded; what is not there comes with its reason."""
        headers = await api.sign_in()
        ids = ["local:fox-in-snow.jpg", "local:none.jpg", "nobody:1", "local:fox-in-snow.jpg"]

        answer = await api.post("/credits", json={"ids": ids}, headers=headers)

        block = answer.json()
        assert answer.status_code == 200
        assert block["text"] == "Red fox in snow by ImageVault (CC0 1.0)\n"
        assert block["html"].count("<li>") == block["markdown"].count("- ") == 1
        assert [(missing["id"], missing["status"]) for missing in block["missing"]] == [
            ("local:none.jpg", "not_found"),
            ("nobody:1", "bad_id"),
        ]
        assert await Download.count() == 0

    @pytest.mark.parametrize("ids", [[], [""], ["local:x"] * 101, "local:x"])
    async def test_names_the_field_that_is_wrong(self, start: Any, ids: Any) -> None:
        api = await start()

        answer = await api.post("/credits", json={"ids": ids}, headers=await api.sign_in())

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"].startswith("ids")


class TestEachProvider:
    """The credits of one picture of each provider, compared with files that were read against its terms."""

    async def test_has_its_wording_and_links(self, start: Any) -> None:
        """`WRITE_GOLDEN=1` writes the files again."""
        writes = os.environ.get("WRITE_GOLDEN") == "1"
        with ExitStack() as stack:
            environ: dict[str, str] = {}
            for name, make in SIMULATED.items():
                upstream = stack.enter_context(make())
                environ |= {key: value for key, value in environment(name, upstream).items() if "FILES_PATH" not in key}
                environ[f"{name.upper()}_ENABLED"] = "true"
            api = await start(environ)
            headers = await api.sign_in()
            different = []
            for name in [*SIMULATED, "local"]:
                query = "mountain" if name == "local" else "flower"
                params = {"q": query, "provider": name, "per_page": 1}
                found = await api.get("/search", params=params, headers=headers)
                assert found.status_code == 200, (name, found.text)
                block = await api.post("/credits", json={"ids": [found.json()["images"][0]["id"]]}, headers=headers)
                shown = block.json()["credits"][0]
                shown["file_url"] = shown["file_url"].partition("?expires")[0]
                made = Credit(**shown)
                text = "".join(f"## {format}\n{whole([made], format)}\n" for format in FORMATS)
                file = GOLDEN / f"{name}.txt"
                if writes:
                    file.write_text(text, encoding="utf-8", newline="")
                elif file.read_bytes().decode() != text:
                    different.append(name)

        assert different == []
