"""docs/recipes.md is true: each of its providers passes the contract and does what its recipe says."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import httpx
import pytest

from imagevault.errors import InvalidResponse
from imagevault.plugins.declarative.plugin import make_plugin
from imagevault.records import Page
from imagevault.testing import Answer, Call, Upstream
from imagevault.testing.bench import Bench, on_bench
from imagevault.testing.contract import ProviderContract
from tests.docs.test_plugins import module

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
NAMED_BLOCK = re.compile(r"`(\w+\.(?:py|toml))`[^`]*\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES: dict[str, str] = dict(NAMED_BLOCK.findall(PAGE))
COUNT = 25  # records that any words find
NOT_FOUND = Answer({"error": "there is none"}, 404)
BY = "https://creativecommons.org/licenses/by/4.0/"


def plugin(file: str) -> Any:
    """The provider in a block of the page."""
    if file.endswith(".toml"):
        return make_plugin(Path(file), FILES[file])
    return module(file.removesuffix(".py"), FILES[file])


class Service(Upstream):
    """25 records for any words, none for `nothing`. A subclass adds its routes, and fields of its own.

    A search lists the `gone` ones too, but a lookup has no answer for them.
    """

    name: str
    gone: Sequence[str] = ()

    def record(self, number: int) -> dict[str, Any]:
        file = f"https://files.{self.name}.example/r-{number}.jpg"
        return {"id": f"r-{number}", "title": f"Record {number}", "file": file}

    def found(self, words: str) -> list[dict[str, Any]]:
        return [] if words == "nothing" else [self.record(number) for number in range(COUNT)]

    def by_id(self, id: str) -> dict[str, Any] | None:
        records = {record["id"]: record for record in self.found("any")}
        return None if id in self.gone else records.get(id)

    def look_up(self, _: Call, id: str) -> object:
        return self.by_id(id) or NOT_FOUND


class Listing(Service):
    """Pages by number or offset, in JSON."""

    list_name: str

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get(self.list_name)(self.search)
        self.get(f"{self.list_name}/{{id}}")(self.look_up)

    def search(self, call: Call) -> object:
        size = int(call.query.get("size") or call.query["limit"])
        start = int(call.query["offset"]) if "offset" in call.query else (int(call.query["page"]) - 1) * size
        found = self.selected(self.found(call.query["q"]), call.query)
        return {"total": len(found), self.list_name: found[max(start, 0) : max(start + size, 0)]}

    def selected(self, records: list[dict[str, Any]], query: httpx.QueryParams) -> list[dict[str, Any]]:
        return records


class Harbor(Service):
    name = "harbor"

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get("photos")(self.search)
        self.get("photos/{id}")(self.look_up)

    def search(self, call: Call) -> object:
        found = self.found(call.query["q"])
        places = {f"after-{place}": place for place in range(1, COUNT)}
        after = call.query.get("after")
        if after is not None and after not in places:
            return Answer({"error": "no such token"}, 400)
        start = places[after] if after else 0
        end = start + int(call.query["limit"])
        mark = {"after": f"after-{end}"} if end < len(found) else {}
        return {"total": len(found), "photos": found[start:end], **mark}


class Guild(plugin("simulated_guild.py").Simulated):  # type: ignore[misc]  # a block of the page
    """The simulation of the page."""

    name = "guild"


class Depot(Service):
    name = "depot"

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get("search")(self.search)
        self.get("objects/{id}")(self.look_up)

    def search(self, call: Call) -> object:
        ids = [record["id"] for record in self.found(call.query["q"])]
        start = int(call.query["start"])
        return {"total": len(ids), "ids": ids[max(start, 0) : max(start + int(call.query["rows"]), 0)]}


class Mint(Listing):
    """Each call with the right secret makes a token; only the last one is good."""

    name = "mint"
    list_name = "coins"

    def __init__(self) -> None:
        super().__init__()
        self.tokens = 0
        self.before(self.authorise)
        self.post("/token")(self.give_token)

    def authorise(self, call: Call) -> Answer | None:
        is_allowed = call.path == "/token" or call.headers.get("authorization") == f"Bearer token-{self.tokens}"
        return None if is_allowed else Answer({"error": "no token"}, 401)

    def give_token(self, call: Call) -> object:
        form = {name: value for name, [value] in parse_qs(call.body.decode()).items()}
        right = {"grant_type": "client_credentials", "client_id": "test-client", "client_secret": "test-secret"}
        hosts = {"auth.mint.example", httpx.URL(self.url).netloc.decode()}
        if form != right or call.headers["host"] not in hosts:
            return Answer({"error": "invalid_client"}, 401)
        self.tokens += 1
        return {"access_token": f"token-{self.tokens}", "expires_in": 3600}


class Gazette(Service):
    name = "gazette"

    def __init__(self) -> None:
        super().__init__("/v1/")
        self.get("search.xml")(self.search)
        self.get("records/{id}.xml")(self.record_alone)

    def search(self, call: Call) -> object:
        found, page = self.found(call.query["q"]), int(call.query["page"])
        records = "".join(map(self.xml, found[max(page - 1, 0) * 10 : max(page, 0) * 10]))
        more = "yes" if page * 10 < len(found) else "no"
        return f'<?xml version="1.0"?><answer><records more="{more}">{records}</records></answer>'

    def record_alone(self, _: Call, id: str) -> object:
        record = self.by_id(id)
        return NOT_FOUND if record is None else f'<?xml version="1.0"?>{self.xml(record)}'

    def xml(self, record: dict[str, Any]) -> str:
        fields = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in record.items())
        return f"<record>{fields}</record>"


class Attic(Listing):
    name = "attic"
    list_name = "items"
    rights = (BY, "No known copyright restrictions", "Copyright undetermined", None)

    def record(self, number: int) -> dict[str, Any]:
        return {**super().record(number), "rights": self.rights[number % 4]}


class Quarry(Listing):
    name = "quarry"
    list_name = "stones"
    terms = ("by", "free", "quarry", "https://creativecommons.org/licenses/by-nd/4.0/")
    reserved: Sequence[str] = ()

    def record(self, number: int) -> dict[str, Any]:
        record = super().record(number)
        terms = "reserved" if record["id"] in self.reserved else self.terms[number % 4]
        return {**record, "by": "Ada Example", "terms": terms}

    def selected(self, records: list[dict[str, Any]], query: httpx.QueryParams) -> list[dict[str, Any]]:
        return [record for record in records if query.get("terms") in {None, record["terms"]}]


class Kiosk(Listing):
    """Each answer has links of its own."""

    name = "kiosk"
    list_name = "prints"

    def record(self, number: int) -> dict[str, Any]:
        record = super().record(number)
        return {**record, "signed_url": f"{record['file']}?signature={len(self.calls)}"}


class Canvas(Listing):
    name = "canvas"
    list_name = "paintings"

    def selected(self, records: list[dict[str, Any]], query: httpx.QueryParams) -> list[dict[str, Any]]:
        materials = ("oil", "ink")
        chosen = [
            record
            for number, record in enumerate(records)
            if query.get("material") in {None, materials[number % 2]} and query.get("century") in {None, "17"}
        ]
        return chosen[::-1] if query.get("sort") == "date_desc" else chosen


class TomlContract(ProviderContract):
    """Without the failures, which all TOML files have in common: tests/providers has them."""

    test_every_failure_has_its_name = None


class TestTokenPaging(ProviderContract):
    plugin = plugin("imagevault_harbor.py")

    def upstream(self) -> Upstream:
        return Harbor()


class TestTokenPagingInToml(TomlContract):
    plugin = plugin("harbor.toml")

    def upstream(self) -> Upstream:
        return Harbor()


class TestGraphQL(ProviderContract):
    plugin = plugin("imagevault_guild.py")
    settings = {"api_key": "test-key"}

    def upstream(self) -> Upstream:
        return Guild()

    def test_an_error_under_status_200(self) -> None:
        async def work(bench: Bench) -> None:
            with pytest.raises(InvalidResponse, match="Guild refused the query: there is no such cursor"):
                await bench.search("cat", 2, token="unknown")

        on_bench(self.plugin, self.settings, self.upstream(), work)


class TestIdsOnly(ProviderContract):
    plugin = plugin("imagevault_depot.py")

    def upstream(self) -> Upstream:
        return Depot()

    def test_a_record_that_is_gone_costs_itself_and_each_is_called_once(self) -> None:
        depot = Depot()
        depot.gone = ["r-3"]

        async def work(bench: Bench) -> list[str]:
            await bench.search("cat")
            return [image.id for image in (await bench.search("cat")).images]

        ids = on_bench(self.plugin, {}, depot, work)
        assert ids == [f"r-{number}" for number in range(10) if number != 3]
        looked_up = [call.path for call in depot.calls if "objects" in call.path]
        assert sorted(looked_up) == sorted(f"/v1/objects/r-{number}" for number in range(10))


class TestOAuth(ProviderContract):
    plugin = plugin("imagevault_mint.py")
    settings = {"client_id": "test-client", "client_secret": "test-secret"}

    def upstream(self) -> Upstream:
        return Mint()

    def test_one_token_serves_all_searches_until_it_ends(self) -> None:
        mint = Mint()

        async def work(bench: Bench) -> list[int]:
            made = []
            for _ in range(2):
                await bench.search("cat")
                made.append(mint.tokens)
            mint.tokens += 1  # the one in use is good no longer
            await bench.search("cat")
            return [*made, mint.tokens]

        assert on_bench(self.plugin, self.settings, mint, work) == [1, 1, 3]


class TestXml(ProviderContract):
    plugin = plugin("imagevault_gazette.py")

    def upstream(self) -> Upstream:
        return Gazette()


class TestUnclearRights(ProviderContract):
    plugin = plugin("imagevault_attic.py")

    def upstream(self) -> Upstream:
        return Attic()

    def test_each_statement_has_its_license(self) -> None:
        page = on_bench(self.plugin, {}, Attic(), lambda bench: bench.search("cat"))

        assert licenses(page)[:4] == [
            ("cc-by-4.0", "CC BY 4.0"),
            ("public-domain", "No known copyright restrictions"),
            ("unknown", "Copyright undetermined"),
            ("unknown", "Attic states no rights"),
        ]


class TestPerImageLicences(TomlContract):
    plugin = plugin("quarry.toml")

    def upstream(self) -> Upstream:
        return Quarry()

    def test_each_word_has_its_license_and_another_is_dropped(self) -> None:
        quarry = Quarry()
        quarry.reserved = ["r-1"]
        page = on_bench(self.plugin, {}, quarry, lambda bench: bench.search("cat"))

        assert licenses(page)[:3] == [
            ("cc-by-4.0", "CC BY 4.0"),
            ("quarry", "Quarry Licence"),
            ("cc-by-nd-4.0", "CC BY-ND 4.0"),
        ]
        assert "r-1" not in [image.id for image in page.images]


class TestExpiringLinks(TomlContract):
    plugin = plugin("kiosk.toml")

    def upstream(self) -> Upstream:
        return Kiosk()

    def test_a_lookup_gives_a_new_link(self) -> None:
        async def work(bench: Bench) -> list[str | None]:
            found = (await bench.search("cat")).images[0]
            again = await bench.fetch(found.id)
            assert again is not None
            assert bench.provider.info.hotlink == "temporary"
            assert bench.provider.info.cache_for < (bench.provider.info.max_age or 0) < 3600
            return [image.renditions[0].url for image in (found, again)]

        first, second = on_bench(self.plugin, {}, Kiosk(), work)
        assert first != second


class TestOwnParameters(TomlContract):
    plugin = plugin("canvas.toml")

    def upstream(self) -> Upstream:
        return Canvas()


def licenses(page: Page) -> list[tuple[str, str]]:
    return [(image.license.id, image.license.name) for image in page.images if image.license]


SERVICES: dict[str, Any] = {
    "imagevault_harbor.py": Harbor,
    "imagevault_guild.py": Guild,
    "imagevault_depot.py": Depot,
    "imagevault_mint.py": Mint,
    "imagevault_gazette.py": Gazette,
    "imagevault_attic.py": Attic,
    "quarry.toml": Quarry,
    "kiosk.toml": Kiosk,
    "canvas.toml": Canvas,
}


class TestInTheGateway:
    """Saved in one folder, all of them work together."""

    def test_every_block_is_tested(self) -> None:
        assert set(FILES) == {
            *SERVICES,
            "harbor.toml",
            "simulated_guild.py",
        }  # of two files with one name, a folder can have one
        assert len(FILES) == len(re.findall(r"^```\w", PAGE, re.MULTILINE))

    async def test_one_walk_through_all(self, start: Any, tmp_path: Path) -> None:
        """Up to the end, where each has given each of its records once."""
        folder = tmp_path / "plugins"
        folder.mkdir()
        environ = {"IMAGEVAULT_PLUGINS_DIR": str(folder), "GUILD_API_KEY": "test-key"}
        environ |= {"MINT_CLIENT_ID": "test-client", "MINT_CLIENT_SECRET": "test-secret"}
        with contextlib.ExitStack() as stack:
            services = {file: stack.enter_context(make()) for file, make in SERVICES.items()}
            for file, service in services.items():
                (folder / file).write_text(FILES[file])
                environ[f"{service.name.upper()}_BASE_URL"] = service.url
            environ["MINT_AUTH_URL"] = str(httpx.URL(environ["MINT_BASE_URL"]).join("/token"))
            api = await start(environ)
            headers = await api.sign_in()
            names = sorted(service.name for service in services.values())
            params = {"q": "cat", "provider": ",".join(names), "per_page": "100"}
            found: list[str] = []
            while params:
                answer = (await api.get("/search", params=params, headers=headers)).json()
                assert {report["name"]: report["status"] for report in answer["providers"]} == dict.fromkeys(
                    names, "ok"
                )
                found += [image["id"] for image in answer["images"]]
                params = {"cursor": answer["next"]} if answer["next"] else {}
            await api.services.gateway.pages.drain()

        assert sorted(found) == sorted(f"{name}:r-{number}" for name in names for number in range(COUNT))

    async def test_a_parameter_of_its_own(self, start: Any, tmp_path: Path) -> None:
        """It reaches the service, and a wrong value does not."""
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "canvas.toml").write_text(FILES["canvas.toml"])
        with Canvas() as canvas:
            api = await start({"IMAGEVAULT_PLUGINS_DIR": str(tmp_path / "plugins"), "CANVAS_BASE_URL": canvas.url})
            headers = await api.sign_in()
            params = {"q": "cat", "provider": "canvas", "canvas.material": "ink", "canvas.century": "17"}
            found = await api.get("/search", params=params, headers=headers)
            refused = await api.get("/search", params={**params, "canvas.material": "wax"}, headers=headers)
            await api.services.gateway.pages.drain()

        assert {int(image["id"].partition("-")[2]) % 2 for image in found.json()["images"]} == {1}
        assert refused.status_code == 400
        assert {(call.query["material"], call.query["century"]) for call in canvas.calls} == {("ink", "17")}
