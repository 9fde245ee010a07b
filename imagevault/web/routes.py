"""The routes of the page. What they show, the API answers too."""

import logging
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from imagevault.downloads.finding import Taken
from imagevault.downloads.ledger import Ledger
from imagevault.errors import BadInput, DatabaseUnavailable, ResourceNotFound
from imagevault.search.gateway import Gateway
from imagevault.search.outcome import SearchFailed
from imagevault.search.provider_list import list_providers, pauses_of
from imagevault.security.caller import Caller
from imagevault.web import search_page, words
from imagevault.web.assets import ASSETS, VERSION
from imagevault.web.downloads_page import day, short_day
from imagevault.web.forms import OPEN_PAGE, PAGE
from imagevault.web.picture_page import read_picture_page
from imagevault.web.picture_sources import PictureSources
from imagevault.web.rendering import render
from imagevault.web.responses import HTML, asset_response, form_again, page_response, streamed_page
from imagevault.web.search_page import AGREED, SearchForm

log = logging.getLogger(__name__)


# Anyone may open the page; it says where an account is needed.
@get("/", opt={**OPEN_PAGE, "repeated": {"provider"}}, include_in_schema=False, media_type=HTML)
async def show_search(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    ledger: NamedDependency[Ledger],
    q: Annotated[str | None, QueryParameter()] = None,
    provider: Annotated[list[str] | None, QueryParameter()] = None,
    cursor: Annotated[str | None, QueryParameter()] = None,
    orientation: Annotated[str | None, QueryParameter()] = None,
    size: Annotated[str | None, QueryParameter()] = None,
    color: Annotated[str | None, QueryParameter()] = None,
    license: Annotated[str | None, QueryParameter()] = None,
    locale: Annotated[str | None, QueryParameter()] = None,
    ai: Annotated[str | None, QueryParameter()] = None,
    sensitive: Annotated[str | None, QueryParameter()] = None,
    pictures: Annotated[str | None, QueryParameter()] = None,
) -> Stream:
    """Search. The form is sent at once, and the pictures when the providers have answered.

    What fails before the form is sent has a status of its own: a wrong search, or a database that is away, in which
    case the page shows the form without the providers.
    """
    filters = {
        "orientation": orientation,
        "size": size,
        "color": color,
        "license": license,
        "locale": locale,
        "ai": ai,
        "sensitive": sensitive,
    }
    form = SearchForm.read(q, provider or [], filters, cursor)
    if pictures == AGREED:
        form = form.with_pictures()
    user: Caller | None = request.user
    may_search = user is not None or gateway.settings.search == "open"
    page: dict[str, Any] = {
        "form": form,
        "user": user,
        "may_search": may_search,
        "may_sign_up": gateway.settings.signup != "closed",
        "choices": search_page.choices(),
    }
    form_again(request, "search_failed.html", **page, chips=[], outcomes=[])
    listed = await list_providers(gateway, admin=False) if may_search else None
    pauses = pauses_of(gateway)
    page["chips"] = search_page.chips(listed.providers, form.providers, pauses) if listed else []
    form_again(request, "search_failed.html", **page, outcomes=[])
    if may_search and not form.is_empty:
        gateway.check_search(form.request(_caller(request)))
    sources = _sources(gateway, agreed=form.pictures)
    asked = search_page.asked_providers(form, gateway.providers, gateway.settings)
    return streamed_page(request, _search_parts(request, gateway, ledger, page, sources), sources.origins(asked))


async def _search_parts(
    request: Request[Any, Any, Any], gateway: Gateway, ledger: Ledger, page: dict[str, Any], sources: PictureSources
) -> AsyncIterator[str]:
    """Yield the page in two parts: the form, then what was found, or what keeps it from being found."""
    form: SearchForm = page["form"]
    yield render("search_top.html", **page)
    try:
        if not page["may_search"] or form.is_empty:
            yield render("search_start.html", **page)
        else:
            yield await _found(request, gateway, ledger, form, sources)
    except (BadInput, DatabaseUnavailable, SearchFailed) as error:
        yield _search_problem(gateway, form, error)
    except Exception as error:  # the status is sent, so the page itself has to say it
        request_id = request.scope["imagevault"].request_id  # type: ignore[typeddict-item]
        log.error("request %s failed", request_id, exc_info=error)
        problem = f"Something went wrong here; the server's log has it under {request_id}."
        yield render("search_problem.html", form=form, problem=problem, wrong=None, outcomes=[])


