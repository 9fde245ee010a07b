"""The URL of a PostgreSQL database, read into its parts.

A URL is read strictly: where a character of a password is not percent-encoded, a lenient reader takes a part of the
password for a host, and then shows it or looks it up. No message here shows any part of the URL.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, unquote, unquote_plus, urlencode

import msgspec

SCHEME = re.compile(r"postgres(ql)?(\+asyncpg)?://")  # postgresql+asyncpg://
# `p%40ss`: what may stand between the `:` and the `@`.
CREDENTIAL = re.compile(r"(?:[^%:/?#\[\]@]|%[0-9A-Fa-f]{2})*")
IPV6_HOST = re.compile(r"\[([^\[\]]+)\](?::([^:]*))?")  # [2001:db8::1]:5432
PORT = re.compile(r"[0-9]{1,5}")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SESSION_ATTRIBUTES = ("read-write", "primary", "any")  # the others of libpq choose a server that cannot write

ENCODE = "python3 -c 'import getpass, urllib.parse as u; print(u.quote(getpass.getpass(), safe=\"\"))'"
BAD_CREDENTIALS = (
    "must be postgresql://USER:PASSWORD@HOST:PORT/NAME with the special characters of USER and PASSWORD "
    "percent-encoded: % as %25, @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D; "
    f"encode a password with: {ENCODE}"
)
BAD_HOSTS = (
    "must name each host as HOST or HOST:PORT, an IPv6 address in brackets, with commas between several hosts: "
    "postgresql://USER:PASSWORD@HOST1:5432,HOST2:5432/NAME"
)
BAD_OPTIONS = "must have NAME=VALUE after the ?, with & between several, such as ?sslmode=verify-full"


class Address(msgspec.Struct, frozen=True):
    """Where a server listens.

    Attributes:
        host: a name, an address, or the folder of a socket, which begins with `/`.
        port: None for the default.

    """

    host: str
    port: int | None

    def __str__(self) -> str:
        """`db.example:5432`, or `the local socket`."""
        if self.host.startswith("/"):
            return "the local socket"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class PostgresURL(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a URL. What it does not name is None: the environment or PostgreSQL's defaults decide then.

    Attributes:
        user: the role.
        password: as it is, not percent-encoded.
        secrets: the password as it is and as it is written, for the log to hide.
        addresses: the servers, in the order to try them; none for the local socket or `PGHOST`.
        database: its name.
        options: what else stands after the `?`.

    """

    user: str | None
    password: str | None
    secrets: Sequence[str]
    addresses: Sequence[Address]
    database: str | None
    options: dict[str, str]

    def __repr__(self) -> str:
        """Without the password."""
        return f"PostgresURL({self.place})"

    @property
    def place(self) -> str:
        """The hosts and the name of the database, for messages."""
        hosts = ",".join(map(str, self.addresses)) or "the local socket"
        return f"{hosts}/{self.database}" if self.database else hosts

    @property
    def query(self) -> str:
        """A URL of the options alone."""
        return f"postgresql://?{urlencode(self.options, quote_via=quote)}" if self.options else "postgresql://"


def is_postgres(url: str) -> bool:
    """Whether a URL names a PostgreSQL database."""
    return SCHEME.match(url) is not None


def read_postgres_url(url: str) -> PostgresURL:
    """Read a URL such as `postgresql://USER:PASSWORD@HOST1:5432,HOST2:5432/NAME?target_session_attrs=read-write`.

    Raises:
        ValueError: it cannot be read in one way only; the message says what is right and shows nothing of the URL.

    """
    rest = SCHEME.sub("", url, count=1)
    before_query, _, query = rest.partition("?")
    authority, _, database = before_query.partition("/")
    user_info, _, hosts = authority.rpartition("@")
    user, _, written_password = user_info.partition(":")
    if rest.count("@") > authority.count("@"):  # a `/` or `?` of the password ends the authority before the `@`
        raise ValueError(BAD_CREDENTIALS)
    if not CREDENTIAL.fullmatch(user) or not CREDENTIAL.fullmatch(written_password):
        raise ValueError(BAD_CREDENTIALS)
    options = dict(_options(query))
    hosts_of_query = options.pop("host", "")
    ports_of_query = options.pop("port", "")
    user_of_query = options.pop("user", "")
    password_of_query = options.pop("password", "")
    database_of_query = options.pop("dbname", "") or options.pop("database", "")
    _check_options(options)
    addresses = list(_addresses(hosts, "", is_encoded=True) if hosts else _addresses(hosts_of_query, ports_of_query))
    password = unquote(written_password) or password_of_query
    return PostgresURL(
        user=unquote(user) or user_of_query or None,
        password=password or None,
        secrets=[secret for secret in (password, written_password) if secret],
        addresses=addresses,
        database=unquote(database) or database_of_query or None,
        options=options,
    )


def _options(query: str) -> Iterator[tuple[str, str]]:
    """The names and values after the `?`, decoded. An empty value counts as not given."""
    for item in query.split("&") if query else ():
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise ValueError(BAD_OPTIONS)
        if value:
            yield unquote_plus(name), unquote_plus(value)


def _check_options(options: dict[str, str]) -> None:
    if options.get("sslmode", "prefer") not in SSL_MODES:
        raise ValueError(f"must have an sslmode of {', '.join(SSL_MODES[:-1])} or {SSL_MODES[-1]}")
    if options.get("target_session_attrs", "any") not in SESSION_ATTRIBUTES:
        allowed = f"{', '.join(SESSION_ATTRIBUTES[:-1])} or {SESSION_ATTRIBUTES[-1]}"
        raise ValueError(f"must have target_session_attrs of {allowed}, because ImageVault writes to the database")


def _addresses(hosts: str, ports: str, *, is_encoded: bool = False) -> Iterator[Address]:
    """The servers of a list of hosts.

    Args:
        hosts: separated by commas, each perhaps with its port.
        ports: those of the option `port`, one for all hosts or one for each; they replace the hosts' own.
        is_encoded: whether the hosts are percent-encoded, as they are before the `/`.

    """
    names = hosts.split(",") if hosts else []
    shared = [_port(port) for port in ports.split(",")] if ports else []
    if len(shared) == 1:
        shared *= len(names)
    if shared and len(shared) != len(names):
        raise ValueError(BAD_HOSTS)
    for position, name in enumerate(names):
        address = _address(name, is_encoded=is_encoded)
        yield Address(address.host, shared[position]) if shared else address


def _address(text: str, *, is_encoded: bool) -> Address:
    if text.startswith("/"):  # the folder of a socket; it may hold a colon
        return Address(text, None)
    ipv6 = IPV6_HOST.fullmatch(text)
    if ipv6:
        host, port = ipv6[1], ipv6[2]
    else:
        host, _, port = text.partition(":")
    if not host or "[" in host or "]" in host:
        raise ValueError(BAD_HOSTS)
    return Address(unquote(host) if is_encoded else host, _port(port) if port else None)


def _port(text: str) -> int:
    if not PORT.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise ValueError(BAD_HOSTS)
    return int(text)
