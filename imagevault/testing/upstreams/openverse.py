"""A simulated Openverse, to test against and to try the gateway without the network.

As recorded, measured, or in the source of the real one (github.com/WordPress/openverse, folder `api`):

* `/v1/images/`, `/v1/images/{uuid}/`, its `thumb/`, and `/v1/auth_tokens/token/`. A path without its last slash is
  redirected; any other is an HTML 404, and so is an id that is no UUID.
* Pages of 20, for an application of 50 at most. A larger one, or one that reaches past the 240th result, is 401.
* `result_count` says 240 at most and `page_count` only whole pages of them; a short page says that it is the last,
  an empty one that there are none. No link to a next page.
* `license`, `license_type` and `aspect_ratio` filter; other values than documented are 400. Sensitive works are left
  out unless `unstable__include_sensitive_results` is true or `mature` has any value at all, even `false`.
* Two throttles at once, per minute and per day, and one of their own for thumbnails; each has two headers. 429 says how
  long to wait, in a sentence and, while `retry_after` is true, in `Retry-After`.
* The application `test-client` with `test-secret` has tokens for ten hours. Any other is 401, and so is a token that is
  over or unknown.
* Titles, creators, sizes, tags, versions and addresses of licences are null in some works; some lack sizes and
  attribution, some repeat a tag.

Not known of the real one, so decided here: a token costs an anonymous call; the bodies for unknown filter values, wrong
clients and tokens; what the filters do with works of unknown size (they leave them out). `size` and the other
parameters do nothing.

The works are invented. Any query finds 40 to 339 of them, always the same ones, but `nothing` finds none, `few` finds 7
and `nature`, or no query, all that are not sensitive; filters are applied to what is found. A thumbnail is one of
ImageVault's sample pictures.
"""

import importlib.resources
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx

from imagevault.testing.exchange import Answer, Call
from imagevault.testing.upstream import Upstream
from imagevault.testing.upstreams.openverse_works import LICENSES, Work, find, library

DEPTH = 240  # results of a query that anyone sees
PAGE_SIZES = {"anonymous": 20, "authenticated": 50}
LICENSE_TYPES = {
    "all": set(LICENSES),
    "all-cc": set(LICENSES) - {"pdm"},
    "commercial": {code for code in LICENSES if "nc" not in code},
    "modification": {code for code in LICENSES if "nd" not in code},
}
ASPECT_RATIOS = {"square", "tall", "wide"}
TRUE, FALSE = {"true", "t", "yes", "y", "on", "1"}, {"false", "f", "no", "n", "off", "0"}
SECONDS = {"min": 60, "day": 86_400}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PATHS = re.compile(f"images/({UUID}/(thumb/)?)?|auth_tokens/token/")


