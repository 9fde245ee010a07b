"""From a record of an upstream to an `Image`, as `[image]` of the file says."""

from collections.abc import Sequence
from typing import Any

import msgspec

from imagevault.config.sources import nearest
from imagevault.licenses import License
from imagevault.plugins.declarative.expressions import describe, is_true, kind_of
from imagevault.plugins.declarative.reading import ProviderFile, Way
from imagevault.plugins.declarative.schema import ImageSource, LicenseSource, RenditionSource
from imagevault.plugins.declarative.values import (
    WrongRecord,
    address_at,
    flag_at,
    found_at,
    pixels_at,
    text_at,
    texts_at,
)
from imagevault.records import Author, Declared, Flags, Image, Rendition

MAX_SHOWN_WORD = 100  # characters of a licence's word, in messages
MAX_WORDS = 500  # characters of what declares a licence
UNLIMITED = float("inf")


class RecordReader:
    """Makes images of records, by one file.

    Args:
        file: the provider's file.
        has_license: whether `[provider.license]` holds for all images.

    Raises:
        PluginError: a path or a template of `[image]` is wrong.

    """

    def __init__(self, file: ProviderFile, *, has_license: bool) -> None:
        source = file.sources.image
        if source.license is not None and source.declared is not None:
            raise file.error(("image", "declared"), "is what [image.license] says already; remove it")
        if source.license is None and not has_license:
            message = "has no licence: add [image.license], or [provider.license] if all images have the same"
            raise file.error(("image",), message)
        self._let = {name: file.text_source(text, "image", "let", name) for name, text in source.let.items()}
        self._when = None if source.when is None else file.expression(source.when, "image", "when")
        self._texts = {
            name: file.text_source(text, "image", name)
            for name in ("id", "title", "alt", "description", "date", "color", "blurhash", "credit", "ref")
            if (text := getattr(source, name)) is not None
        }
        self._source_url = (
            None if source.source_url is None else file.text_source(source.source_url, "image", "source_url")
        )
        self._paths = {
            name: file.expression(text, "image", name)
            for name in ("width", "height", "tags", "identities", "declared")
            if (text := getattr(source, name)) is not None
        }
        self._extra = {name: file.text_source(text, "image", "extra", name) for name, text in source.extra.items()}
        self._flags = {
            name: file.expression(text, "image", "flags", name)
            for name in Flags.__struct_fields__
            if (text := getattr(source.flags, name)) is not None
        }
        self._author = _AuthorReader(file, source) if source.author else None
        self._license = _LicenseReader(file, source.license) if source.license else None
        self._renditions = [
            _RenditionReader(file, rendition, ("image", "renditions", position))
            for position, rendition in enumerate(source.renditions)
        ]
        if not self._renditions:
            raise file.error(("image", "renditions"), "names no file; add [[image.renditions]]")
        _check_names(file, list(source.let))

    def image(self, record: Any, key: str) -> Image | None:
        """Return the image that a record describes; None if the file says that it is not to be shown.

        Args:
            record: the record.
            key: what found it in the answer, such as `search.records`; for messages.

        Raises:
            WrongRecord: the record has no id or no file, or something of another kind than is needed.

        """
        if not isinstance(record, dict):
            raise WrongRecord(f"{key}: a record must be an object; found {kind_of(record)}: {describe(record)}")
        context = self.context(record)
        id = self._id(context)  # first, so that a record without one is unreadable, and not left out in silence
        if self._when is not None and not is_true(found_at("when", self._when, context)):
            return None
        word = self._license.word(context) if self._license else None
        license = self._license.license(word, context) if self._license else None
        if self._license is not None and license is None:
            return None
        size = self._size("width", context), self._size("height", context)
        if None in size:
            size = None, None  # one side says nothing
        return Image(
            id=id,
            title=self._text("title", context),
            alt=self._text("alt", context),
            description=self._text("description", context),
            date=self._text("date", context),
            extra=self._facts(context),
            width=size[0],
            height=size[1],
            color=self._text("color", context),
            blurhash=self._text("blurhash", context),
            tags=self._list("tags", context),
            author=self._author.author(context) if self._author else None,
            source_url=None if self._source_url is None else address_at("source_url", self._source_url, context),
            license=license,
            declared=self._declared(word, context),
            flags=self._flag_values(context),
            identities=self._list("identities", context),
            renditions=self._files(context, size),
            credit=self._text("credit", context),
            ref=self._text("ref", context),
        )

    def why_unwanted(self, record: dict[str, Any]) -> str | None:
        """Say why `image.when` leaves a record out; None if it does not."""
        if self._when is None or is_true(found_at("when", self._when, self.context(record))):
            return None
        return f"image.when: `{self._when.text}` is not true; {self._when.missing(record)}"

    def why_hidden(self, record: dict[str, Any]) -> str:
        """Say why the file does not show a record for which `image` returns None."""
        unwanted = self.why_unwanted(record)
        if unwanted is not None:
            return unwanted
        return self._license.why_dropped(self.context(record)) if self._license else "it is shown"

    def context(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the record with what `[image.let]` names in it. Raises WrongRecord if that cannot be computed."""
        if not self._let:
            return record
        names: dict[str, Any] = {}
        context = {**record, "let": names}
        for name, source in self._let.items():
            try:
                names[name] = source.value(context)
            except ValueError as error:
                raise WrongRecord(f"image.let.{name}: {error}") from None
        return context

    def _id(self, context: Any) -> str:
        id = self._text("id", context)
        if id is None:
            source = self._texts["id"]
            raise WrongRecord(f"image.id: `{source.written}` found nothing; {source.missing(context)}")
        return id

    def _text(self, name: str, context: Any) -> str | None:
        source = self._texts.get(name)
        return None if source is None else text_at(name, source, context)

    def _size(self, name: str, context: Any) -> int | None:
        path = self._paths.get(name)
        return None if path is None else pixels_at(name, path, context)

    def _list(self, name: str, context: Any) -> list[str]:
        path = self._paths.get(name)
        return [] if path is None else texts_at(name, path, context)

    def _facts(self, context: Any) -> dict[str, str]:
        facts = {name: text_at(f"extra.{name}", source, context) for name, source in self._extra.items()}
        return {name: value for name, value in facts.items() if value is not None}

    def _flag_values(self, context: Any) -> Flags:
        if not self._flags:
            return Flags()
        values: dict[str, Any] = {}
        for name, path in self._flags.items():
            if name == "restrictions":
                values[name] = texts_at(f"flags.{name}", path, context)
            else:
                values[name] = flag_at(f"flags.{name}", path, context)
        return Flags(**values)

    def _declared(self, word: str | None, context: Any) -> Declared | None:
        if self._license is not None:
            return self._license.declared(word)
        path = self._paths.get("declared")
        if path is None:
            return None
        return _declaration(path.text, found_at("declared", path, context))

    def _files(self, context: Any, size: tuple[int | None, int | None]) -> list[Rendition]:
        files = [file for reader in self._renditions if (file := reader.rendition(context, size)) is not None]
        if not files:
            raise WrongRecord(f"image.renditions: no address was found; {self._renditions[0].url.missing(context)}")
        return files


class _AuthorReader:
    """Reads `[image.author]`."""

    def __init__(self, file: ProviderFile, source: ImageSource) -> None:
        assert source.author is not None
        self._name = file.text_source(source.author.name, "image", "author", "name")
        url = source.author.url
        self._url = None if url is None else file.text_source(url, "image", "author", "url")

    def author(self, context: Any) -> Author | None:
        name = text_at("author.name", self._name, context)
        if name is None:
            return None
        return Author(name, None if self._url is None else address_at("author.url", self._url, context))


class _LicenseReader:
    """Reads `[image.license]`."""

    def __init__(self, file: ProviderFile, source: LicenseSource) -> None:
        way: Way = ("image", "license")
        self._word = file.text_source(source.word, *way, "word")
        self._field = source.field or source.word
        self._values = {word: file.license(written, *way, "values", word) for word, written in source.values.items()}
        self._keeps_unknown = source.otherwise == "unknown"
        self._statement = None if source.statement is None else file.text_source(source.statement, *way, "statement")
        self._url = None if source.url is None else file.text_source(source.url, *way, "url")

    def word(self, context: Any) -> str | None:
        """Return the upstream's word for the licence of a record."""
        return text_at("license.word", self._word, context)

    def license(self, word: str | None, context: Any) -> License | None:
        """Return the licence that a word means; None if the record is to be dropped."""
        url = None if self._url is None else address_at("license.url", self._url, context)
        if word is not None:
            found = self._values.get(word) or License.from_url(word)
            if found is not None:
                return _with_url(found, url)
        if not self._keeps_unknown:
            return None
        statement = None if self._statement is None else text_at("license.statement", self._statement, context)
        return License.unknown(statement or word or "Rights not stated", url)

    def why_dropped(self, context: Any) -> str:
        """Say why `license` returns None."""
        word = self.word(context)
        if word is None:
            return f"image.license.word: `{self._word.written}` found nothing; {self._word.missing(context)}"
        return (
            f"image.license: {word[:MAX_SHOWN_WORD]!r} is neither in values nor an address of Creative Commons; add it "
            'to [image.license.values], set otherwise = "unknown", or leave such records out by image.when'
        )

    def declared(self, word: str | None) -> Declared | None:
        """Return what declares the licence of a record."""
        return _declaration(self._field, word)


class _RenditionReader:
    """Reads one of `[[image.renditions]]`."""

    def __init__(self, file: ProviderFile, source: RenditionSource, way: Way) -> None:
        if source.fit is not None and (source.width is not None or source.height is not None):
            raise file.error((*way, "fit"), "stands in place of width and height; keep one of both")
        self.url = file.text_source(source.url, *way, "url")
        self._name = source.name
        self._type = source.type
        self._box = None if source.fit is None else _box(source.fit)
        self._when = None if source.when is None else file.expression(source.when, *way, "when")
        self._width = None if source.width is None else file.expression(source.width, *way, "width")
        self._height = None if source.height is None else file.expression(source.height, *way, "height")

    def rendition(self, context: Any, original: tuple[int | None, int | None]) -> Rendition | None:
        """Return the file; None if a record has no such file."""
        name = f"renditions.{self._name}"
        if self._when is not None and not is_true(found_at(name, self._when, context)):
            return None
        url = address_at(name, self.url, context)
        if url is None:
            return None
        if self._box is not None:
            file = Rendition.within(self._name, url, (original[0] or 0, original[1] or 0), self._box)
            return msgspec.structs.replace(file, type=self._type)
        width = None if self._width is None else pixels_at(name, self._width, context)
        height = None if self._height is None else pixels_at(name, self._height, context)
        return Rendition(name=self._name, url=url, width=width, height=height, type=self._type)


def _box(fit: Sequence[int]) -> tuple[float, float]:
    """Return the box of `fit`, in which 0 is a side without a limit."""
    return fit[0] or UNLIMITED, fit[1] or UNLIMITED


def _with_url(license: License, url: str | None) -> License:
    if url is None or license.url is not None:
        return license
    return msgspec.structs.replace(license, url=url)


def _declaration(field: str, found: Any) -> Declared | None:
    if found is None:
        return None
    words = found if isinstance(found, str) else describe(found)
    return Declared(field, words[:MAX_WORDS])


def _check_names(file: ProviderFile, names: Sequence[str]) -> None:
    """Refuse a setting, and `let.NAME` where `[image.let]` names something else, or names it further down only."""
    for way, source in file.compiled.items():
        if way[0] != "image":
            continue
        setting = next((below[0] for first, *below in source.names() if first == "settings" and below), None)
        if setting in file.sources.settings:
            raise file.error(way, f"[image] reads records, which have no settings.{setting}; remove it")
        if not names:
            continue
        known = names[: names.index(str(way[2]))] if way[1] == "let" else names
        for first, *below in source.names():
            if first != "let" or not below or below[0] in known:
                continue
            if below[0] in names:
                raise file.error(way, f"let.{below[0]} stands further down in [image.let]; move it up")
            raise file.error(way, f"[image.let] has no {below[0]}.{nearest(below[0], names) or ' Add it.'}")
