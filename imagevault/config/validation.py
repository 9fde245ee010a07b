"""Reading and checking the values of settings.

A wrong value is a ValueError, whose message says what is right. A message never shows the value, which may be a secret,
except for hosts and origins, which stand in lists: the message must say which one is wrong. It shows a path too.
"""

import ipaddress
import re
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import inspect

from imagevault.config.database_url import is_postgres, read_postgres_url
from imagevault.config.sources import alternatives

MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105  a command, not a secret
MIN_SECRET_BYTES = 32
# Of 32 random hexadecimal digits, fewer are different once in 28 million times.
MIN_DISTINCT = 8  # characters of a secret that differ, blanks not counted
HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
LISTS = (inspect.VarTupleType, inspect.ListType, inspect.SetType, inspect.FrozenSetType)


def convert(value: object, type: Any, *, example: object = msgspec.NODEFAULT) -> Any:
    """Convert a value of the file or the environment to the type of its key.

    Text is converted too, and split at commas for a list. A type with a `parse` method reads the value itself.

    Args:
        value: the value as it was written.
        type: the type of the key, with its limits.
        example: a right value to name in the message, such as the default.

    Raises:
        ValueError: the value is not of this type or not within its limits; the message says what is right.

    """
    bare = _without_metadata(inspect.type_info(type))
    parse = getattr(getattr(bare, "cls", None), "parse", None)
    if parse is not None:
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
        raise ValueError(_remedy(bare, example) or str(error).replace("`", "")) from None


def clean_key(key: str) -> str:
    """Remove spaces that were copied with an upstream's key. Raises ValueError if a header cannot hold the key."""
    key = key.strip()
    if not re.fullmatch(r"[ -~]*", key):
        raise ValueError("must be plain ASCII in one line; copy it again")
    return key


def check_secret(secret: str) -> None:
    """Check that a secret has at least 32 bytes, is not the published command that makes one, and looks random."""
    if "$(" in secret or "`" in secret or "token_urlsafe" in secret:
        raise ValueError(f"is a command and not its output; run it and use what it prints: {MAKE_SECRET}")
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes long; make one with: {MAKE_SECRET}")
    if len(set("".join(secret.split()))) < MIN_DISTINCT:
        raise ValueError(
            f"can be guessed: it has fewer than {MIN_DISTINCT} different characters; make one with: {MAKE_SECRET}"
        )


def check_database(url: str) -> None:
    """Check that a URL names a PostgreSQL database or a SQLite file."""
    if url.startswith("sqlite:"):
        message = "must be sqlite:///FILE (or sqlite:////ABSOLUTE/FILE)"
        parts = _split(url, message)
        if parts.netloc or len(parts.path) < 2:
            raise ValueError(message)
    elif not is_postgres(url):
        raise ValueError("must begin with postgresql://, postgresql+asyncpg://, postgres:// or sqlite:///")
    else:
        read_postgres_url(url)


def check_url(url: str) -> None:
    """Check that a URL is http or https, with a host, and without credentials, query and fragment."""
    message = "must be a URL such as https://images.example.org"
    parts = _split(url, message)
    if parts.scheme not in {"http", "https"} or parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", url):
        raise ValueError(message)
    if not _is_host(re.sub(r":[0-9]+$", "", parts.netloc)):
        raise ValueError(message)


def check_path(path: str) -> None:
    """Check that a text is the path of a URL: `/files`, without query and fragment."""
    if not re.fullmatch(r"/[!-~]*", path) or re.search(r'[?#<>"\\^`{|}]', path):
        raise ValueError("must be a path such as /files")


def check_folder(path: Path) -> None:
    """Check that there is a folder at this path."""
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}; create it or correct the path")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_origins(origins: tuple[str, ...]) -> None:
    """Check that each origin is a URL without a path."""
    for origin in origins:
        check_url(origin)
        if urlsplit(origin).path:
            raise ValueError(f"{origin}: must have no path; remove the slash and what follows it")


