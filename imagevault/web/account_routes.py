"""The routes of the pages about one's account. `POST /session` and `POST /session/end` sign in and out."""

import hashlib
import secrets
from contextlib import suppress
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from imagevault.accounts.administration import Administration
from imagevault.accounts.api_keys import MAX_NAME, ApiKeys, NewApiKey
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.sign_out import SignOut
from imagevault.accounts.signups import Signups
from imagevault.downloads.ledger import Ledger
from imagevault.errors import BadInput, ResourceNotFound
from imagevault.search.gateway import Gateway
from imagevault.security.caller import Caller
from imagevault.web.account_page import NewKey, scopes_for
from imagevault.web.address import HOME, local_path
from imagevault.web.downloads_page import day
from imagevault.web.forms import FORM, MAX_USERNAME, OPEN_PAGE, PAGE, Form
from imagevault.web.rendering import render
from imagevault.web.responses import HTML, PRIVATE, form_again, page_response

# What the address of a page says happened before, and the words for it.
SIGN_IN_NOTES = {
    "created": "Your account is there. Sign in now.",
    "changed": "The password is changed. Sign in again.",
    "signed-out": "You are signed out.",
}
ACCOUNT_NOTES = {
    "revoked": "The key is revoked.",
    "sent-before": "This form was sent before, and its key was shown then. If you did not copy it, revoke it.",
}
SENT_KEY_FORM = b'{"form": "/my/keys"}'  # what is kept of a form that created a key: nothing of the key
MAX_RESET_BODY = 4096  # bytes, as of `POST /password-reset`
RESET_FORM = {**FORM, "open": True, "max_body": MAX_RESET_BODY}
ACCOUNT_FORM = {**FORM, "stands_on": "/my/account"}


@get("/my/sign-in", opt=OPEN_PAGE, include_in_schema=False, media_type=HTML)
async def show_sign_in(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    next: Annotated[str | None, QueryParameter()] = None,
    username: Annotated[str | None, QueryParameter()] = None,
    note: Annotated[str | None, QueryParameter()] = None,
) -> Response[bytes] | Redirect:
    """Show the form to sign in. `next` is the page to go to afterwards, and at once for who is signed in."""
    if request.user is not None:
        return Redirect(local_path(next or "/my/account"), status_code=303)
    text = render(
        "sign_in.html",
        problem=None,
        note=SIGN_IN_NOTES.get(note or ""),
        username=(username or "")[:MAX_USERNAME],
        next=local_path(next or HOME),
        may_sign_up=gateway.settings.signup != "closed",
    )
    return page_response(request, text, headers=PRIVATE)


@get("/my/sign-up", opt=OPEN_PAGE, include_in_schema=False, media_type=HTML)
async def show_sign_up(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    next: Annotated[str | None, QueryParameter()] = None,
) -> Response[bytes] | Redirect:
    """Show the form to sign up. `next` is the page to go to after signing in, and at once for who is signed in."""
    if request.user is not None:
        return Redirect(local_path(next or "/my/account"), status_code=303)
    text = render("sign_up.html", **_rules(gateway), problem=None, username="", next=local_path(next or HOME))
    return page_response(request, text, headers=PRIVATE)


@post("/my/sign-up", opt={**FORM, "open": True}, include_in_schema=False, media_type=HTML)
async def sign_up(
    request: Request[Any, Any, Any], gateway: NamedDependency[Gateway], signups: NamedDependency[Signups]
) -> Redirect:
    """Create an account. The form to sign in comes after it, and leads to `next`."""
    form = Form(await request.body())
    username = form.text("username") or ""
    next = local_path(form.text("next") or HOME)
    form_again(
        request,
        "sign_up.html",
        {409: "username", 403: "invitation"},
        **_rules(gateway),
        username=username[:MAX_USERNAME],
        next=next,
    )
    address = request.scope["imagevault"].network  # type: ignore[typeddict-item]
    await signups.create(username, form.secret("password"), form.text("invitation"), address)
    query = urlencode({"username": username, "note": "created", "next": next})
    return Redirect(f"/my/sign-in?{query}", status_code=303)


@get("/my/password-reset", opt=OPEN_PAGE, include_in_schema=False, media_type=HTML)
async def show_password_reset(request: Request[Any, Any, Any], gateway: NamedDependency[Gateway]) -> Response[bytes]:
    """Show the form of somebody who got a code from an admin, because the old password is lost."""
    min_length = gateway.settings.password_min_length
    text = render("password_reset.html", min_length=min_length, user=request.user, problem=None, username="")
    return page_response(request, text, headers=PRIVATE)


@post("/my/password-reset", opt=RESET_FORM, include_in_schema=False, media_type=HTML, status_code=303)
async def reset_password(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    administration: NamedDependency[Administration],
) -> Redirect:
    """Set a new password with the code, which ends all sessions and tokens of the account."""
    form = Form(await request.body())
    username = form.text("username") or ""
    shown = {"min_length": gateway.settings.password_min_length, "user": request.user}
    form_again(request, "password_reset.html", {403: "code"}, **shown, username=username[:MAX_USERNAME])
    for name in ("username", "code"):
        if form.text(name) is None:
            raise BadInput(name, "is missing")
    await administration.set_password(username, form.text("code") or "", form.secret("new_password"))
    query = urlencode({"username": username, "note": "changed"})
    return Redirect(f"/my/sign-in?{query}", status_code=303)


