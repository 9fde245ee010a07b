"""How much one caller may ask."""

from typing import Any

import pytest

from imagevault.http.rate_limit import network

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


class Clock:
    """A clock that stands still until it is told the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
    def test_is_the_address_or_of_ipv6_the_network(self, client: Any, expected: str) -> None:
        """A household has one IPv4 address and 2**64 of IPv6; IPv4 in an IPv6 coat is IPv4."""
        assert network({"client": client}) == expected


class TestLimit:
    async def test_tells_what_is_left(self, start: Any) -> None:
        """In the fields of draft-ietf-httpapi-ratelimit-headers-10, on every answer, and in no others."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "3/hour"})

        answers = [await api.get("/nothing") for _ in range(2)]

        assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"requests";q=3;w=3600'] * 2
        assert [answer.headers["ratelimit"] for answer in answers] == [
            '"requests";r=2;t=1200',
            '"requests";r=1;t=2400',
        ]
        assert not [name for name in answers[0].headers if name.startswith("x-ratelimit")]

    async def test_refuses_what_is_too_much(self, start: Any) -> None:
        """429 with Retry-After and the registered problem type, whatever is asked for, but for health."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})
        for _ in range(2):
            await api.get("/docs")

        for path in ("/docs", "/nothing", "/docs-assets/docs.js"):
            answer = await api.get(path)
            problem = answer.json()

            assert (answer.status_code, problem["status"]) == (429, 429)
            assert (problem["type"], problem["title"]) == (QUOTA_EXCEEDED, "Too Many Requests")
            assert answer.headers["content-type"] == "application/problem+json"
            assert 1790 <= int(answer.headers["retry-after"]) <= 1800
            assert answer.headers["ratelimit"] == f'"requests";r=0;t={answer.headers["retry-after"]}'

    async def test_health_is_never_counted(self, start: Any) -> None:
        """Probes are served beyond any limit, and use none of it up."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "1/hour"})

        before = [await api.get(path) for path in ("/health/live", "/health/ready") for _ in range(5)]
        once, again = await api.get("/nothing"), await api.get("/nothing")
        after = await api.get("/health/ready")

        assert {answer.status_code for answer in (*before, after)} == {200}
        assert (once.status_code, again.status_code) == (404, 429)
        assert "ratelimit" not in after.headers

    async def test_each_account_has_its_own(self, start: Any) -> None:
        """And who is not signed in shares with the address only."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})
        ada, bob = await api.sign_in("ada"), await api.sign_in("bob")

        statuses = [
            (await api.get("/protected", headers=headers)).status_code
            for headers in (ada, ada, ada, bob, bob, bob, None, None, None)
        ]

        assert statuses == [200, 200, 429, 200, 200, 429, 401, 401, 429]

    async def test_two_tokens_of_one_account_share(self, start: Any) -> None:
        """Signing in again gives no more."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})
        headers = await api.sign_in("ada")
        again = await api.services.accounts.sign_in("ada", "violet-harbour-71")

        statuses = [
            (await api.get("/protected", headers=each)).status_code
            for each in (headers, {"Authorization": f"Bearer {again}"}, headers)
        ]

        assert statuses == [200, 200, 429]

    @pytest.mark.parametrize(
        "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP"]
    )
    async def test_a_claimed_address_changes_nothing(self, start: Any, header: str) -> None:
        """Only the address that the server saw counts (CVE-2025-59152)."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "3/hour"})

        statuses = [
            (await api.get("/nothing", headers={header: f"for=192.0.2.{number}"})).status_code for number in range(5)
        ]

        assert statuses == [404, 404, 404, 429, 429]

    async def test_a_forged_credential_counts_for_the_address(self, start: Any) -> None:
        """Changing tokens gives no new buckets."""
        api = await start({"IMAGEVAULT_LIMITS_REQUESTS": "2/hour"})

        statuses = [
            (await api.get("/protected", headers={"Authorization": f"Bearer {number}"})).status_code
            for number in range(4)
        ]

        assert statuses == [401, 401, 429, 429]