async def _found(
    request: Request[Any, Any, Any], gateway: Gateway, ledger: Ledger, form: SearchForm, sources: PictureSources
) -> str:
    response = await gateway.search(form.request(_caller(request)))
    providers = gateway.providers
    outcomes = search_page.outcomes(response.providers, providers)
    return render(
        "search_found.html",
        form=form,
        tiles=search_page.tiles(response, providers, sources),
        outcomes=outcomes,
        counts=search_page.count_outcomes(outcomes),
        notices=search_page.notices(response, providers),
        next=form.address(response.next) if response.next else None,
        taken=await _taken(ledger, request.user, [record.id for record in response.images]),
        short_day=short_day,
    )


def _search_problem(gateway: Gateway, form: SearchForm, error: Exception) -> str:
    """What keeps a search from finding anything that was right as far as one can say before it runs."""
    outcomes = []
    problem, wrong = str(error), None
    if isinstance(error, SearchFailed):
        outcomes = search_page.outcomes(error.statuses, gateway.providers)
        problem = "None of the providers could answer."
    if isinstance(error, BadInput):
        problem, wrong = words.describe_input(error.field, error.message), error.field
    if isinstance(error, DatabaseUnavailable):  # the reason may name the host of the database
        problem = "The database does not answer. Try again soon."
    return render("search_problem.html", form=form, problem=problem, wrong=wrong, outcomes=outcomes)


@get("/picture/{id:path}", opt={**PAGE, "open": "search"}, include_in_schema=False, media_type=HTML)
async def show_picture(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    ledger: NamedDependency[Ledger],
    id: Annotated[str, PathParameter()],
    also: Annotated[str | None, QueryParameter()] = None,
    pictures: Annotated[str | None, QueryParameter()] = None,
) -> Response[bytes]:
    """Show one picture: its author, its licence in plain words, its files, and its credit to copy."""
    user: Caller | None = request.user
    sources = _sources(gateway, agreed=pictures == AGREED)
    page = await read_picture_page(gateway, id.removeprefix("/"), also or "", _caller(request), sources)
    text = render(
        "picture.html",
        page=page,
        record=page.record,
        user=user,
        titles={name: provider.info.title for name, provider in gateway.providers.items()},
        alt=search_page.alt_of(page.record, page.provider),
        taken=(await _taken(ledger, user, [page.record.id])).get(page.record.id),
        projects=await ledger.projects(user.id) if user is not None else [],
        key=secrets.token_hex(16),
        day=day,
    )
    return page_response(request, text, sources.origins([page.provider]))


@get("/assets/{version:str}/{file:str}", opt={"open": True}, include_in_schema=False)
async def send_asset(
    request: Request[Any, Any, Any], version: Annotated[str, PathParameter()], file: Annotated[str, PathParameter()]
) -> Response[bytes]:
    """Send a script or the icon. An address with the digest of another version gets the file of this one."""
    if file not in ASSETS:
        raise ResourceNotFound(f"There is no file {file} here.")
    return asset_response(request, ASSETS[file], is_current=version == VERSION)


async def _taken(ledger: Ledger, user: Caller | None, ids: list[str]) -> dict[str, Taken]:
    """Which of these pictures somebody took before."""
    if user is None or not ids:
        return {}
    return {taken.image: taken for taken in await ledger.taken(user.id, ids)}


def _sources(gateway: Gateway, *, agreed: bool) -> PictureSources:
    settings = gateway.settings
    return PictureSources(
        base_url=settings.base_url, links=gateway.links, is_private=settings.private_display, agreed=agreed
    )


def _caller(request: Request[Any, Any, Any]) -> str:
    """Whose share of a quota a call uses: the account's, or the network address's where nobody is signed in."""
    user: Caller | None = request.user
    return user.id if user is not None else str(request.scope["imagevault"].network)  # type: ignore[typeddict-item]


ROUTES = [show_search, show_picture, send_asset]
