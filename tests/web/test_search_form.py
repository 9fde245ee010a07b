"""The form of a search, and what a list of pictures shows."""

from imagevault.search.query_text import MAX_TEXT
from imagevault.web.address import picture_path
from imagevault.web.rendering import render
from imagevault.web.search_page import SearchForm, average_color, choices


class TestForm:
    def test_reads_lists_and_repeated_parameters_alike(self) -> None:
        form = SearchForm.read(" fox ", ["pexels,met", "met", " nasa"], {"size": "", "color": "red"}, "")

        assert (form.text, form.providers, form.filters) == ("fox", ["pexels", "met", "nasa"], {"color": "red"})

    def test_names_win_over_all(self) -> None:
        assert SearchForm.read("fox", ["all", "pexels", "met"], {}, None).providers == ["pexels", "met"]
        assert SearchForm.read("fox", ["all", "all"], {}, None).providers == ["all"]

    def test_its_address_carries_the_search(self) -> None:
        form = SearchForm.read("red fox & co", ["pexels", "met"], {"color": "red"}, "old")

        assert form.address("c1") == "/?q=red+fox+%26+co&provider=pexels&provider=met&color=red&cursor=c1"
        assert form.with_providers("all").without_filters().address() == "/?q=red+fox+%26+co&provider=all"


def test_an_id_is_one_step_of_an_address() -> None:
    assert picture_path("local:a/b?c#d é.jpg") == "/picture/local:a%2Fb%3Fc%23d%20%C3%A9.jpg"


def test_a_blurhash_begins_with_its_average_colour() -> None:
    """From the algorithm's description: the four letters are the colour in base 83."""
    assert average_color("LEHV6nWB2yk8pyo0adR*.7kCMdnj") == "#979695"
    assert average_color('LEH"6n') is None


def test_fields_take_as_much_as_the_server() -> None:
    form = SearchForm.read("", [], {}, None)

    top = render("search_top.html", form=form, user=None, may_search=True, chips=[], choices=choices())

    assert f'name="q" value="" maxlength="{MAX_TEXT}"' in top
