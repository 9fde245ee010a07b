"""The form of a declarative provider's TOML file, as Structs. `reading` makes them of a file, or says what is wrong.

Three kinds of text stand in them:

* `Path`: a JMESPath expression that is read from a record or an answer: `images.web.url`.
* `Text`: a template, read from what a request knows: `{text}`, `{settings.api_key}`.
* `Source`: in a record, a template if it has a brace, else a path.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType

from imagevault.licenses import License
from imagevault.quotas import Quota
from imagevault.records import ProviderInfo, RenditionName

Path: TypeAlias = str
Text: TypeAlias = str
Source: TypeAlias = str
Constant: TypeAlias = str | int | float | bool
Side: TypeAlias = Annotated[int, Meta(ge=0)]


class _Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. A key that it does not know is an error."""


class Setting(_Table, frozen=True, kw_only=True):
    """A setting of the provider's own: a key of `[providers.NAME]`, and the environment variable `NAME_KEY`.

    Attributes:
        description: what it is, for admins.
        default: its value if an admin sets none; the setting has the type of this value. Without it, the setting is
            text and required: the provider is `unconfigured` until it is set.

    """

    description: str = ""
    default: Constant | UnsetType = UNSET


class Request(_Table, frozen=True, kw_only=True):
    """What every call of the provider sends.

    Attributes:
        query: parameter -> its value.
        headers: header -> its value.

    """

    query: Mapping[str, Constant] = {}
    headers: Mapping[str, Text] = {}


class Call(_Table, frozen=True, kw_only=True):
    """One call of the upstream. A parameter, header or value whose placeholder finds nothing is left out.

    Attributes:
        path: below `base_url`; what is put in is url-encoded.
        method: `GET`, or `POST` where the upstream searches by it. A POST is taken for safe to repeat.
        query: parameter -> its value, url-encoded.
        headers: header -> its value.
        json: the body, as a table. A text that is one placeholder keeps the type of what it finds.
        when: an expression; where it finds nothing, or false, no call is made and nothing is found.

    """

    path: Text
    method: Literal["GET", "POST"] = "GET"
    query: Mapping[str, Constant] = {}
    headers: Mapping[str, Text] = {}
    json: Mapping[str, Any] | None = None
    when: Path | None = None


class Search(Call, frozen=True, kw_only=True):
    """How a page of results is fetched and read.

    A request knows `text`, `page` (from 1), `page_from_0`, `per_page`, `offset` (results before the page), `token` (of
    the page, where `paging` is `token`), `sort`, `filters.NAME`, `parameters.NAME` and `settings.NAME`. Filters and
    `sort` have the values that `[provider]` gives them.

    Attributes:
        records: finds the list of records in the answer.
        total: finds how many results there are.
        last: finds whether this is the last page. Without it, a page is the last one if it has no record, or if `total`
            or `max_results` is reached.
        next: finds the token of the next page, where `paging` is `token`.

    """

    records: Path
    total: Path | None = None
    last: Path | None = None
    next: Source | None = None


class Lookup(Call, frozen=True, kw_only=True):
    """How one image is looked up. A request knows `id` and `settings`.

    Attributes:
        id: a regular expression for the ids that there can be; another id costs no call.
        record: finds the record in the answer. It finds null, false, or an empty list or object if there is no such
            image; of the whole answer, null alone counts so.
        records: in place of it: finds the list in which the record is alone; an empty list if there is no such image.

    """

    id: str
    record: Path = "@"
    records: Path | None = None


class Errors(_Table, frozen=True, kw_only=True):
    """How errors under status 200 differ from results, in the answers of searches and look-ups.

    Attributes:
        when: an expression of the whole answer; where it is true, the answer is an error.
        text: finds the upstream's words for it.
        code: finds what kind of error it is: a number or a text, compared with the codes below.
        unauthorized: the codes of a key that is missing, wrong or does not allow this.
        rate_limited: those of too many calls.
        not_found: those of an image that does not exist; of a search, that nothing was found.
        unavailable: those of an upstream that is down. Any other error is an invalid response.

    """

    when: Path
    text: Source | None = None
    code: Path | None = None
    unauthorized: Sequence[int | str] = ()
    rate_limited: Sequence[int | str] = ()
    not_found: Sequence[int | str] = ()
    unavailable: Sequence[int | str] = ()


class AuthorSource(_Table, frozen=True, kw_only=True):
    """Who made the image; nobody where the name is not found."""

    name: Source
    url: Source | None = None


