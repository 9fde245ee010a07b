"""One picture in a browser: on its own page, and above the list."""

import re
from typing import Any

import pytest

from tests.browser.conftest import Visits

PEXELS = "/?q=red+fox&provider=pexels"
FILES = "**/files/**"  # of the simulated upstreams


def open_first(tab: Any) -> None:
    """Opens the first picture above the list."""
    tab.locator("a.tile").first.click()
    tab.wait_for_selector("dialog[open] article")


class HeldFiles:
    """Holds back the files that a tab asks for, until they are released."""

    def __init__(self, tab: Any) -> None:
        self.waiting: list[Any] | None = []
        tab.route(FILES, lambda route: route.continue_() if self.waiting is None else self.waiting.append(route))

    def release(self) -> None:
        """Lets them through, and those that follow."""
        waiting, self.waiting = self.waiting or [], None
        for route in waiting:
            route.continue_()


class TestRoom:
    """Nothing moves when the file of the picture arrives."""

    @pytest.mark.parametrize("size", ["known", "unknown"])
    @pytest.mark.parametrize("where", ["page", "dialog"])
    @pytest.mark.parametrize("width", [360, 1280])
    def test_is_kept_for_it(self, visit: Visits, width: int, where: str, size: str) -> None:
        tab = visit(viewport={"width": width, "height": 740}, reduced_motion="reduce").open(PEXELS)
        tab.wait_for_load_state("networkidle")
        held = HeldFiles(tab)
        if where == "dialog":
            open_first(tab)
        else:
            tab.goto(tab.locator("a.tile").first.get_attribute("href"), wait_until="domcontentloaded")
        if size == "unknown":
            tab.locator(".large img").evaluate("img => ['width', 'height'].forEach(name => img.removeAttribute(name))")
        boxes = (
            "['.large img', '.picture h1'].map(each => document.querySelector(each).getBoundingClientRect())"
            ".map(({left, top, width, height}) => [left, top, width, height].map(Math.round))"
        )
        before = tab.evaluate(boxes)

        held.release()
        tab.wait_for_function("() => document.querySelector('.large img').naturalWidth > 0")

        assert tab.evaluate(boxes) == before
        assert before[0][2] > 200
        assert before[0][3] > 200
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


class TestFocus:
    @pytest.mark.parametrize("viewport", [(360, 600), (900, 450)])
    def test_is_never_behind_the_bar_of_the_dialog(self, visit: Visits, viewport: tuple[int, int]) -> None:
        """Also on the way back up, from the last field to the first."""
        tab = visit(viewport={"width": viewport[0], "height": viewport[1]}, reduced_motion="reduce").open(PEXELS)
        open_first(tab)
        tab.locator("dialog article a").last.focus()
        hidden = []
        while tab.evaluate("document.activeElement.closest('article') !== null"):
            hidden += tab.evaluate(
                "() => { const top = document.activeElement.getBoundingClientRect().top;"
                " const bar = document.querySelector('dialog > .bar').getBoundingClientRect().bottom;"
                " return top < bar ? [document.activeElement.outerHTML] : []; }"
            )
            tab.keyboard.press("Shift+Tab")

        assert hidden == []


class TestSteps:
    def test_the_dialog_is_named_after_its_picture_and_says_which_one_came(self, visit: Visits) -> None:
        tab = visit().open(PEXELS)
        open_first(tab)
        tab.get_by_role("dialog", name=tab.inner_text("dialog h1")).wait_for()
        assert tab.locator("dialog [role=status]").text_content() == ""

        for number in (2, 3):
            tab.keyboard.press("ArrowRight")
            tab.wait_for_function(
                "end => document.querySelector('dialog > [role=status]').textContent.endsWith(end)",
                arg=f", {number} of 30",
            )
            title = tab.inner_text("dialog h1")
            assert tab.locator("dialog > [role=status]").text_content() == f"{title}, {number} of 30"
            assert tab.get_by_role("dialog", name=title).count() == 1

    def test_a_button_without_a_further_picture_says_so_and_keeps_the_focus(self, visit: Visits) -> None:
        tab = visit().open("/?q=fox&provider=local")
        pictures = tab.locator("a.tile").count()
        open_first(tab)
        previous = tab.get_by_role("button", name="Previous picture")
        following = tab.get_by_role("button", name="Next picture")
        assert previous.is_disabled()

        following.focus()
        for number in range(2, pictures + 1):
            assert not following.is_disabled()
            tab.keyboard.press("Enter")
            tab.wait_for_function(
                "number => document.querySelector('dialog > [role=status]').textContent.includes(`, ${number} of `)",
                arg=number,
            )

        assert following.is_disabled()
        assert previous.is_disabled() is (pictures == 1)
        address = tab.url
        tab.keyboard.press("Enter")
        assert following.evaluate("button => button === document.activeElement")
        assert tab.url == address


class TestPrint:
    """In dark colours on the screen, in dark letters on white paper."""

    @pytest.mark.parametrize("where", ["page", "dialog"])
    def test_a_picture_is_printed_whole_with_its_credit(self, visit: Visits, where: str) -> None:
        tab = visit(color_scheme="dark").open(PEXELS)
        open_first(tab)
        if where == "page":
            tab.reload()
        credit = tab.input_value("#credit-text")
        tab.emulate_media(media="print", color_scheme="dark")

        seen = tab.evaluate(
            "[...document.querySelectorAll('*')].filter(each => each.checkVisibility()).map(each => each.localName)"
        )
        colours = tab.locator("h1:visible").evaluate(
            "heading => [getComputedStyle(heading).color, getComputedStyle(document.body).backgroundColor]"
        )

        assert "img" in seen
        assert not {"nav", "form", "button", "input", "select", "picture-grid"} & set(seen)
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        text = tab.locator("#credit-text")
        assert text.is_visible()
        assert text.input_value() == credit
        assert text.evaluate("text => text.scrollHeight <= text.clientHeight")

    def test_an_open_picture_takes_as_many_sheets_as_its_page(self, visit: Visits) -> None:
        """It flows from sheet to sheet, instead of standing cut off on each of those that the list would take."""
        tab = visit().open(PEXELS)
        tab.locator("load-more a").click()
        tab.wait_for_function("() => document.querySelectorAll('a.tile').length === 60")
        open_first(tab)
        margins = dict.fromkeys(("top", "right", "bottom", "left"), "1cm")

        def sheets() -> int:
            return len(re.findall(rb"/Type\s*/Page\b", tab.pdf(width="10cm", height="15cm", margin=margins)))

        above = sheets()
        tab.reload()
        assert above == sheets()
        assert above > 2