def check_host(host: str) -> None:
    """Check that an address to listen on is a host name, an IPv4 address, or an IPv6 address without brackets."""
    if not _is_host(f"[{host}]" if ":" in host else host):
        raise ValueError("must be a host name or address, without scheme, port or brackets")


def check_hosts(hosts: tuple[str, ...]) -> None:
    """Check that each host is a name or an address, as in a URL."""
    for host in hosts:
        if not _is_host(host):
            raise ValueError(
                f"{host}: must be a host name or address (IPv6 in brackets) without scheme, port or wildcard"
            )


def check_networks(networks: tuple[str, ...]) -> None:
    """Check that each network is an address or a CIDR block, and that none is the whole internet."""
    for network in networks:
        try:
            parsed = ipaddress.ip_network(network)
        except ValueError:
            raise ValueError(f"{network}: must be an address or a network such as 10.0.0.0/8") from None
        if parsed.prefixlen == 0:
            raise ValueError(f"{network}: contains every address; name only those that you mean")


def check_names(names: tuple[str, ...]) -> None:
    """Check that a list of providers is not empty."""
    if not names:
        raise ValueError("must name at least one provider")


def _is_host(text: str) -> bool:
    """Whether text is valid as the host of a URL: a name, an IPv4 address, or an IPv6 address in brackets."""
    if not text.startswith("["):
        return HOST.fullmatch(text) is not None
    try:
        return ":" in str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))) and text.endswith("]")
    except ValueError:
        return False


def _remedy(bare: inspect.Type, example: object) -> str:
    """What is right for a type, in words; the empty string for types that settings rarely have."""
    match bare:
        case inspect.LiteralType(values=values):
            return f"must be {alternatives(values)}"
        case inspect.BoolType():
            return "must be true or false"
        case inspect.IntType(gt=None, lt=None, multiple_of=None):
            return f"must be a whole number{_range(bare.ge, bare.le)}{_such_as(example)}"
        case inspect.FloatType(gt=None, lt=None, multiple_of=None):
            return f"must be a number{_range(bare.ge, bare.le)}{_such_as(example)}"
        case inspect.StrType(min_length=None, max_length=None, pattern=None):
            return "must be text"
        case inspect.StrType(pattern=str(pattern)):
            return f"must match the pattern {pattern}"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "must be a path"
        case _ if isinstance(bare, LISTS) and isinstance(bare.item_type, inspect.StrType):
            return "must be a list of texts, or one text with commas between them"
    return ""


def _such_as(example: object) -> str:
    """Return the example for a number; nothing if there is none."""
    return f", such as {example:.9g}" if isinstance(example, int | float) else ""


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:.9g} to {high:.9g}"
    if low is not None:
        return f" of at least {low:.9g}"
    return f" of at most {high:.9g}" if high is not None else ""


def _without_metadata(info: inspect.Type) -> inspect.Type:
    """Return the type without its metadata; without None too, if one other type is left."""
    if isinstance(info, inspect.Metadata):
        return _without_metadata(info.type)
    if isinstance(info, inspect.UnionType):
        others = [inner for inner in info.types if not isinstance(inner, inspect.NoneType)]
        return _without_metadata(others[0]) if len(others) == 1 else info
    return info


def _split(url: str, message: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # whose message may show a password
        raise ValueError(message) from None
    return parts


def _check_text(text: str, bare: inspect.Type) -> None:
    if "\0" in text:
        raise ValueError("must not contain a NUL character; remove it")
    surrogates = any("\ud800" <= char <= "\udfff" for char in text)  # Python's form of bytes that are not UTF-8
    if surrogates and not isinstance(bare, inspect.CustomType):
        raise ValueError("must be UTF-8 text")


def _path(wanted: Any, value: object) -> object:
    return wanted(value) if wanted is Path and isinstance(value, str) else value
