"""Values of a wrong type, in the words of a plugin's author."""

from typing import Any

import msgspec
import pytest

from imagevault.plugins.mismatch import explain_mismatch
from imagevault.records import Image, ProviderInfo


def explain(value: Any, type: Any, name: str = "") -> str:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, type)
    return explain_mismatch(raised.value, type, name)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("author", "Ada", "author: must be Author(...) or None, not a text"),
        ("license", "cc0", "license: must be License(...) or None, not a text"),
        ("tags", "cat", "tags: must be a list of texts, not a text"),
        ("tags", [7], "tags[0]: must be a text, not a number"),
        ("extra", {"place": 7}, "extra[...]: must be a text, not a number"),
        ("renditions", {}, "renditions: must be a list of Rendition(...), not a dict"),
        (
            "renditions",
            [{"name": "huge"}],
            "renditions[0].name: must be one of large, medium, original, small, thumbnail, not 'huge'",
        ),
        ("flags", {"ai_generated": "yes"}, "flags.ai_generated: must be True or False or None, not a text"),
    ],
)
def test_a_field_of_an_image(field: str, value: Any, expected: str) -> None:
    assert explain({"id": "1", field: value}, Image) == expected


def test_a_key_of_a_dict() -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(ProviderInfo)}
    expected = "sorts: each key must be one of newest, oldest, popular, relevance, not 'date'"
    assert explain({"date": "d"}, fields["sorts"], "sorts") == expected


def test_a_value_with_a_name() -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(ProviderInfo)}
    assert explain("many", fields["page_size"], "page_size") == "page_size: must be a whole number, not a text"
    assert explain("now", fields["paging"], "paging") == "paging: must be one of number, token, not 'now'"


def test_words_of_msgspec_that_are_clear() -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(ProviderInfo)}
    assert explain(0, fields["page_size"], "page_size") == "page_size: Expected int >= 1"
    assert explain({}, Image) == "Object missing required field id"


@pytest.mark.parametrize("text", ["", "`" * 5000, "Expected `" + "x" * 5000, "Expected `a`, got `b` - at `$.nothing`"])
def test_any_other_message(text: str) -> None:
    assert explain_mismatch(ValueError(text), Image) == text.replace("`", "").replace("$.", "")
