"""A plugin made of a TOML file: an object with the hooks of every other plugin."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from imagevault.errors import InvalidResponse, NotFound, PluginError
from imagevault.plugins.declaration import problems
from imagevault.plugins.declarative.answer import (
    MAX_RECORD,
    Work,
    decoded,
    find,
    images_of,
    records_in,
    text_in,
    truth,
    whole_number,
)
from imagevault.plugins.declarative.errors import ErrorReader
from imagevault.plugins.declarative.expressions import is_true
from imagevault.plugins.declarative.folder import provider_name
from imagevault.plugins.declarative.reading import ProviderFile
from imagevault.plugins.declarative.record import RecordReader
from imagevault.plugins.declarative.request import CallTemplate, Known
from imagevault.plugins.declarative.schema import Lookup, Search
from imagevault.plugins.declarative.values import WrongRecord
from imagevault.plugins.hookspecs import hookimpl
from imagevault.plugins.patterns import MAX_VALUE
from imagevault.records import Image, Page, ProviderInfo, SearchQuery

if TYPE_CHECKING:
    import httpx  # slow to import, and only for annotations here

NO_SUCH_IMAGE = {404, 410}  # statuses
WHOLE_ANSWER = "@"


class DeclarativePlugin:
    """A provider by a TOML file, without lookups.

    Attributes:
        path: the file.
        file: its content.
        reader: makes images of records.
        digest: of its text. Two texts with the same digest make the same provider.

    Raises:
        PluginError: the file is wrong; the message names the line and the key.

    """

    def __init__(self, file: ProviderFile) -> None:
        self.path = file.path
        self.file = file
        self.digest = hashlib.blake2b(file.text.encode(), digest_size=8).hexdigest()
        self.__name__ = f"imagevault_{provider_name(file.path)}"  # the bench shows it
        self._info = file.info()
        for field, message in problems(self._info):
            raise file.error(("provider", *re.split(r"[.:] ?", field)), message.replace("=True", " = true"))
        self.reader = RecordReader(file, has_license=self._info.license is not None)
        errors = file.sources.errors
        self._errors = None if errors is None else ErrorReader(file, errors, self._info.title)
        self._search = _SearchReader(file, file.sources.search, self._info, self._errors)

    @hookimpl
    def provider_info(self) -> ProviderInfo:
        """Return what `[provider]` and `[settings]` declare."""
        return self._info

    @hookimpl
    async def search_images(self, query: SearchQuery, http: httpx.AsyncClient, settings: Any) -> Page:
        """Return one page by `[search]`.

        Raises:
            InvalidResponse: the answer has another form; the message names the key of the file.
            ProviderError: the answer is an error by `[errors]`.
            httpx.HTTPError: the call failed, or the upstream answered 4xx or 5xx.
            msgspec.MsgspecError: the answer is no JSON.

        """
        return await self._search.page(query, http, settings, self.reader)


class DeclarativeLookupPlugin(DeclarativePlugin):
    """A provider by a TOML file with `[lookup]`."""

    def __init__(self, file: ProviderFile) -> None:
        super().__init__(file)
        assert file.sources.lookup is not None
        self._lookup = _LookupReader(file, file.sources.lookup, self._info, self._errors)

    @hookimpl
    async def fetch_image(self, image_id: str, http: httpx.AsyncClient, settings: Any) -> Image | None:
        """Return one image by `[lookup]`. Raises as `search_images` does."""
        return await self._lookup.image(image_id, http, settings, self.reader)


class _SearchReader:
    """Fetches and reads pages."""

    def __init__(self, file: ProviderFile, search: Search, info: ProviderInfo, errors: ErrorReader | None) -> None:
        self._info = info
        self._errors = errors
        self._call = CallTemplate(file, search, file.sources.request, "search", _known_to_searches(info))
        self._records = file.expression(search.records, "search", "records")
        self._total = None if search.total is None else file.expression(search.total, "search", "total")
        self._last = None if search.last is None else file.expression(search.last, "search", "last")
        self._next = None if search.next is None else file.text_source(search.next, "search", "next")
        names = self._call.names()
        self._counts_results = ("offset",) in names
        _check_request(file, info, names)
        if (info.paging == "token") is not (search.next is not None):
            raise file.error(("search",), 'needs next where paging = "token" in [provider], and only there')

    async def page(self, query: SearchQuery, http: httpx.AsyncClient, settings: Any, reader: RecordReader) -> Page:
        """Return one page of results."""
        offset = (query.page - 1) * query.per_page
        size = self._size(offset, query.per_page)
        context = {
            "text": query.text,
            "page": query.page,
            "page_from_0": query.page - 1,
            "per_page": size,
            "offset": offset,
            "token": query.token,
            "sort": query.native.get("sort"),
            "filters": {name: value for name, value in query.native.items() if name != "sort"},
            "parameters": dict(query.parameters),
            "settings": msgspec.to_builtins(settings),
        }
        if size < 1 or not self._call.is_needed(context):
            return Page([], last=True)
        response = await self._call.send(http, context)
        response.raise_for_status()
        try:
            return await Work().run(lambda work: self._read(response.content, offset + size, reader, work))
        except NotFound:  # by [errors], for a search that finds nothing
            return Page([], last=True)

    def _size(self, offset: int, per_page: int) -> int:
        """Return how many results to ask for; 0 behind the last one that the upstream gives."""
        left = (self._info.max_results or offset + per_page) - offset
        if left >= per_page or self._info.paging == "token":
            return per_page if left > 0 else 0
        return max(0, left) if self._counts_results else 0

    def _read(self, body: bytes, end: int, reader: RecordReader, work: Work) -> Page:
        answer = decoded(body)
        if self._errors is not None:
            self._errors.check(answer)
        work.check()
        records = records_in(answer, self._records, "search.records")
        total = whole_number(answer, self._total, "search.total")
        is_last = self._is_last(answer, records, total, end)
        token = None if self._next is None or is_last else text_in(answer, self._next, "search.next")
        return Page(images_of(records, reader, work, may_be_large=len(body) > MAX_RECORD), total, is_last, token)

    def _is_last(self, answer: Any, records: list[Any], total: int | None, end: int) -> bool:
        if self._info.max_results is not None and end >= self._info.max_results:
            return True
        if self._last is not None:
            return truth(answer, self._last, "search.last")
        if self._next is not None:
            return False
        return not records or (total is not None and end >= total)


class _LookupReader:
    """Fetches and reads single images."""

    def __init__(self, file: ProviderFile, lookup: Lookup, info: ProviderInfo, errors: ErrorReader | None) -> None:
        self._errors = errors
        known: Known = {"id": None, "settings": frozenset(info.settings.__struct_fields__)}
        self._pattern = file.pattern(lookup.id, "lookup", "id")
        self._call = CallTemplate(file, lookup, file.sources.request, "lookup", known)
        self._record = file.expression(lookup.record, "lookup", "record")
        self._records = None if lookup.records is None else file.expression(lookup.records, "lookup", "records")
        if ("id",) not in self._call.names():
            raise file.error(("lookup",), "sends no {id}; put it into the path or the query")

    async def image(self, id: str, http: httpx.AsyncClient, settings: Any, reader: RecordReader) -> Image | None:
        """Return the image with this id; None if there is none, or if it is not to be shown."""
        if len(id) > MAX_VALUE or self._pattern.fullmatch(id) is None:
            return None
        context = {"id": id, "settings": msgspec.to_builtins(settings)}
        if not self._call.is_needed(context):
            return None
        response = await self._call.send(http, context)
        if response.status_code in NO_SUCH_IMAGE:
            return None
        response.raise_for_status()
        try:
            image = await Work().run(lambda work: self._read(response.content, reader, work))
        except NotFound:  # by [errors]
            return None
        is_other_case = image is not None and image.id != id and image.id.casefold() == id.casefold()
        return None if is_other_case else image  # one image has one id, also where the upstream takes any letter case

    def _read(self, body: bytes, reader: RecordReader, work: Work) -> Image | None:
        answer = decoded(body)
        if self._errors is not None:
            self._errors.check(answer)
        if self._records is None:
            key = "lookup.record"
            record = find(answer, self._record, key)
            if self._record.text != WHOLE_ANSWER and not is_true(record):
                return None  # such as `data: []`
        else:
            key = "lookup.records"
            record = next(iter(records_in(answer, self._records, key)), None)
        work.check()
        if record is None:
            return None
        try:
            return reader.image(record, key)
        except WrongRecord as error:
            raise InvalidResponse(str(error)) from None


def _known_to_searches(info: ProviderInfo) -> Known:
    return {
        "text": None,
        "page": None,
        "page_from_0": None,
        "per_page": None,
        "offset": None,
        "token": None,
        "sort": None,
        "filters": frozenset(info.filters),
        "parameters": frozenset(info.parameters),
        "settings": frozenset(info.settings.__struct_fields__),
    }


def _check_request(file: ProviderFile, info: ProviderInfo, names: set[tuple[str, ...]]) -> None:
    """Refuse a search that leaves out what it must send."""
    for problem in _problems(info, names):
        raise file.error(("search",), problem)


def _problems(info: ProviderInfo, names: set[tuple[str, ...]]) -> Iterator[str]:
    if ("text",) not in names:
        yield "sends no {text}; put the words of the search into [search.query]"
    if info.paging == "token" and ("token",) not in names:
        yield "sends no {token}; without it every page is the same"
    if info.paging == "number" and not {("page",), ("page_from_0",), ("offset",)} & names:
        yield "sends neither {page} nor {offset}; without one of them every page is the same"
    for name in info.filters:
        if ("filters", name) not in names:
            yield f"sends no {{filters.{name}}}, which [provider.filters.{name}] declares; send or remove it"
    for name in info.parameters:
        if ("parameters", name) not in names:
            yield f"sends no {{parameters.{name}}}, which [provider.parameters.{name}] declares; send or remove it"
    if info.sorts and ("sort",) not in names:
        yield "sends no {sort}, which [provider.sorts] declares; send it or remove the table"


def make_plugin(path: Path, text: str) -> DeclarativePlugin:
    """Return the plugin that a file's text describes. Raises PluginError if it is wrong."""
    file = ProviderFile(path, text)
    if file.sources.lookup is None:
        return DeclarativePlugin(file)
    return DeclarativeLookupPlugin(file)


def declarative(path: Path | str) -> DeclarativePlugin:
    """Return the plugin that a TOML file describes.

    A package beside such a file has one line, which its entry point names:
    `plugin = declarative(Path(__file__).with_name("acme.toml"))`.

    Raises:
        PluginError: the file cannot be read, or is wrong; the message names line, key and remedy.

    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PluginError(f"{path.name}: must be UTF-8; save it in that encoding") from None
    return make_plugin(path, text)