@get("/my/account", opt=PAGE, include_in_schema=False, media_type=HTML)
async def show_account(
    request: Request[Caller, Any, Any],
    gateway: NamedDependency[Gateway],
    api_keys: NamedDependency[ApiKeys],
    note: Annotated[str | None, QueryParameter()] = None,
) -> Response[bytes]:
    """Show the account, with its API keys."""
    return await _account_page(request, gateway, api_keys, note=ACCOUNT_NOTES.get(note or ""))


@post("/my/keys", opt=ACCOUNT_FORM, include_in_schema=False, media_type=HTML, status_code=200)
async def create_key(
    request: Request[Caller, Any, Any],
    gateway: NamedDependency[Gateway],
    api_keys: NamedDependency[ApiKeys],
    ledger: NamedDependency[Ledger],
) -> Response[bytes] | Redirect:
    """Create an API key, and show it once.

    The page puts a random `token` into its form. The same form sent again, as by a reload, creates no other key.
    """
    body = await request.body()
    form = Form(body)
    new = NewApiKey(name=form.text("name") or "", scopes=form.texts("scope"))
    account = await _account(request, gateway, api_keys)
    form_again(
        request, "account.html", {403: "scopes"}, **account, failed="key", name=new.name[:MAX_NAME], chosen=new.scopes
    )
    if not new.scopes:
        raise BadInput("scopes", "choose at least one")
    saves = ledger.saves
    begun = await saves.begin(request.user.id, f"form {hashlib.sha256(body).hexdigest()}", body)
    if isinstance(begun, str):
        return Redirect("/my/account?note=sent-before", status_code=303)
    try:
        record, key = await api_keys.create(request.user, new, also=partial(saves.complete, begun, SENT_KEY_FORM))
    except BaseException:
        await saves.release(begun)
        raise
    return await _account_page(request, gateway, api_keys, created=NewKey(record, key))


@post("/my/keys/{id:str}", opt=ACCOUNT_FORM, include_in_schema=False, media_type=HTML, status_code=303)
async def revoke_key(
    request: Request[Caller, Any, Any],
    api_keys: NamedDependency[ApiKeys],
    credentials: NamedDependency[CredentialVerifier],
    id: Annotated[str, PathParameter()],
) -> Redirect:
    """Revoke an API key. One that is gone already, as after a second click, is no error."""
    with suppress(ResourceNotFound):
        await api_keys.revoke(request.user, id)
    credentials.forget(request.user.id)
    return Redirect("/my/account?note=revoked", status_code=303)


@get(["/my/keys", "/my/keys/{id:str}", "/my/password"], opt=PAGE, include_in_schema=False, media_type=HTML)
async def show_account_of_form() -> Redirect:
    """Go to the page of a form whose own address takes POST only, such as one that stood there after a mistake."""
    return Redirect("/my/account", status_code=303)


@get(["/session", "/session/end"], opt=OPEN_PAGE, include_in_schema=False, media_type=HTML)
async def show_sign_in_of_form() -> Redirect:
    """Go to the page to sign in, or to the account of who is signed in."""
    return Redirect("/my/sign-in", status_code=303)


@post("/my/password", opt=ACCOUNT_FORM, include_in_schema=False, media_type=HTML, status_code=303)
async def change_password(
    request: Request[Caller, Any, Any],
    gateway: NamedDependency[Gateway],
    api_keys: NamedDependency[ApiKeys],
    sign_out: NamedDependency[SignOut],
    credentials: NamedDependency[CredentialVerifier],
) -> Redirect:
    """Change the password, which ends all sessions and tokens of the account."""
    form = Form(await request.body())
    revoke_keys = form.text("revoke_keys") is not None
    account = await _account(request, gateway, api_keys)
    form_again(
        request, "account.html", {403: "current_password"}, **account, failed="password", revoke_keys=revoke_keys
    )
    await sign_out.change_password(
        request.user,
        form.secret("current_password"),
        form.secret("new_password"),
        revoke_keys=revoke_keys,
        address=request.scope["imagevault"].network,  # type: ignore[typeddict-item]
    )
    credentials.forget(request.user.id)
    query = urlencode({"username": request.user.username, "note": "changed", "next": "/my/account"})
    return Redirect(f"/my/sign-in?{query}", status_code=303)


def _rules(gateway: Gateway) -> dict[str, Any]:
    """Who may sign up, and the shortest password, for the form."""
    return {"signup": gateway.settings.signup, "min_length": gateway.settings.password_min_length}


async def _account(request: Request[Caller, Any, Any], gateway: Gateway, api_keys: ApiKeys) -> dict[str, Any]:
    """What the page of the account shows."""
    return {
        "user": request.user,
        "keys": await api_keys.list_of(request.user.id),
        "scopes": scopes_for(request.user),
        "min_length": gateway.settings.password_min_length,
        "day": day,
        "token": secrets.token_hex(16),
    }


async def _account_page(
    request: Request[Caller, Any, Any],
    gateway: Gateway,
    api_keys: ApiKeys,
    *,
    created: NewKey | None = None,
    note: str | None = None,
) -> Response[bytes]:
    """The page of the account. It is not compressed: its size would tell of a new key."""
    text = render("account.html", **await _account(request, gateway, api_keys), created=created, note=note)
    return page_response(request, text, headers=PRIVATE, may_compress=False)


ROUTES = [
    show_sign_in,
    show_sign_up,
    sign_up,
    show_password_reset,
    reset_password,
    show_account,
    create_key,
    revoke_key,
    change_password,
    show_account_of_form,
    show_sign_in_of_form,
]
