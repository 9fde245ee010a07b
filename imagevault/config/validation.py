"""The values of settings: text read as what it should be, and what would be right where it is wrong.

What is wrong is a ValueError: its message says what would be right. Of values it shows hosts and origins only, for of
several one must know which; any other may be a secret.
"""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import inspect

MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105  a command, not a secret
HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
LISTS = (inspect.VarTupleType, inspect.ListType, inspect.SetType, inspect.FrozenSetType)


def convert(value: object, type: Any) -> Any:
    """`value` as `type`: text is read, and cut at commas for a list. A type with a `parse` of its own reads itself."""
    bare = _bare(inspect.type_info(type))
    if parse := getattr(getattr(bare, "cls", None), "parse", None):
        return parse(value)
    lenient = isinstance(value, str)
    if isinstance(value, str):
        _check_text(value, bare)
        if isinstance(bare, LISTS):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif not isinstance(bare, inspect.StrType):
            value = value.strip()
    try:
        return msgspec.convert(value, type, strict=not lenient, dec_hook=_path)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ValueError(_wanted(bare) or str(error).replace("`", "")) from None


def clean_key(key: str) -> str:
    """An upstream's key without the blanks that were copied along with it; it must fit into a header."""
    if not re.fullmatch(r"[ -~]*", key.strip()):
        raise ValueError("must be plain ASCII in one line; copy it again")
    return key.strip()


def check_secret(secret: str) -> None:
    """A secret has 32 bytes or more, and is not the command that makes one, which everybody can read."""
    if "$(" in secret or "`" in secret or "token_urlsafe" in secret:
        raise ValueError(f"is a command, not what it prints; run it and set the result: {MAKE_SECRET}")
    if len(secret.encode()) < 32:
        raise ValueError(f"must be at least 32 bytes long; make one with: {MAKE_SECRET}")


def check_database(url: str) -> None:
    """A database is PostgreSQL, or a file of SQLite."""
    if url.startswith("sqlite:"):
        message = "must be sqlite:///FILE (or sqlite:////ABSOLUTE/FILE)"
        parts = _split(url, message)
        if parts.netloc or len(parts.path) < 2:
            raise ValueError(message)
    elif not re.match(r"postgres(ql)?(\+asyncpg)?://", url):
        raise ValueError("must begin with postgresql://, postgresql+asyncpg://, postgres:// or sqlite:///")
    else:
        _split(url, "must be postgresql://USER:PASSWORD@HOST:PORT/NAME, with : / ? # @ in a password percent-encoded")


def check_url(url: str) -> None:
    """An address of ours or of an upstream is http(s) with a host, and nothing behind the path."""
    message = "must be an address such as https://images.example.org"
    parts = _split(url, message)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", url):
        raise ValueError(message)
    if not _is_host(re.sub(r":[0-9]+$", "", parts.netloc)):
        raise ValueError(message)


def check_origins(origins: tuple[str, ...]) -> None:
    """An origin is an address without a path."""
    for origin in origins:
        check_url(origin)
        if urlsplit(origin).path:
            raise ValueError(f"{origin}: an origin has no path, not even a slash")


def check_host(host: str) -> None:
    """What to listen on is a name, or an address of IPv4 or IPv6 without brackets."""
    if not _is_host(f"[{host}]" if ":" in host else host):
        raise ValueError("must be a host name or address, without scheme, port or brackets")


def check_hosts(hosts: tuple[str, ...]) -> None:
    """A host to answer to is a name or an address, as it stands in a URL."""
    for host in hosts:
        if not _is_host(host):
            raise ValueError(f"{host}: must be a host name or address (IPv6 in brackets), no scheme, port or wildcard")


def check_names(names: tuple[str, ...]) -> None:
    """A chain of providers has a first."""
    if not names:
        raise ValueError("must name at least one provider")


def _is_host(text: str) -> bool:
    """Whether this may stand for the host in a URL: a name, an address, or an address of IPv6 in brackets."""
    if not text.startswith("["):
        return HOST.fullmatch(text) is not None
    try:
        return ":" in str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))) and text.endswith("]")
    except ValueError:
        return False


def _wanted(bare: inspect.Type) -> str:
    """What would be right, in words; nothing where words are lacking."""
    match bare:
        case inspect.LiteralType(values=values):
            return f"must be {' or '.join(map(str, values))}"
        case inspect.BoolType():
            return "must be true or false"
        case inspect.IntType(gt=None, lt=None, multiple_of=None):
            return f"must be a whole number{_range(bare.ge, bare.le)}"
        case inspect.FloatType(gt=None, lt=None, multiple_of=None):
            return f"must be a number{_range(bare.ge, bare.le)}"
        case inspect.StrType(min_length=None, max_length=None, pattern=None):
            return "must be text"
        case inspect.StrType(pattern=str()):
            return "has not the form that it must have"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "must be a path"
        case _ if isinstance(bare, LISTS) and isinstance(bare.item_type, inspect.StrType):
            return "must be a list of texts, or one text with commas"
    return ""


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:.9g} to {high:.9g}"
    least = f" of at least {low:.9g}" if low is not None else ""
    return least + (f" of at most {high:.9g}" if high is not None else "")


def _bare(info: inspect.Type) -> inspect.Type:
    """The type without what is said about it, and without None where there is one other."""
    if isinstance(info, inspect.Metadata):
        return _bare(info.type)
    if isinstance(info, inspect.UnionType):
        others = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        return _bare(others[0]) if len(others) == 1 else info
    return info


def _split(url: str, message: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # its message may show a password
        raise ValueError(message) from None
    return parts


def _check_text(text: str, bare: inspect.Type) -> None:
    if "\0" in text:
        raise ValueError("must not hold a NUL character")
    surrogates = any("\ud800" <= char <= "\udfff" for char in text)  # what Python makes of bytes that are not UTF-8
    if surrogates and not isinstance(bare, inspect.CustomType):
        raise ValueError("must be UTF-8 text")


def _path(wanted: Any, value: object) -> object:
    return wanted(value) if wanted is Path and isinstance(value, str) else value
