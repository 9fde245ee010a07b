"""What states and licences mean, in plain words."""

from pathlib import Path

import pytest

import imagevault
from imagevault.licenses import License
from imagevault.search.outcome import ProviderStatus
from imagevault.web.words import describe_license, describe_seconds, describe_status


class TestLicense:
    def test_unclear_rights_ask_for_care(self) -> None:
        assert describe_license(License.unknown("Copyright undetermined"))[0].startswith("The rights are unclear.")

    def test_the_public_domain_asks_for_nothing(self) -> None:
        assert "Credit is not required." in describe_license(License("cc0-1.0", "CC0 1.0"))

    def test_conditions_are_sentences(self) -> None:
        license = License.from_url("https://creativecommons.org/licenses/by-nc-sa/4.0/")
        assert license is not None

        assert describe_license(license) == [
            "Name the author and the licence.",
            "Commercial use is not allowed, or not known to be.",
            "You may publish changed versions.",
            "Publish changed versions under the same licence.",
        ]


class TestStatus:
    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (ProviderStatus(name="a", status="ok", total=1234, cache="hit"), "has 1,234 results"),
            (ProviderStatus(name="a", status="ok", cache="stale"), "answered, in an older copy"),
            (
                ProviderStatus(name="a", status="ok", total=1, emulated=["size", "color"]),
                "has 1 result; “Size” and “Colour” checked here, picture by picture",
            ),
            (
                ProviderStatus(name="a", status="ok", hints_ignored=["locale"], undeclared=["sensitive"]),
                "answered; it does not follow “Language of the words”; it does not say which pictures are sensitive",
            ),
            (
                ProviderStatus(name="a", status="ok", detail="it searched for the first words of q only; it takes 9"),
                "answered; it searched for the first words only; it takes 9",
            ),
            (
                ProviderStatus(name="a", status="ok", detail="stopped after 3 pages; the cursor goes on from there"),
                "answered; stopped after 3 pages; “More pictures” goes on from there",
            ),
            (
                ProviderStatus(name="a", status="unsupported", detail="color=red is not possible here"),
                "cannot search like this: Colour red is not possible here",
            ),
            (
                ProviderStatus(
                    name="a", status="rate_limited", detail="A allows no more calls for 56 s", retry_after=56
                ),
                "takes no more searches for now (again in 56 seconds)",
            ),
            (
                ProviderStatus(name="a", status="rate_limited", detail="A allows no more requests now"),
                "takes no more searches for now",
            ),
            (
                ProviderStatus(
                    name="a",
                    status="unavailable",
                    detail="A failed too often; the next call is made in 9 s",
                    retry_after=9,
                ),
                "cannot be reached (again in 9 seconds)",
            ),
            (ProviderStatus(name="a", status="timeout"), "did not answer in time"),
            (
                ProviderStatus(name="a", status="rate_limited", detail="the quota is used up", retry_after=170),
                "takes no more searches for now: the quota is used up (again in 3 minutes)",
            ),
        ],
    )
    def test_says_what_a_provider_did(self, status: ProviderStatus, words: str) -> None:
        assert describe_status(status) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (120, "120 seconds"), (121, "3 minutes"), (3601, "61 minutes"), (86401, "25 hours")],
)
def test_a_length_of_time_has_one_unit(seconds: int, words: str) -> None:
    assert describe_seconds(seconds) == words


@pytest.mark.parametrize(
    ("phrase", "place"),
    [
        ("the first words of q only", "search/outcome.py"),
        ("the cursor goes on from there", "search/outcome.py"),
        ("allows no more ", "upstream/limiter.py"),
        ("allows no more ", "upstream/provider_errors.py"),
        ("={value} is not possible here", "search/filters.py"),
    ],
)
def test_the_phrases_that_are_reworded_are_those_of_the_api(phrase: str, place: str) -> None:
    """Otherwise the page shows the words of the API again."""
    assert phrase in (Path(imagevault.__file__).parent / place).read_text(encoding="utf-8")
