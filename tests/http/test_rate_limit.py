"""How many requests one caller may send."""

from collections.abc import Callable
from typing import Any

import pytest

from imagevault.config.limits import Limits, Rate
from imagevault.config.settings import Settings
from imagevault.http.cors import Cors
from imagevault.http.rate_limit import RateLimit, network
from imagevault.http.request import RequestHead
from tests.support.tokens import token_of

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
ORIGIN = "https://app.example"
LONG = "a" * 20_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TWO_CREDENTIALS = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
# Requests that the edge refuses before anybody is identified: method, path, headers, status.
REFUSED: list[tuple[str, str, Any, int]] = [
    ("GET", "/docs", {"Host": "evil.example"}, 400),
    ("GET", "/docs", {"X-Long": LONG}, 431),
    ("GET", f"/{LONG}", {}, 414),
    ("POST", "/signup", {"Content-Length": "70000"}, 413),
    ("POST", "/signup", {"Content-Length": "many"}, 400),
    ("GET", "/a%ff", {}, 400),
    ("GET", "/search?q=%ff", {}, 400),
    ("GET", "/search?q=%00", {}, 400),
    ("GET", "/docs", TWO_CREDENTIALS, 400),
]


@pytest.fixture
def limit_to(monkeypatch: pytest.MonkeyPatch, api: Any) -> Callable[[int], None]:
    """Sets the limit of the shared server, in requests per hour, and stops its clock: `limit_to(3)`."""

    def limit_to(amount: int) -> None:
        settings = Settings(limits=Limits(requests=Rate(amount, 3600)))
        monkeypatch.setattr(api.app, "rate_limit", RateLimit(settings, clock=lambda: 1000.0))

    return limit_to


@pytest.fixture
def allow_origin(monkeypatch: pytest.MonkeyPatch, api: Any) -> None:
    """Lets pages of `ORIGIN` call the shared server."""
    monkeypatch.setattr(api.app, "cors", Cors(Settings(cors_origins=(ORIGIN,))))


class TestNetwork:
    @pytest.mark.parametrize(
        ("client", "expected"),
        [
            (("192.0.2.7", 1), "192.0.2.7"),
            (("192.0.2.8", 1), "192.0.2.8"),
            (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
            (("2001:db8:1:2:ffff::", 9), "2001:db8:1:2::"),
            (("2001:db8:1:3::1", 1), "2001:db8:1:3::"),
            (("::ffff:192.0.2.7", 1), "192.0.2.7"),
            (("fe80::1%eth0", 1), "fe80::"),
            (("testclient", 1), "testclient"),
            (None, "local"),
        ],
    )
    def test_is_the_address_or_of_ipv6_the_network(self, raw_scope: Any, client: Any, expected: str) -> None:
        """A household has one IPv4 address but 2**64 IPv6 addresses. An IPv4-mapped address counts as IPv4."""
        assert network(RequestHead.read(raw_scope([], client=client)).client) == expected


class TestLimit:
    async def test_tells_what_is_left(self, api: Any, limit_to: Any) -> None:
        """Every response has the fields of draft-ietf-httpapi-ratelimit-headers-10, and no others."""
        limit_to(3)

        answers = [await api.get("/nothing") for _ in range(2)]

        assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"requests";q=3;w=3600'] * 2
        assert [answer.headers["ratelimit"] for answer in answers] == [
            '"requests";r=2;t=1200',
            '"requests";r=1;t=2400',
        ]
        assert not [name for name in answers[0].headers if name.startswith("x-ratelimit")]

    async def test_refuses_what_is_too_much(self, api: Any, limit_to: Any) -> None:
        """Every route answers 429 with Retry-After and the registered problem type."""
        limit_to(2)
        for _ in range(2):
            await api.get("/docs")

        for path in ("/docs", "/nothing", "/docs-assets/docs.js"):
            answer = await api.get(path)
            problem = answer.json()

            assert (answer.status_code, problem["status"]) == (429, 429)
            assert (problem["type"], problem["title"]) == (QUOTA_EXCEEDED, "Too Many Requests")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "1800"
            assert answer.headers["ratelimit"] == '"requests";r=0;t=3600'  # until both are there

    async def test_health_is_never_counted(self, api: Any, limit_to: Any) -> None:
        """Probes are answered beyond any limit, and they do not use it up."""
        limit_to(1)

        before = [await api.get(path) for path in ("/health/live", "/health/ready") for _ in range(5)]
        once, again = await api.get("/nothing"), await api.get("/nothing")
        after = await api.get("/health/ready")

        assert {answer.status_code for answer in (*before, after)} == {200}
        assert (once.status_code, again.status_code) == (404, 429)
        assert "ratelimit" not in after.headers

    async def test_each_account_has_its_own(self, start: Any) -> None:
        """Callers that are not signed in share the bucket of their address."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")

        statuses = [
            (await api.get("/protected", headers=headers)).status_code
            for headers in (ada, ada, ada, bob, bob, bob, None, None, None)
        ]

        assert statuses == [200, 200, 429, 200, 200, 429, 401, 401, 429]

    async def test_two_tokens_of_one_account_share(self, start: Any) -> None:
        """Signing in again gives no more requests."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})
        headers = await api.sign_in("ada")
        again = await token_of(api.services.accounts, "ada", "violet-harbour-71")

        statuses = [
            (await api.get("/protected", headers=credential)).status_code
            for credential in (headers, {"Authorization": f"Bearer {again}"}, headers)
        ]

        assert statuses == [200, 200, 429]

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP"]
    )
    async def test_a_claimed_address_changes_nothing(self, api: Any, limit_to: Any, header: str) -> None:
        """Only the address that the server sees counts (CVE-2025-59152)."""
        limit_to(3)

        statuses = [
            (await api.get("/nothing", headers={header: f"for=192.0.2.{number}"})).status_code for number in range(5)
        ]

        assert statuses == [404, 404, 404, 429, 429]

    async def test_a_forged_credential_counts_for_the_address(self, api: Any, limit_to: Any) -> None:
        """Another token gives no new bucket."""
        limit_to(2)

        statuses = [
            (await api.get("/protected", headers={"Authorization": f"Bearer {number}"})).status_code
            for number in range(4)
        ]

        assert statuses == [401, 401, 429, 429]


