"""The routes of the pages for people who have signed in. What they do, the API does too."""

import hashlib
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from imagevault.downloads.ledger import Ledger
from imagevault.downloads.new_download import NewDownload
from imagevault.downloads.record import MAX_NOTE, MAX_PROJECT
from imagevault.errors import BadInput
from imagevault.search.gateway import Gateway
from imagevault.security.caller import Caller
from imagevault.terms import AUTOMATED_USE
from imagevault.web.downloads_page import CHANGES, day, read_downloads_page
from imagevault.web.forms import FORM, PAGE, Form
from imagevault.web.providers_page import read_providers_page
from imagevault.web.rendering import render
from imagevault.web.responses import HTML, PRIVATE, page_response

DownloadId = Annotated[uuid.UUID, PathParameter()]


@get("/my/providers", opt=PAGE, include_in_schema=False, media_type=HTML)
async def show_providers(request: Request[Caller, Any, Any], gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """Show how each provider is doing; admins also see numbers and what is wrong."""
    page = await read_providers_page(gateway, is_admin=request.user.is_admin)
    text = render("providers.html", page=page, user=request.user, automated_use=AUTOMATED_USE)
    return page_response(request, text, headers=PRIVATE)


@get("/my/downloads", opt=PAGE, include_in_schema=False, media_type=HTML)
async def show_downloads(
    request: Request[Caller, Any, Any],
    ledger: NamedDependency[Ledger],
    q: Annotated[str | None, QueryParameter()] = None,
    project: Annotated[str | None, QueryParameter()] = None,
    provider: Annotated[str | None, QueryParameter()] = None,
    license: Annotated[str | None, QueryParameter()] = None,
    status: Annotated[str | None, QueryParameter()] = None,
    cursor: Annotated[str | None, QueryParameter()] = None,
) -> Response[bytes]:
    """List one's own downloads, newest first."""
    given = {"q": q, "project": project, "provider": provider, "license": license, "status": status}
    page = await read_downloads_page(ledger, request.user.id, given, cursor or None)
    titles = {name: provider.info.title for name, provider in ledger.gateway.providers.items()}
    text = render(
        "downloads.html",
        page=page,
        user=request.user,
        titles=titles,
        changes=CHANGES,
        day=day,
        next_address=f"/my/downloads?{urlencode({**page.given, 'cursor': page.next})}" if page.next else None,
    )
    return page_response(request, text, headers=PRIVATE)


@post("/my/downloads", opt=FORM, include_in_schema=False, media_type=HTML, status_code=303)
async def take(request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger]) -> Redirect:
    """Record a download, and show it.

    The page puts a random `key` into its form, so that the same form sent twice records one download. Somebody who goes
    back and chooses another size or project sends another form, which records another download.
    """
    body = await request.body()
    form = Form(body)
    new = NewDownload(
        image=form.text("image"),
        rendition=form.text("rendition"),
        project=_limited(form, "project", MAX_PROJECT),
        note=_limited(form, "note", MAX_NOTE),
    )
    if new.image is None:
        raise BadInput("image", "is missing")
    saved = await ledger.save(request.user, new, hashlib.sha256(body).hexdigest())
    return Redirect(f"/my/downloads/{saved.record.id}", status_code=303)


@get("/my/downloads/{id:uuid}", opt=PAGE, include_in_schema=False, media_type=HTML)
async def show_download(
    request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger], id: DownloadId
) -> Response[bytes]:
    """Show one download with its licence and its credit, as of that day. At `#saved` it says that a change is saved."""
    download = await ledger.find(request.user.id, id)
    projects = await ledger.projects(request.user.id)
    text = render("download.html", download=download, projects=projects, user=request.user, changes=CHANGES, day=day)
    return page_response(request, text, headers=PRIVATE)


@get("/my/downloads/forgotten", opt=PAGE, include_in_schema=False, media_type=HTML)
async def confirm_forgotten(request: Request[Caller, Any, Any]) -> Response[bytes]:
    """Say that a download is deleted."""
    return page_response(request, render("forgotten.html", user=request.user), headers=PRIVATE)


@post("/my/downloads/{id:uuid}", opt=FORM, include_in_schema=False, media_type=HTML, status_code=303)
async def change_download(
    request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger], id: DownloadId
) -> Redirect:
    """Change project and note of a download, or forget it."""
    form = Form(await request.body())
    if form.text("action") == "forget":
        await ledger.forget(request.user.id, id)
        return Redirect("/my/downloads/forgotten", status_code=303)
    project = _limited(form, "project", MAX_PROJECT)
    await ledger.change(request.user.id, id, project, _limited(form, "note", MAX_NOTE))
    return Redirect(f"/my/downloads/{id}#saved", status_code=303)


def _limited(form: Form, name: str, max_length: int) -> str | None:
    text = form.text(name)
    if text is not None and len(text) > max_length:
        raise BadInput(name, f"must be at most {max_length} characters")
    return text


ROUTES = [show_providers, show_downloads, take, show_download, confirm_forgotten, change_download]
