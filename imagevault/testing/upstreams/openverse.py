"""A simulated Openverse, for tests without the network.

Recorded, measured, or from the source of the real API (github.com/WordPress/openverse, folder `api`):

* Paths are `/v1/images/`, `/v1/images/{uuid}/`, its `thumb/`, and `/v1/auth_tokens/token/`. A path without its last
  slash is redirected; any other is a 404 with HTML, and so is an id that is no UUID.
* A page has 20 works, for an application at most 50. A larger page, or one that reaches past the 240th result, is a
  401.
* `result_count` is at most 240, and `page_count` counts only whole pages of them. A short page says that it is the
  last, an empty one that there are none. There is no link to a next page.
* `license`, `license_type` and `aspect_ratio` filter; a value that is not documented is a 400. Sensitive works are left
  out unless `unstable__include_sensitive_results` is true or `mature` has any value at all, even `false`.
* Two throttles count each call, a minute and a day; thumbnails have one of their own. Each has two headers. A 429 says
  how long to wait, in a sentence and, while `retry_after` is true, in `Retry-After`.
* The application `test-client` with `test-secret` gets tokens for ten hours. Any other application is a 401, and so is
  an expired or unknown token.
* In some works the title, creator, size, tags, version or address of the licence is null. Some works lack sizes and
  attribution, and some repeat a tag.
* Files of StockSnap and Rawpixel are reduced, though the size is the original's. Titles of Wikimedia Commons may be the
  names of files, or HTML. The address of CC BY-NC-ND 2.0 is that of the Japanese licence.

Not known of the real API, so decided here: a token costs an anonymous call; the bodies for unknown filter values, wrong
clients and tokens; filters leave out works of unknown size. `size` and the other parameters do nothing.

The works are invented, and about the words that found them. A query finds 40 to 339 of them before filters, but
`nothing` finds none, `few` 7, and `nature` or no query all that are not sensitive.
"""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.pictures import Picture, color_of, fitted
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.openverse_works import LICENSES, Work, find, find_file, library
from imagevault.testing.upstreams.subjects import Subjects

MAX_RESULTS = 240
THUMBNAIL_WIDTH = 600  # pixels
PAGE_SIZES = {"anonymous": 20, "authenticated": 50}
LICENSE_TYPES = {
    "all": set(LICENSES),
    "all-cc": set(LICENSES) - {"pdm"},
    "commercial": {code for code in LICENSES if "nc" not in code},
    "modification": {code for code in LICENSES if "nd" not in code},
}
VALUES = {
    "license": set(LICENSES),
    "license_type": set(LICENSE_TYPES),
    "aspect_ratio": {"square", "tall", "wide"},
}
TRUE = {"true", "t", "yes", "y", "on", "1"}
FALSE = {"false", "f", "no", "n", "off", "0"}
SECONDS = {"min": 60, "day": 86_400}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PATHS = re.compile(f"images/({UUID}/(thumb/)?)?|auth_tokens/token/")


