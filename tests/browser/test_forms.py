"""The forms of the page in a browser: what is chosen, what is saved, and how they look."""

from typing import Any

import pytest

from tests.browser.conftest import Visits
from tests.browser.test_account import sign_up

TELEPHONE = {"width": 360, "height": 740}
PROJECT = "Atlas of the northern animals, their tracks, their seasons, and their names in nine languages, volume 12"

# The edges of the ring around an element that has the focus, and where the words of a field's label end.
RING = """field => {
  const { left, top } = field.getBoundingClientRect();
  const { outlineOffset, outlineStyle, outlineWidth } = getComputedStyle(field);
  if (outlineStyle !== "solid") throw new Error(`no ring around ${field.outerHTML}`);
  const far = parseFloat(outlineOffset) + parseFloat(outlineWidth);
  return { left: left - far, top: top - far };
}"""
WORDS = """field => {
  const label = field.labels[0];
  const range = document.createRange();
  range.selectNodeContents(label);
  if (label.contains(field)) range.setEndBefore(field);
  return Math.max(...[...range.getClientRects()].map(({ bottom }) => bottom));
}"""


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


def take(tab: Any, name: str, project: str) -> None:
    """Signs up and takes a picture for a project. The tab shows the download then."""
    sign_up(tab, name)
    tab.goto("/picture/local:fox-in-snow.jpg")
    tab.get_by_label("Project").fill(project)
    tab.get_by_role("button", name="Take it").click()
    tab.wait_for_url("**/my/downloads/*")


class TestDownloads:
    @pytest.mark.parametrize("end", ["input", "reload"])
    def test_saved_is_said_of_what_is_saved_alone(self, visit: Visits, end: str) -> None:
        tab = visit().open("/")
        take(tab, f"saver-{end}", "atlas")
        note = tab.get_by_label("Note")
        note.fill("for the cover")
        tab.get_by_role("button", name="Save").click()
        tab.get_by_text("Saved.").wait_for()

        if end == "input":
            note.press_sequentially("s")
        else:
            tab.reload()

        tab.get_by_text("Saved.").wait_for(state="hidden")
        assert "for the cover" in note.input_value()
        note.fill("for the back")
        tab.get_by_role("button", name="Save").click()
        tab.get_by_text("Saved.").wait_for()

    @pytest.mark.parametrize("width", [360, 1280])
    def test_a_long_project_keeps_the_filters_together_and_its_sentence_whole(self, visit: Visits, width: int) -> None:
        tab = visit(viewport={"width": width, "height": 800}).open("/")
        take(tab, f"long-{width}", PROJECT[:100])
        tab.get_by_role("link", name="My downloads").click()
        tab.get_by_label("Project").select_option(index=1)
        tab.get_by_role("button", name="Find").click()
        tab.wait_for_url("**project=Atlas**")

        rows = tab.eval_on_selector_all(
            ".filter > *", "fields => fields.map(field => Math.round(field.getBoundingClientRect().bottom))"
        )
        assert width < 1280 or len(set(rows)) == 1
        assert tab.locator(".formats > :first-child").inner_text() == f"Credits of all downloads for {PROJECT[:100]}:"
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


class TestDescription:
    """The field that describes the picture in the HTML of its credit."""

    def test_is_there_where_it_does_something(self, visit: Visits) -> None:
        path = "/?q=red+fox&provider=pexels"
        tab = visit().open(path)
        tab.goto(tab.locator("a.tile").first.get_attribute("href"))
        label = "What the picture shows"
        tab.get_by_label(label).fill("A fox")
        assert '<img alt="A fox" src=' in tab.input_value("#credit-html")
        plain = visit(java_script_enabled=False).open(tab.url)
        assert plain.get_by_label("HTML").is_visible()
        assert plain.get_by_label(label).count() == 0

        tab.goto("/picture/local:fox-in-snow.jpg")  # its HTML has no picture
        tab.get_by_role("button", name="Copy HTML").wait_for()
        assert tab.get_by_label(label).count() == 0


class TestLook:
    def test_the_ring_of_the_focus_is_whole_and_covers_no_label(self, visit: Visits) -> None:
        tab = visit(viewport=TELEPHONE).open("/")
        take(tab, "rings", "atlas")
        for path in (tab.url, "/?color=red", "/my/downloads", "/my/account", "/picture/local:fox-in-snow.jpg"):
            tab.goto(path)
            tab.keyboard.press("Tab")
            skip = tab.evaluate(RING, tab.evaluate_handle("document.activeElement"))
            assert min(skip["left"], skip["top"]) >= 0, path
            fields = tab.locator(
                "label :is(input:not([type=checkbox]), select, textarea), label + :is(input, textarea)"
            )
            assert fields.count() > 0
            for field in fields.all():
                field.focus()
                tab.keyboard.press("Shift")  # as somebody who uses the keys, who sees the ring
                assert tab.evaluate(RING, field.element_handle())["top"] >= tab.evaluate(WORDS, field.element_handle())

    def test_the_words_beside_a_check_box_stand_beside_it(self, visit: Visits) -> None:
        """Also those of several lines, and each box at the left edge like the fields above it."""
        tab = visit(viewport=TELEPHONE).open("/?q=fox&provider=local&color=red")
        sign_up(tab, "boxes")
        for path in ("/my/account", "/?color=red"):
            tab.goto(path)
            places = tab.eval_on_selector_all(
                ".check",
                "labels => labels.map(label => { const range = document.createRange();"
                " range.selectNodeContents(label.lastChild);"
                " const box = label.querySelector('input').getBoundingClientRect();"
                " const words = range.getBoundingClientRect();"
                " return [box.left - label.getBoundingClientRect().left, words.left - box.right]; })",
            )
            assert len(places) > 1
            assert all(left == 0 < gap for left, gap in places), path

    @pytest.mark.parametrize("script", [True, False])
    def test_a_click_on_the_title_opens_the_picture(self, visit: Visits, script: bool) -> None:
        """Its link has the name that it has without the title below it."""
        tab = visit(java_script_enabled=script).open("/?q=fox&provider=local")
        title = tab.inner_text("#pictures b")
        tile = tab.get_by_role("link", name=tab.get_attribute("a.tile img", "alt"), exact=True)
        assert tile.get_attribute("class") == "tile"
        box = tab.locator("#pictures p").first.bounding_box()

        tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

        tab.wait_for_url("**/picture/**")
        assert tab.locator("article h1").inner_text() == title
