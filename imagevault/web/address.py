"""Addresses of the page."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from imagevault.images.record import ImageRecord

MAX_ALSO = 5  # other records of the same picture that the address of a picture names
MAX_PATH = 2048  # characters of a path to go to
HOME = "/"


def search_address(fields: Iterable[tuple[str, str | None]]) -> str:
    """Return the address of a search with these fields, without the empty ones."""
    query = urlencode([(name, value) for name, value in fields if value])
    return f"/?{query}" if query else "/"


def picture_address(record: ImageRecord, *, pictures: bool = False, at: str | None = None) -> str:
    """Return the address of a picture. It names the other records of the same picture that are known.

    Args:
        record: the picture.
        pictures: whether the reader of the page agreed to load files of providers.
        at: the id of another of its records, in `also_at`, to go to; None for the record itself.

    """
    ids = [record.id, *(other.id for other in record.also_at)]
    shown = at or record.id
    fields = [("also", ",".join([id for id in ids if id != shown][:MAX_ALSO])), ("pictures", "yes" if pictures else "")]
    query = urlencode([(name, value) for name, value in fields if value], safe=":,")
    return f"{picture_path(shown)}?{query}" if query else picture_path(shown)


def picture_path(id: str) -> str:
    """Return the address of a picture by its id alone."""
    return f"/picture/{quote(id, safe=':')}"


def export_address(format: str, project: str | None) -> str:
    """Return where the credits of somebody's downloads are, of one project or of all."""
    return "/downloads/export?" + urlencode({"format": format, **({"project": project} if project else {})})


def account_form_address(path: str, next: str) -> str:
    """Return the address of the form to sign in or up, `path`, that leads to a page of this server afterwards."""
    return path if next == HOME else f"{path}?{urlencode({'next': next})}"


def local_path(wanted: str) -> str:
    """Return a path of this server, such as one to go to after signing in; the start page in place of anything else.

    Browsers take `//a.example` for the address of another site, and also with a backslash.
    """
    is_local = wanted.startswith("/") and wanted[1:2] not in {"/", "\\"}
    is_plain = len(wanted) <= MAX_PATH and wanted.isascii() and wanted.isprintable() and " " not in wanted
    return wanted if is_local and is_plain else HOME