class TestRefusals:
    """A request that the edge refuses before it knows the caller counts for the address."""

    @pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSED)
    async def test_each_takes_one_token_of_the_address(
        self, api: Any, limit_to: Any, method: str, path: str, headers: Any, status: int
    ) -> None:
        """The response is the refusal, and its headers say how much is left."""
        limit_to(3)

        refused = await api.client.request(method, path, headers=headers)
        after = await api.get("/nothing")

        assert (refused.status_code, after.status_code) == (status, 404)
        assert refused.headers["ratelimit-policy"] == '"requests";q=3;w=3600'
        assert refused.headers["ratelimit"] == '"requests";r=2;t=1200'
        assert after.headers["ratelimit"] == '"requests";r=1;t=2400'

    @pytest.mark.parametrize(("method", "path", "headers", "status"), REFUSED)
    async def test_an_empty_bucket_comes_first(
        self, api: Any, limit_to: Any, method: str, path: str, headers: Any, status: int
    ) -> None:
        """The response is 429, whatever else is wrong with the request."""
        limit_to(1)

        answers = [await api.client.request(method, path, headers=headers) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [status, 429, 429]
        for answer in answers[1:]:
            assert answer.json()["type"] == QUOTA_EXCEEDED
            assert answer.headers["retry-after"] == "3600"
            assert answer.headers["ratelimit"] == '"requests";r=0;t=3600'

    async def test_the_bucket_of_an_account_is_left_alone(self, api: Any, limit_to: Any) -> None:
        """The credential of a refused request is not read, so the account keeps its tokens."""
        limit_to(2)

        refused = [(await api.get(f"/{LONG}", headers=api.headers)).status_code for _ in range(3)]
        served = [(await api.get("/protected", headers=api.headers)).status_code for _ in range(3)]

        assert refused == [414, 414, 429]
        assert served == [200, 200, 429]

    @pytest.mark.parametrize(("body", "status"), [(b"username=a&password=%00", 400), (b"username=%ff&password=a", 400)])
    async def test_a_bad_body_counts_once(self, api: Any, limit_to: Any, body: bytes, status: int) -> None:
        """The request is counted before its body is read."""
        limit_to(3)

        answer = await api.post("/token", content=body, headers=FORM)

        assert (answer.status_code, answer.headers["ratelimit"]) == (status, '"requests";r=2;t=1200')

    @pytest.mark.parametrize(
        ("method", "path", "headers", "status"),
        [
            ("GET", "/health/live", {"Host": "evil.example"}, 400),
            ("GET", "/health/ready", {"X-Long": LONG}, 431),
            ("POST", "/health/live", {}, 405),
        ],
    )
    async def test_a_refused_health_probe_counts_nothing(
        self, api: Any, limit_to: Any, method: str, path: str, headers: dict[str, str], status: int
    ) -> None:
        """Probes never count, whatever is wrong with them, and no limit refuses them."""
        limit_to(1)

        probes = [await api.client.request(method, path, headers=headers) for _ in range(3)]
        once, again = await api.get("/nothing"), await api.get("/nothing")
        late = await api.client.request(method, path, headers=headers)

        assert [probe.status_code for probe in (*probes, late)] == [status] * 4
        assert (once.status_code, again.status_code) == (404, 429)
        assert "ratelimit" not in late.headers

    @pytest.mark.usefixtures("allow_origin")
    async def test_a_preflight_counts_nothing(self, api: Any, limit_to: Any) -> None:
        """A browser sends it before a request that counts."""
        limit_to(1)
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}

        preflights = [(await api.client.options("/download", headers=headers)).status_code for _ in range(3)]

        assert preflights == [204] * 3
        assert (await api.get("/nothing")).status_code == 404

    @pytest.mark.usefixtures("allow_origin")
    async def test_a_page_of_an_allowed_origin_may_read_the_429(self, api: Any, limit_to: Any) -> None:
        """CORS applies to it like to any other response."""
        limit_to(1)

        answers = [await api.get("/search?q=%ff", headers={"Origin": ORIGIN}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [400, 429]
        assert [answer.headers["access-control-allow-origin"] for answer in answers] == [ORIGIN] * 2