class LicenseSource(_Table, frozen=True, kw_only=True):
    """The licence of each image, where images have different ones. It also says what declares it (`Image.declared`).

    Attributes:
        word: finds the upstream's word for the licence, such as `cc-by` or an address of Creative Commons.
        values: that word -> an address of Creative Commons, or a table with the fields of `License`. Addresses of
            Creative Commons need no entry.
        otherwise: what becomes of an image with another word, or none: it is dropped, or its rights are `unknown`.
        statement: finds what the provider says of the rights, shown for `unknown` ones; by default the word.
        url: finds the address of the licence's text, where `values` gives none.
        field: the name of the field in the upstream's record, for people; by default as `word` is written.

    """

    word: Source
    values: Mapping[str, str | License] = {}
    otherwise: Literal["drop", "unknown"] = "drop"
    statement: Source | None = None
    url: Source | None = None
    field: str | None = None


class FlagSources(_Table, frozen=True, kw_only=True):
    """What the provider says beside the licence: the fields of `Flags`."""

    ai_generated: Path | None = None
    ai_training_refused: Path | None = None
    sensitive: Path | None = None
    restrictions: Path | None = None


class RenditionSource(_Table, frozen=True, kw_only=True):
    """One file of the image; left out where its address finds nothing.

    Attributes:
        name: its name among the others.
        url: its address. What is put in behind the first placeholder is url-encoded.
        width: finds its width.
        height: finds its height.
        fit: in place of both: the box, `[width, height]`, into which the upstream scales the original; 0 is no limit.
        type: its MIME type, as a constant.
        when: an expression; where it finds nothing, or false, there is no such file.

    """

    name: RenditionName
    url: Source
    width: Path | None = None
    height: Path | None = None
    fit: tuple[Side, Side] | None = None
    type: str | None = None
    when: Path | None = None


class ImageSource(_Table, frozen=True, kw_only=True):
    """Where each field of an `Image` stands in a record.

    Attributes:
        let: name -> an expression or a template that others use as `let.NAME`. Each may use those before it.
        when: an expression; a record for which it finds nothing, or false, is no image to show.
        renditions: the files of the image.
        license: where it stands; left out if `[provider.license]` holds for all images.
        declared: finds what declares the licence, if `[provider.license]` holds for all images.
        tags: finds a list of texts, or one text with commas.
        extra: the name of a fact -> where it stands.

    """

    id: Source
    renditions: Sequence[RenditionSource]
    let: Mapping[str, Source] = {}
    when: Path | None = None
    title: Source | None = None
    alt: Source | None = None
    description: Source | None = None
    date: Source | None = None
    extra: Mapping[str, Source] = {}
    width: Path | None = None
    height: Path | None = None
    color: Source | None = None
    blurhash: Source | None = None
    tags: Path | None = None
    author: AuthorSource | None = None
    source_url: Source | None = None
    license: LicenseSource | None = None
    declared: Path | None = None
    flags: FlagSources = FlagSources()
    identities: Path | None = None
    credit: Source | None = None
    ref: Source | None = None


class Sources(_Table, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        provider: the fields of `ProviderInfo`, without `settings`. A quota may be a text (`5000/hour`), and the licence
            an address of Creative Commons.
        settings: the provider's own settings, by name.
        request: what every call sends.
        search: how a page of results is fetched and read.
        image: where each field of an image stands in a record.
        lookup: how one image is looked up; without it, images are found on cached pages only.
        errors: which answers are errors, where their status does not say so.

    """

    provider: Mapping[str, Any]
    search: Search
    image: ImageSource
    settings: Mapping[str, Setting] = {}
    request: Request = Request()
    lookup: Lookup | None = None
    errors: Errors | None = None


def _provider_table() -> type[Struct]:
    """Return the Struct of `[provider]`: the fields of `ProviderInfo`, so that a new field is known here too."""
    written = {
        "license": str | License | None,
        "quotas": Sequence[str | Quota],
    }
    fields: list[Any] = []
    for field in msgspec.structs.fields(ProviderInfo):
        if field.name == "settings":
            continue
        type = written.get(field.name, field.type)
        default = (
            field.default
            if field.default_factory is NODEFAULT
            else msgspec.field(default_factory=field.default_factory)
        )
        fields.append((field.name, type) if field.required else (field.name, type, default))
    return msgspec.defstruct("Provider", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)


ProviderTable = _provider_table()
