"""The forms of the page in a browser: what is chosen, what is saved, and how they look."""

from typing import Any

from tests.browser.conftest import Visits

TELEPHONE = {"width": 360, "height": 740}


def chosen(tab: Any) -> list[str]:
    """The providers whose chips are lit, in their order."""
    return tab.eval_on_selector_all("[name=provider]:checked", "boxes => boxes.map(box => box.value)")  # type: ignore[no-any-return]


class TestProviders:
    def test_all_and_named_ones_exclude_each_other(self, visit: Visits) -> None:
        """The legend says what is chosen, in the words of the server."""
        tab = visit().open("/?q=fox&provider=all")
        legend = tab.locator(".chips legend small")
        assert (chosen(tab), legend.inner_text()) == (["all"], "all chosen")

        for name, now, words in (
            ("pexels", ["pexels"], "1 chosen"),
            ("unsplash", ["pexels", "unsplash"], "2 chosen"),
            ("all", ["all"], "all chosen"),
            ("local", ["local"], "1 chosen"),
            ("local", [], "none chosen: the first that answers"),
        ):
            tab.locator(f"[name=provider][value={name}]").click()
            assert (chosen(tab), legend.inner_text()) == (now, words)
        assert f">{legend.inner_text()}</small>" in tab.context.request.get("/").text()

    def test_the_legend_follows_what_the_browser_restores(self, visit: Visits) -> None:
        tab = visit().open("/")
        tab.locator("[value=pexels]").check()
        tab.get_by_role("link", name="Sign in").click()
        tab.go_back()
        tab.wait_for_function("() => document.querySelectorAll('[name=provider]:checked').length === 1")

        assert tab.locator(".chips legend small").inner_text() == "1 chosen"

    def test_named_ones_win_without_script(self, visit: Visits) -> None:
        tab = visit(java_script_enabled=False).open("/?q=fox&provider=all")
        tab.locator("[value=pexels]").check()
        tab.get_by_role("button", name="Search").click()
        tab.wait_for_url("**provider=pexels**")

        assert [box.get_attribute("value") for box in tab.locator("[name=provider][checked]").all()] == ["pexels"]

    def test_the_chosen_ones_are_in_sight_on_a_telephone(self, visit: Visits) -> None:
        tab = visit(viewport=TELEPHONE).open("/?q=fox&provider=unsplash&provider=pixabay")

        assert chosen(tab) == ["pixabay", "unsplash"]
        for chip in tab.locator(".chip:has(:checked)").all():
            box = chip.bounding_box()
            assert 0 <= box["x"] < box["x"] + box["width"] <= TELEPHONE["width"]
