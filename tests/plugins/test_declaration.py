"""What a plugin declares is checked when it is loaded, with the field and what would be right."""

from typing import Any

import msgspec
import pytest

from imagevault import PLUGIN_API, Parameter, ProviderInfo, Quota, Terms
from imagevault.errors import PluginError
from imagevault.plugins.declaration import check_info

TERMS = Terms(url="https://acme.example/terms", checked_on="2026-11-22")
DATES = Parameter(
    description="Years between which the picture was made.", pattern=r"[0-9]{4}/[0-9]{4}", example="1900/1910"
)


def info(**fields: Any) -> ProviderInfo:
    return ProviderInfo(title="Acme", page_size=10, **fields)


def reason(**fields: Any) -> str:
    """Why these fields are refused."""
    with pytest.raises(PluginError) as refused:
        check_info(info(**fields), "provider_info")
    return str(refused.value).removeprefix("provider_info: ")


def test_the_api_has_a_version() -> None:
    assert PLUGIN_API == 2


def test_a_full_declaration_passes() -> None:
    declared = info(
        terms=msgspec.structs.replace(TERMS, automated_use="human", ml_use="refused", evaluation="Trials are free."),
        sorts={"newest": "date_desc", "popular": "top"},
        parameters={"dates": DATES, "kind": Parameter(description="What it is.", values=["photo", "map"])},
        timeout=12,
        fixed_page_size=True,
        api_hosts={"auth.acme.example"},
        file_hosts={"*", "img.acme.example"},
        aggregator=True,
        paging="token",
        quotas=[Quota(20, seconds=10)],
    )

    assert check_info(declared, "provider_info") is declared


class TestTerms:
    @pytest.mark.parametrize(
        "day", ["2026-02-30", "2026-13-01", "22.11.2026", "2026-11-2", "20261122", "", "2026-W47-7"]
    )
    def test_were_read_on_a_real_day(self, day: str) -> None:
        expected = "terms: checked_on: must be the day on which the terms were read, such as 2026-11-22"

        assert reason(terms=msgspec.structs.replace(TERMS, checked_on=day)) == expected

    @pytest.mark.parametrize("url", ["http://acme.example/terms", "acme.example", "https://", "javascript:alert(1)"])
    def test_are_at_an_https_address(self, url: str) -> None:
        assert reason(terms=msgspec.structs.replace(TERMS, url=url)) == f"terms: url: {url} is not an https address"

    def test_of_unknown_words(self) -> None:
        wrong = msgspec.structs.replace(TERMS, automated_use="maybe")

        assert reason(terms=wrong) == "terms.automated_use: must be one of free, human, refused, not 'maybe'"

    def test_say_little_of_trials(self) -> None:
        assert "evaluation: must be one sentence" in reason(terms=msgspec.structs.replace(TERMS, evaluation="a" * 301))


class TestParameters:
    @pytest.mark.parametrize("name", ["", "Dates", "9a", "a.b", "a-b", "é", "a" * 33])
    def test_have_plain_names(self, name: str) -> None:
        assert reason(parameters={name: DATES}).startswith(f"parameters: {name}: the name must be a lowercase letter")

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "needs either values or a pattern"),
            ({"values": ["a"], "pattern": "a", "example": "a"}, "needs either values or a pattern"),
            ({"pattern": "[a-z]+"}, "a parameter with a pattern needs an example"),
            ({"pattern": "[a-z]+", "example": "A"}, "example must match the pattern"),
            ({"pattern": "(a+)+", "example": "a"}, "the pattern could take long to match"),
            ({"pattern": "(", "example": "a"}, "the pattern is no regular expression"),
            ({"values": ["a", ""]}, "the value '' must be 1 to 100 printable characters"),
            ({"values": ["a "]}, "the value 'a ' must be 1 to 100 printable characters"),
            ({"values": ["a"], "example": "b"}, "example must be one of its values"),
            ({"values": [str(number) for number in range(201)]}, "values must be at most 200"),
            ({"description": "", "values": ["a"]}, "description must have 1 to 300 characters"),
        ],
    )
    def test_that_are_wrong(self, fields: dict[str, Any], message: str) -> None:
        parameter = Parameter(**{"description": "What it does.", **fields})

        assert reason(parameters={"kind": parameter}).startswith(f"parameters: kind: {message}")

    def test_are_few(self) -> None:
        many = {f"kind{number}": DATES for number in range(21)}

        assert reason(parameters=many) == "parameters: must be at most 20"

    def test_are_parameters(self) -> None:
        assert reason(parameters={"dates": "1900"}) == "parameters[...]: must be Parameter(...), not a text"


class TestOthers:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            (
                {"sorts": {"date": "date_desc"}},
                "sorts: each key must be one of newest, oldest, popular, relevance, not 'date'",
            ),
            (
                {"credit": "Photo by {artist}"},
                "credit: there is no field {artist}: use {title}, {author} and {license}",
            ),
            ({"credit": "Photo by {author"}, "credit: 'Photo by {author' is not a template"),
            ({"file_hosts": {"*"}}, "file_hosts: * is any host, which only an aggregator has; name its"),
            ({"file_hosts": {"https://img.acme.example"}}, "file_hosts: https://img.acme.example is not a host name"),
            ({"file_hosts": {"IMG.acme.example"}}, "file_hosts: IMG.acme.example is not a host name"),
            (
                {"quotas": [Quota(60, "minute"), Quota(5, "hour"), Quota(9, seconds=60)]},
                "quotas: 2 are declared per minute; keep only the smallest",
            ),
            (
                {"api_hosts": {"https://auth.acme.example/"}},
                "api_hosts: https://auth.acme.example/ is not a host",
            ),
            ({"timeout": 31}, "timeout: Expected float <= 30"),
            ({"paging": "cursor"}, "paging: must be one of number, token, not 'cursor'"),
        ],
    )
    def test_that_are_wrong(self, fields: dict[str, Any], expected: str) -> None:
        assert reason(**fields).startswith(expected)


class TestAddress:
    def test_is_https(self) -> None:
        assert reason(base_url="http://api.acme.example/").startswith(
            "base_url: http://api.acme.example/ does not start with https://; give the https address"
        )

    @pytest.mark.parametrize("url", ["https://api.acme.example/", "http://127.0.0.1:9999/v1/", None])
    def test_may_be_a_simulation(self, url: str | None) -> None:
        check_info(info(base_url=url), "provider_info")

    def test_may_come_from_an_admin(self) -> None:
        """By the hook `configure`."""
        check_info(info(base_url="http://intranet.acme.example/"), "configure")


class TestFilters:
    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ({"orientaton": {}}, "filters.orientaton: there is no such filter. Did you mean orientation?"),
            ({"shape": {}}, "filters.shape: there is no such filter. There are: orientation, size, license, ai, "),
            ({"size": {"larg": "l"}}, "filters.size.larg: the filter has no such value. Did you mean large?"),
            ({"size": {"xxl": "l"}}, "filters.size.xxl: the filter has no such value. Use small, medium or large"),
        ],
    )
    def test_are_known(self, filters: dict[str, dict[str, str]], message: str) -> None:
        assert reason(filters=filters).startswith(message)

    def test_of_any_colour_or_language(self) -> None:
        check_info(info(filters={"color": {"crimson": "c"}, "locale": {"de-CH": "ch"}}), "provider_info")
