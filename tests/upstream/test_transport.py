"""What an upstream's headers say, and what of it may be shown."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import msgspec
import pytest

from imagevault import ProviderInfo, Quota
from imagevault.plugins.provider import Provider
from imagevault.upstream.provider_errors import MAX_RETRY_AFTER, retry_after
from imagevault.upstream.reported_quota import reported_quotas
from tests.support.plain_provider import provider_of

NOW = 1_800_000_000.0
QUOTAS = (Quota(200, "hour"), Quota(20_000, "month", remaining="X-Remaining", reset="X-Reset"))


class Secrets(msgspec.Struct, frozen=True):
    api_key: str = "k/ey+with=signs"


@pytest.fixture
def provider() -> Provider:
    """A provider with a secret of its own."""
    return provider_of(ProviderInfo(title="Test", page_size=1, settings=Secrets))


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("17", 17.0),
            ("0", None),
            ("²", None),
            ("9" * 400, None),
            ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
            ("99999999", MAX_RETRY_AFTER),
            ("-5", None),
            ("soon", None),
            ("", None),
            ("1.5", None),
        ],
    )
    def test_in_seconds(self, value: str, seconds: float | None) -> None:
        """A day at most; what makes no sense says nothing."""
        assert retry_after(httpx.Response(429, headers={b"Retry-After": value.encode()})) == seconds

    @pytest.mark.parametrize(
        ("ahead", "low", "high"), [(90, 80, 90), (10 * MAX_RETRY_AFTER, MAX_RETRY_AFTER, MAX_RETRY_AFTER)]
    )
    def test_as_a_date(self, ahead: int, low: float, high: float) -> None:
        """The seconds until then."""
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
        found = retry_after(httpx.Response(429, headers={"Retry-After": date}))

        assert found is not None
        assert low <= found <= high

    def test_a_date_that_is_over(self) -> None:
        """Says nothing."""
        response = httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})

        assert retry_after(response) is None


class TestReportedQuotas:
    @pytest.mark.parametrize(
        ("headers", "found"),
        [
            ({"X-Remaining": "7", "X-Reset": "1800000600"}, {"month": (7, NOW + 600)}),
            ({"X-Remaining": "7", "X-Reset": "600"}, {"month": (7, NOW + 600)}),
            ({"X-Remaining": "7", "X-Reset": "1800000600.5"}, {"month": (7, NOW + 600.5)}),
            ({"X-Remaining": "7", "X-Reset": "1800000600000"}, {"month": (7, NOW + 600)}),
            ({"X-Remaining": "7", "X-Reset": "tomorrow"}, {"month": (7, None)}),
            ({"X-Remaining": "many"}, {}),
            ({"X-Remaining": "²"}, {}),
            ({"X-Remaining": "9" * 5000}, {}),
            ({"X-Remaining": "-1"}, {}),
            ({"X-Remaining": "7", "X-Reset": "9" * 400}, {"month": (7, None)}),
            ({"X-Reset": "600"}, {}),
            ({"X-Remaining": "7", "Age": "30"}, {}),
            ({"X-Remaining": "7", "CF-Cache-Status": "HIT"}, {}),
        ],
    )
    def test_what_is_left_and_until_when(
        self, headers: dict[str, str], found: dict[str, tuple[int, float | None]]
    ) -> None:
        """By the period of the quota that names the header; out of somebody's cache it says nothing of now."""
        sent = httpx.Headers({name.encode(): value.encode() for name, value in headers.items()})

        assert reported_quotas(QUOTAS, sent, NOW) == found


class TestRedact:
    @pytest.mark.parametrize(
        "text",
        [
            "the key k/ey+with=signs is wrong",
            "GET https://a.example/?q=fox&key=k%2Fey%2Bwith%3Dsigns",
            "GET https://a.example/?api_key=another-one&q=fox",
            "client_id=abc123456 was refused",
        ],
    )
    def test_no_key_is_left(self, provider: Provider, text: str) -> None:
        """As it is, percent-encoded, or in the query of a URL."""
        shown = provider.redacted(text)

        assert "***" in shown
        for secret in ("k/ey+with=signs", "k%2Fey%2Bwith%3Dsigns", "another-one", "abc123456"):
            assert secret not in shown
