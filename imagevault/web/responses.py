"""Responses of the page: their headers, and gzip where the browser takes it."""

import gzip
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from litestar import Request, Response
from litestar.response import Stream

from imagevault.search.answer_forms import takes_gzip
from imagevault.web import words
from imagevault.web.address import local_path
from imagevault.web.assets import Asset
from imagevault.web.policy import policy_for
from imagevault.web.rendering import compressed, encoded, render

HTML = "text/html"
PRIVATE = {"Cache-Control": "no-store"}  # of pages that show what belongs to one account
DOWNLOADS = "/my/downloads"
SESSION_ENDED = (
    "Your session has ended, and what you just sent was not saved. "
    "To send it after all, sign in in another tab, then load this page again. To start anew, sign in here."
)
TOO_MANY = 429
NO_FIELD: Mapping[int, str] = {}
FORM_AGAIN = "imagevault.form"  # the key of `form_again` in the state of a request


class WrongField(Protocol):
    """What is wrong with one field of a request."""

    @property
    def field(self) -> str:
        """The name of the parameter or field."""

    @property
    def message(self) -> str:
        """What would be right."""


class HttpProblem(Protocol):
    """What the page of an error says."""

    @property
    def title(self) -> str:
        """The name of the HTTP status."""

    @property
    def detail(self) -> str:
        """What went wrong, and what would be right."""

    @property
    def errors(self) -> Sequence[WrongField]:
        """The fields that are wrong."""

    @property
    def request_id(self) -> str:
        """The id of the request, as in the log."""


def page_response(
    request: Request[Any, Any, Any],
    text: str,
    sources: Iterable[str] = (),
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    may_compress: bool = True,
) -> Response[bytes]:
    """Return a page that shows pictures of these sources (see `policy.sources_of`)."""
    headers = {**_page_headers(sources), **(headers or {})}
    content = text.encode()
    if may_compress and _takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, compresslevel=6, mtime=0)
    return Response(content, status_code=status, media_type=HTML, headers=headers)


def streamed_page(request: Request[Any, Any, Any], parts: AsyncIterator[str], sources: Iterable[str]) -> Stream:
    """Return a page whose parts are sent as they are made."""
    headers = _page_headers(sources)
    if _takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Stream(compressed(parts), media_type=HTML, headers=headers)
    return Stream(encoded(parts), media_type=HTML, headers=headers)


def problem_page(
    request: Request[Any, Any, Any],
    problem: HttpProblem,
    status: int,
    headers: dict[str, str],
    *,
    may_sign_up: bool = False,
) -> Response[bytes]:
    """Return the page of an error: the form that failed, the form to sign in, or a page that says what is wrong.

    Args:
        request: what failed; it need not have met a route.
        problem: what the API would say.
        status: of the response.
        headers: of the response.
        may_sign_up: whether the form to sign in leads to the one to sign up.

    """
    headers = {**PRIVATE, **headers}
    template, blamed, values = request.scope.get("state", {}).get(FORM_AGAIN, (None, {}, {}))
    problem_text = _text_of(problem, status, headers)
    if template is not None and (status != 401 or template == "sign_in.html"):
        wrong = problem.errors[0].field if problem.errors else blamed.get(status)
        text = render(template, **values, problem=problem_text, wrong=wrong)
        return page_response(request, text, status=status, headers=headers)
    if status != 401:
        user = request.scope.get("user")
        is_of_downloads = user is not None and request.url.path.startswith(DOWNLOADS)
        values = {"problem": problem, "text": problem_text, "user": user, "is_of_downloads": is_of_downloads}
        text = render("problem.html", **values)
        return page_response(request, text, status=status, headers=headers)
    is_form = request.method == "POST"
    text = render(
        "sign_in.html",
        problem=None,
        note=SESSION_ENDED if is_form else "This page needs an account.",
        username="",
        next=_page_of_form(request) if is_form else local_path(_address(request)),
        may_sign_up=may_sign_up,
    )
    return page_response(request, text, status=status, headers=headers)


def form_again(
    request: Request[Any, Any, Any], template: str, blamed: Mapping[int, str] = NO_FIELD, **values: Any
) -> None:
    """Say which page to show if this request fails: a form with what was typed into it, but no password.

    Args:
        request: the form.
        template: of the page. Beside `values` it gets `problem`, the words for what went wrong, and `wrong`, the name
            of the field that is wrong; None if it is none.
        blamed: HTTP status -> the field that is wrong, for errors that name none.
        values: what the template shows.

    """
    state: dict[str, Any] = request.scope["state"]
    state[FORM_AGAIN] = (template, blamed, values)


def asset_response(request: Request[Any, Any, Any], asset: Asset, *, is_current: bool) -> Response[bytes]:
    """Return a file of the page. Browsers keep it for ever under the address of its own version only."""
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if not _takes_gzip(request):
        return Response(asset.content, media_type=asset.media_type, headers=headers)
    return Response(asset.compressed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})


def _page_headers(sources: Iterable[str]) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy_for(sources),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Cookie",
    }


def _text_of(problem: HttpProblem, status: int, headers: dict[str, str]) -> str:
    """What a problem says to people: fields by their labels, and after too many tries how long to wait."""
    text = "; ".join(words.describe_input(error.field, error.message) for error in problem.errors) or problem.detail
    wait = headers.get("Retry-After")
    if status != TOO_MANY or wait is None:
        return text
    return f"{text} The next try is possible in {words.describe_seconds(int(wait))}."


def _page_of_form(request: Request[Any, Any, Any]) -> str:
    """The page that the form of this request stands on: the one that sent it, as far as the browser says so."""
    sent_from = urlsplit(request.headers.get("referer", ""))
    if sent_from.path:
        return local_path(f"{sent_from.path}?{sent_from.query}" if sent_from.query else sent_from.path)
    return local_path(request.route_handler.opt.get("stands_on") or request.url.path)


def _address(request: Request[Any, Any, Any]) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _takes_gzip(request: Request[Any, Any, Any]) -> bool:
    return takes_gzip(request.headers.get("accept-encoding", ""))