class Throttle:
    """At most `limit` calls in any minute (`min`) or day. `limit` may be changed any time."""

    def __init__(self, limit: int, period: str, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.period = period
        self._clock = clock
        self._calls: list[float] = []

    @property
    def available(self) -> int:
        """The calls left now."""
        self._calls = [at for at in self._calls if at > self._clock() - SECONDS[self.period]]
        return max(0, self.limit - len(self._calls))

    def take(self) -> float | None:
        """Takes one, or says how many seconds to wait for it."""
        if self.available:
            self._calls.append(self._clock())
            return None
        oldest = self._calls[0] if self._calls else self._clock()
        return oldest + SECONDS[self.period] - self._clock()


class SimulatedOpenverse(Upstream):
    """Serves until the `with` block ends. Time for throttles and tokens is `clock`'s, in seconds.

    `source_pages`: other source pages than their own for some works, by id; what is found, `find` tells.
    `throttles` are by scope (`anon_burst`); `tokens`, each with its end, may be cleared. Faults: see `Upstream.fail`.
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
        waits = [wait for scope in self._scopes(call) if (wait := self.throttles[scope].take()) is not None]
        if not waits:
            return None
        seconds = math.ceil(max(waits))
        headers = {"Retry-After": str(seconds)} if self.retry_after else {}
        unit = "second" if seconds == 1 else "seconds"
        detail = f"Request was throttled. Expected available in {seconds} {unit}."
        return self._answer(call, {"detail": detail}, 429, headers)

    def _signed_in(self, call: Call) -> bool:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and self.clock() < self.tokens.get(token, -math.inf)

    def _scopes(self, call: Call) -> Sequence[str]:
        """The throttles that count this call."""
        who = "oauth2_client_credentials" if self._signed_in(call) else "anon"
        return [f"{who}_thumbnail"] if call.path.endswith("/thumb/") else [f"{who}_burst", f"{who}_sustained"]

    def _answer(
        self, call: Call, content: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer with the headers of the throttles that counted the call."""
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
        told = {"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer", "scope": "read write"}
        return self._answer(call, told)

    def _work(self, call: Call, id: str) -> Answer:
        work = self._works.get(id)
        return self._found(call, self._json(work)) if work else self._answer(call, {"detail": "Not found."}, 404)

    def _thumbnail(self, call: Call, id: str) -> Answer:
        work = self._works.get(id)
        if work is None:
            return self._answer(call, {"detail": "Not found."}, 404)
        samples = importlib.resources.files("imagevault.samples")
        pictures = sorted(path.name for path in samples.iterdir() if path.name.endswith(".jpg"))
        picture = samples / pictures[work.number % len(pictures)]
        return self._answer(call, picture.read_bytes(), headers={"Content-Type": "image/jpeg"})

    def _search(self, call: Call) -> Answer:
        level = "authenticated" if self._signed_in(call) else "anonymous"
        if errors := _errors(call.query):
            return self._answer(call, {"detail": errors}, 400)
        page, page_size = (int(call.query.get(name, default)) for name, default in (("page", "1"), ("page_size", "20")))
        if page_size > PAGE_SIZES[level]:
            return self._refuse(call, f"page_size may not exceed {PAGE_SIZES[level]} for {level} requests")
        if page * page_size > DEPTH:
            return self._refuse(call, f"pagination depth may not exceed {DEPTH} for {level} requests")
        asked = call.query.get("unstable__include_sensitive_results", "").lower() in TRUE
        works = find(call.query.get("q", "nature")[:200], sensitive=asked or bool(call.query.get("mature")))
        works = [work for work in works if _passes(work, call.query)][:DEPTH]
        found = works[(page - 1) * page_size : page * page_size]
        pages = min(math.ceil(len(works) / page_size), DEPTH // page_size) if len(found) == page_size else page
        counts = {"result_count": len(works), "page_count": pages} if found else {"result_count": 0, "page_count": 0}
        results = [self._json(work) for work in found]
        return self._found(call, {**counts, "page_size": page_size, "page": page, "results": results})

    def _json(self, work: Work) -> dict[str, Any]:
        return work.as_json(self.url, self.source_pages.get(work.id))

    def _found(self, call: Call, content: object) -> Answer:
        return self._answer(call, content, headers={"Cache-Control": "max-age=14400, public"})

    def _refuse(self, call: Call, detail: str) -> Answer:
        return self._answer(call, {"detail": detail}, 401)


def _errors(query: httpx.QueryParams) -> dict[str, list[str]]:
    """What is wrong with a search, by parameter."""
    errors = {}
    for name in ("page", "page_size"):
        if not query.get(name, "1").isdecimal() or int(query.get(name, "1")) < 1:
            errors[name] = ["Ensure this value is greater than or equal to 1."]
    for name, known in (("license", LICENSES), ("license_type", LICENSE_TYPES), ("aspect_ratio", ASPECT_RATIOS)):
        wrong = [value for value in query.get(name, "").lower().split(",") if value not in known]
        if name in query and wrong:
            errors[name] = [f"{name.replace('_', ' ').capitalize()} '{wrong[0]}' does not exist."]
    for name in ("mature", "unstable__include_sensitive_results"):
        if name in query and query[name].lower() not in TRUE | FALSE:
            errors[name] = ["Must be a valid boolean."]
    return errors


def _passes(work: Work, query: httpx.QueryParams) -> bool:
    """Whether the work passes the filters of a search; several licence types are those common to all."""
    wanted = {name: query[name].lower().split(",") for name in query}
    return (
        work.license in wanted.get("license", LICENSES)
        and all(work.license in LICENSE_TYPES[name] for name in wanted.get("license_type", ()))
        and ("aspect_ratio" not in wanted or work.aspect_ratio in wanted["aspect_ratio"])
    )