class Throttle:
    """Allows at most `limit` calls in any minute (`min`) or `day`. `limit` may be changed at any time."""

    def __init__(self, limit: int, period: str, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.period = period
        self._clock = clock
        self._calls: list[float] = []

    @property
    def available(self) -> int:
        """The number of calls that are left now."""
        begin = self._clock() - SECONDS[self.period]
        self._calls = [time for time in self._calls if time > begin]
        return max(0, self.limit - len(self._calls))

    def take(self) -> float | None:
        """Take one call and return None, or return the seconds to wait until there is one."""
        if self.available:
            self._calls.append(self._clock())
            return None
        oldest = self._calls[0] if self._calls else self._clock()
        return oldest + SECONDS[self.period] - self._clock()


class SimulatedOpenverse(Upstream):
    """Serves until the `with` block ends. `clock` gives the time of throttles and tokens, in seconds.

    Attributes:
        source_pages: by id, the source page of a work that does not have its own. `find` says which works are found.
        throttles: by scope, for example `anon_burst`.
        tokens: each token with the time at which it expires; may be cleared.
        retry_after: whether a 429 has the header `Retry-After`.
    """

    def __init__(
        self,
        *,
        client_id: str = "test-client",
        client_secret: str = "test-secret",  # noqa: S107  not a secret
        token_seconds: int = 36_000,
        source_pages: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        port: int = 0,
    ) -> None:
        super().__init__("/v1/", port=port)
        self.client = (client_id, client_secret)
        self.token_seconds = token_seconds
        self.source_pages = dict(source_pages or {})
        self.clock = clock
        self.retry_after = True
        self.subjects = Subjects()
        self.serve_pictures(self._picture)
        self.tokens: dict[str, float] = {}
        self.throttles = {
            "anon_burst": Throttle(20, "min", clock),
            "anon_sustained": Throttle(200, "day", clock),
            "anon_thumbnail": Throttle(150, "min", clock),
            "oauth2_client_credentials_burst": Throttle(100, "min", clock),
            "oauth2_client_credentials_sustained": Throttle(10_000, "day", clock),
            "oauth2_client_credentials_thumbnail": Throttle(500, "min", clock),
        }
        self._works = {work.id: work for work in library()}
        self.before(self._admit)
        self.get("images/")(self._search)
        self.get("images/{id}/")(self._work)
        self.get("images/{id}/thumb/")(self._thumbnail)
        self.post("auth_tokens/token/")(self._token)

    def _admit(self, call: Call) -> Answer | None:
        path = call.path.removeprefix(self.base_path)
        if not PATHS.fullmatch(path):
            if PATHS.fullmatch(path + "/"):
                return Answer("", 301, {"Location": f"{call.path}/?{call.query}"})
            return Answer("<!doctype html><title>Not Found</title><h1>Not Found</h1>", 404)
        if "authorization" in call.headers and not self._signed_in(call):
            return Answer({"detail": "Incorrect authentication credentials."}, 401)
        waits = [self.throttles[scope].take() for scope in self._scopes(call)]
        longest = max((wait for wait in waits if wait is not None), default=None)
        if longest is None:
            return None
        seconds = math.ceil(longest)
        headers = {"Retry-After": str(seconds)} if self.retry_after else {}
        unit = "second" if seconds == 1 else "seconds"
        detail = f"Request was throttled. Expected available in {seconds} {unit}."
        return self._answer(call, {"detail": detail}, 429, headers)

    def _signed_in(self, call: Call) -> bool:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and self.clock() < self.tokens.get(token, -math.inf)

    def _scopes(self, call: Call) -> Sequence[str]:
        """Return the scopes of the throttles that count this call."""
        user = "oauth2_client_credentials" if self._signed_in(call) else "anon"
        if call.path.endswith("/thumb/"):
            return [f"{user}_thumbnail"]
        return [f"{user}_burst", f"{user}_sustained"]

    def _answer(
        self, call: Call, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer with the headers of the throttles that counted the call."""
        rates = {}
        for scope in self._scopes(call):
            throttle = self.throttles[scope]
            rates[f"X-RateLimit-Limit-{scope}"] = f"{throttle.limit}/{throttle.period}"
            rates[f"X-RateLimit-Available-{scope}"] = str(throttle.available)
        return Answer(content, status, {**rates, **(headers or {})})

    def _token(self, call: Call) -> Answer:
        form = dict(httpx.QueryParams(call.body.decode()))
        if form.get("grant_type") != "client_credentials" or "json" in call.headers.get("content-type", ""):
            return self._answer(call, {"error": "unsupported_grant_type"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            return self._answer(call, {"error": "invalid_client"}, 401)
        token = f"test-token-{len(self.calls)}"
        self.tokens[token] = self.clock() + self.token_seconds
        content = {
            "access_token": token,
            "expires_in": self.token_seconds,
            "token_type": "Bearer",
            "scope": "read write",
        }
        return self._answer(call, content)

    def _work(self, call: Call, id: str) -> Answer:
        work = self._works.get(id)
        if work is None:
            return self._answer(call, {"detail": "Not found."}, 404)
        return self._found(call, self._json(work))

    def _thumbnail(self, call: Call, id: str) -> Answer:
        from imagevault.testing.picture_files import file_of  # noqa: PLC0415  loads Pillow

        work = self._works.get(id)
        if work is None:
            return self._answer(call, {"detail": "Not found."}, 404)
        picture = self._show(work, fitted(work.size, (THUMBNAIL_WIDTH, math.inf)))
        return self._answer(call, file_of(picture), headers={"Content-Type": picture.type})

    def _picture(self, address: httpx.URL) -> Picture | None:
        """Return the file of a work at its source, None if there is none at this address."""
        found = find_file(address)
        return None if found is None else self._show(*found)

    def _show(self, work: Work, size: tuple[int, int]) -> Picture:
        """Return what a file of this size shows."""
        width, height = size
        color = color_of(self.subjects.of(work.number))
        return Picture(width=width, height=height, scene=f"openverse {work.number}", color=color)

    def _search(self, call: Call) -> Answer:
        level = "authenticated" if self._signed_in(call) else "anonymous"
        errors = _errors(call.query)
        if errors:
            return self._answer(call, {"detail": errors}, 400)
        page = int(call.query.get("page", "1"))
        page_size = int(call.query.get("page_size", "20"))
        if page_size > PAGE_SIZES[level]:
            return self._refuse(call, f"page_size may not exceed {PAGE_SIZES[level]} for {level} requests")
        if page * page_size > MAX_RESULTS:
            return self._refuse(call, f"pagination depth may not exceed {MAX_RESULTS} for {level} requests")
        words = call.query.get("q", "nature")[:200]
        works = find(words, sensitive=_includes_sensitive(call.query))
        works = [work for work in works if _passes(work, call.query)][:MAX_RESULTS]
        results = works[(page - 1) * page_size : page * page_size]
        self.subjects.show((work.number for work in results), words)
        page_count = page
        if len(results) == page_size:
            page_count = min(math.ceil(len(works) / page_size), MAX_RESULTS // page_size)
        content = {
            "result_count": len(works) if results else 0,
            "page_count": page_count if results else 0,
            "page_size": page_size,
            "page": page,
            "results": [self._json(work) for work in results],
        }
        return self._found(call, content)

    def _json(self, work: Work) -> dict[str, Any]:
        return work.as_json(self.url, self.source_pages.get(work.id), self.subjects.of(work.number))

    def _found(self, call: Call, content: object) -> Answer:
        return self._answer(call, content, headers={"Cache-Control": "max-age=14400, public"})

    def _refuse(self, call: Call, detail: str) -> Answer:
        return self._answer(call, {"detail": detail}, 401)


def _errors(query: httpx.QueryParams) -> dict[str, list[str]]:
    """Return what is wrong with a search, by parameter."""
    errors = {}
    for name in ("page", "page_size"):
        value = query.get(name, "1")
        if not value.isdecimal() or int(value) < 1:
            errors[name] = ["Ensure this value is greater than or equal to 1."]
    for name, known in VALUES.items():
        if name not in query:
            continue
        unknown = [value for value in query[name].lower().split(",") if value not in known]
        if unknown:
            errors[name] = [f"{name.replace('_', ' ').capitalize()} '{unknown[0]}' does not exist."]
    for name in ("mature", "unstable__include_sensitive_results"):
        if name in query and query[name].lower() not in TRUE | FALSE:
            errors[name] = ["Must be a valid boolean."]
    return errors


def _includes_sensitive(query: httpx.QueryParams) -> bool:
    is_asked_for = query.get("unstable__include_sensitive_results", "").lower() in TRUE
    return is_asked_for or bool(query.get("mature"))


def _passes(work: Work, query: httpx.QueryParams) -> bool:
    """Return whether a work passes the filters of a search; of several licence types it must have each."""
    wanted = {name: query[name].lower().split(",") for name in query}
    if work.license not in wanted.get("license", LICENSES):
        return False
    if any(work.license not in LICENSE_TYPES[type] for type in wanted.get("license_type", ())):
        return False
    return "aspect_ratio" not in wanted or work.aspect_ratio in wanted["aspect_ratio"]
