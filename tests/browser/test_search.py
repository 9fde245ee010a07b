"""Searching and looking at pictures in a browser."""

import re
from typing import Any

import pytest

from imagevault.testing import Answer, faults
from tests.browser.conftest import Serve, Site, Visits

ALL = "/?q=red+fox&provider=pexels&provider=pixabay&provider=local"
PEXELS = "/?q=red+fox&provider=pexels"
HOSTILE = "</b><script>document.title='taken'</script>\"'><img src=x onerror=\"document.title='taken'\"> שלום"


def shown(page: Any) -> list[str]:
    """The addresses of the pictures in the list."""
    return page.eval_on_selector_all("a.tile", "tiles => tiles.map(tile => tile.pathname)")  # type: ignore[no-any-return]


def count(page: Any, number: int) -> None:
    """Waits until the list has so many pictures."""
    page.wait_for_function("n => document.querySelectorAll('a.tile').length === n", arg=number)


class TestPointer:
    def test_search_load_three_pages_open_and_copy_the_credit(self, visit: Visits) -> None:
        tab = visit(permissions=["clipboard-read", "clipboard-write"]).open("/")
        tab.fill("#q", "red fox")
        tab.locator("[value=pexels]").check()
        tab.get_by_role("button", name="Search").click()
        tab.wait_for_selector("a.tile")
        assert tab.url.endswith(PEXELS)  # no empty fields

        for number in (60, 90):
            tab.get_by_text("More pictures").click()
            count(tab, number)
        assert len(set(shown(tab))) == 90
        assert tab.text_content("#count") == "90 pictures"

        tile = tab.locator("a.tile").nth(70)
        path = tile.evaluate("tile => tile.pathname")
        tile.click()
        tab.wait_for_selector("dialog[open] article")
        assert tab.url.endswith(path)
        credit = tab.input_value("#credit-text")
        tab.get_by_role("button", name="Copy Text").click()
        tab.get_by_role("button", name="Copied").wait_for()
        assert tab.evaluate("navigator.clipboard.readText()") == credit
        assert "on Pexels" in credit

        tab.fill("#credit-alt", 'A "red" fox & <friends>')
        assert '<img alt="A &quot;red&quot; fox &amp; &lt;friends&gt;" src=' in tab.input_value("#credit-html")

        tab.go_back()
        tab.wait_for_selector("dialog", state="hidden")
        assert len(shown(tab)) == 90
        assert tile.evaluate("tile => document.activeElement === tile")

    def test_a_double_click_loads_one_page_more(self, visit: Visits) -> None:
        """Also where the page is still on its way."""
        tab = visit().open("/")
        waiting: list[Any] = []

        def hold(route: Any) -> None:
            waiting.append(route)

        tab.route("**cursor=**", hold)
        tab.goto(PEXELS)
        more = tab.get_by_text("More pictures")
        more.click()
        more.click()

        [route] = waiting
        route.continue_()
        count(tab, 60)
        tab.evaluate(
            "() => new Promise(resolve => setTimeout(resolve))"
        )  # what the second click does, it has done then

        assert tab.url.endswith(PEXELS)
        assert len(shown(tab)) == 60

    def test_a_reload_of_an_open_picture_shows_its_own_page(self, visit: Visits) -> None:
        tab = visit().open(PEXELS)
        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")
        title = tab.text_content("dialog h1")

        tab.reload()

        assert tab.text_content("main h1") == title
        assert tab.locator("dialog[open]").count() == 0
        tab.go_back()
        tab.wait_for_selector("a.tile")

    def test_two_tabs_walk_apart(self, visit: Visits) -> None:
        context = visit()
        one = context.open(PEXELS)
        other = context.open("/?q=mountain&provider=pexels")

        one.get_by_text("More pictures").click()
        count(one, 60)

        assert len(shown(other)) == 30
        other.get_by_text("More pictures").click()
        count(other, 60)
        assert not set(shown(one)) & set(shown(other))


class TestKeyboard:
    def test_search_walk_open_step_and_close(self, visit: Visits) -> None:
        tab = visit().open(PEXELS)
        press = tab.keyboard.press
        press("/")
        assert tab.evaluate("document.activeElement.id") == "q"
        tab.keyboard.type("blue door")
        press("Enter")
        tab.wait_for_function(
            "() => document.querySelector('#q').value === 'blue door' && document.querySelector('a.tile')"
        )

        tab.locator("a.tile").first.focus()
        press("ArrowRight")
        place = "[...document.querySelectorAll('a.tile')].indexOf(document.activeElement)"
        assert tab.evaluate(place) == 1
        press("ArrowDown")
        below = tab.evaluate(place)
        assert below > 2
        press("ArrowUp")
        assert tab.evaluate(place) < below
        press("End")
        assert tab.evaluate(place) == 29
        press("Tab")
        press("Enter")
        count(tab, 60)
        tab.wait_for_function(f"() => {place} === 30")

        press("Enter")
        tab.wait_for_selector("dialog[open] article")
        first = tab.url
        press("ArrowRight")
        tab.wait_for_function("url => location.href !== url", arg=first)
        press("Escape")
        tab.wait_for_selector("dialog", state="hidden")
        assert tab.evaluate(place) == 31
        tab.wait_for_function("() => location.search.includes('blue+door')")

    def test_arrows_belong_to_the_field_that_they_are_pressed_in(self, visit: Visits) -> None:
        """In an open picture they step to its neighbours, but not from a choice, with a modifier or in a text."""
        tab = visit().open(PEXELS)
        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")
        tab.evaluate("document.querySelector('dialog article').append(document.createElement('select'))")
        stepped = "() => new Promise(resolve => requestAnimationFrame(() => resolve(location.pathname)))"
        first = tab.evaluate(stepped)

        for selector in ("dialog select", "#credit-alt", "#credit-text"):
            tab.locator(selector).focus()
            tab.keyboard.press("ArrowRight")
        tab.locator("dialog .bar button").first.focus()
        tab.keyboard.press("Control+ArrowRight")
        tab.wait_for_load_state("networkidle")
        assert tab.evaluate(stepped) == first

        tab.keyboard.press("ArrowRight")
        tab.wait_for_function("path => location.pathname !== path", arg=first)

    def test_the_focus_stays_in_an_open_picture(self, visit: Visits) -> None:
        """On the button that was pressed; in the dialog, whose text the keys scroll, where it was on what went away."""
        tab = visit(viewport={"width": 800, "height": 400}).open(PEXELS)
        press = tab.keyboard.press
        focused = "document.activeElement.getAttribute('aria-label')"
        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")

        def step(key: str) -> None:
            before = tab.url
            press(key)
            tab.wait_for_function("url => location.href !== url", arg=before)
            tab.wait_for_load_state("networkidle")

        for _ in range(3):
            step("ArrowRight")
            assert tab.evaluate(focused) == "Close"
        tab.get_by_role("button", name="Next picture").focus()
        for _ in range(2):
            step("Enter")
            assert tab.evaluate(focused) == "Next picture"
        tab.locator("dialog article a").first.focus()
        step("ArrowLeft")
        assert tab.evaluate("document.activeElement.matches('dialog')")
        tab.locator("dialog h1").click()
        step("ArrowLeft")
        assert tab.evaluate("document.querySelector('dialog').scrollTop") == 0
        press("PageDown")
        tab.wait_for_function("() => document.querySelector('dialog').scrollTop > 0")
        press("Escape")
        tab.wait_for_selector("dialog", state="hidden")
        assert tab.evaluate("document.activeElement.matches('a.tile')")

    def test_a_slash_leads_from_a_chip_to_the_search(self, visit: Visits) -> None:
        """A choice takes no letters, so that a key pressed on it is no typing."""
        tab = visit().open("/")
        tab.locator("[value=pexels]").focus()

        tab.keyboard.press("/")

        assert tab.evaluate("document.activeElement.id") == "q"
        tab.keyboard.press("/")
        assert tab.input_value("#q") == "/"

    def test_focus_is_visible(self, visit: Visits) -> None:
        tab = visit().open(PEXELS)

        for _ in range(25):
            tab.keyboard.press("Tab")
            focused = tab.evaluate(
                "[document.activeElement, document.activeElement.nextElementSibling].filter(Boolean)"
                ".map(each => getComputedStyle(each).outlineStyle)"
            )
            assert "solid" in focused or "auto" in focused, tab.evaluate("document.activeElement.outerHTML")


class TestWithoutScript:
    def test_search_and_walk_and_open(self, visit: Visits) -> None:
        tab = visit(java_script_enabled=False).open("/")
        tab.fill("#q", "red fox")
        tab.locator("[value=pexels]").check()
        tab.get_by_role("button", name="Search").click()
        tab.wait_for_selector("a.tile")
        first = tab.locator("a.tile").first.get_attribute("href")

        tab.get_by_text("More pictures").click()
        tab.wait_for_url(re.compile("cursor="))
        tab.wait_for_selector("a.tile")

        assert tab.locator("a.tile").first.get_attribute("href") != first
        tab.locator("a.tile").first.click()
        assert "on Pexels" in tab.input_value("#credit-text")
        assert tab.locator("button:has-text('Copy')").count() == 0  # nothing that would not work


class TestTrouble:
    def test_a_provider_that_fails_in_the_middle(self, visit: Visits, healed: Site) -> None:
        """The others go on, and the page says what happened."""
        tab = visit().open("/?q=harbour&provider=pexels&provider=unsplash")
        tab.wait_for_selector("a.tile")
        healed.upstreams["unsplash"].fail(Answer("<h1>down</h1>", 503))
        before = len(shown(tab))

        for _ in range(12):  # until the kept pages are used up
            if tab.locator("#states .bad").count() or not tab.locator("load-more").count():
                break
            have = len(shown(tab))
            tab.get_by_text("More pictures").click()
            tab.wait_for_function("n => document.querySelectorAll('a.tile').length > n", arg=have)

        assert "Unsplash cannot be reached" in tab.locator("#states .bad").inner_text()
        assert len(shown(tab)) > before

    def test_none_answers(self, visit: Visits, healed: Site) -> None:
        healed.upstreams["pexels"].fail(Answer("<h1>down</h1>", 503))

        tab = visit().open("/?q=never+asked+before&provider=pexels")

        alert = tab.get_by_role("alert").inner_text()
        assert "None of the providers could answer" in alert
        assert "Pexels cannot be reached" in alert

    def test_a_hostile_title_is_text(self, visit: Visits, healed: Site) -> None:
        """In the list, in the dialog and in what is copied."""

        def change(content: Any) -> Any:
            for photo in content["photos"]:
                photo["alt"] = HOSTILE
            return content

        healed.upstreams["pexels"].fail(faults.changed(change), path="search")
        tab = visit().open("/?q=hostile&provider=pexels")
        assert tab.locator("#pictures b").first.inner_text() == HOSTILE

        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")

        assert tab.locator("dialog h1").inner_text() == HOSTILE
        assert HOSTILE in tab.title()
        tab.fill("#credit-alt", HOSTILE)
        copied = tab.input_value("#credit-html")
        assert "<script>" not in copied
        assert "<img src=x" not in copied

    def test_a_picture_that_is_refused_says_so_above_the_list(self, visit: Visits, serve_site: Serve) -> None:
        """The list stays, where the server answers that there were too many requests."""
        site = serve_site({"IMAGEVAULT_LIMITS_REQUESTS": "10/hour"})
        context = visit(at=site)
        tab = context.open("/?q=fox&provider=local")  # with its scripts, eight requests
        tab.wait_for_load_state("networkidle")
        status = 200
        while status == 200:
            status = tab.evaluate("fetch('/docs').then(answer => answer.status)")

        tab.locator("a.tile").first.click()

        tab.wait_for_selector("dialog[open] .message")
        assert "Too Many Requests" in tab.inner_text("dialog h1")
        assert len(shown(tab)) > 0
        context.refused(429)


class TestLook:
    def test_a_picture_with_long_credits_fits_a_telephone(self, visit: Visits) -> None:
        tab = visit(viewport={"width": 360, "height": 740}).open(PEXELS)
        tab.goto(tab.locator("a.tile").first.get_attribute("href"))

        assert tab.evaluate("document.documentElement.scrollWidth") <= 360

    @pytest.mark.parametrize("width", [360, 768, 1280, 2560])
    def test_nothing_is_wider_than_the_window_and_nothing_moves(self, visit: Visits, width: int) -> None:
        tab = visit(viewport={"width": width, "height": 900}).open(ALL)
        tab.wait_for_load_state("networkidle")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width

        shift = tab.evaluate(
            "new Promise(resolve => new PerformanceObserver(list => resolve("
            "list.getEntries().reduce((sum, entry) => sum + entry.value, 0))).observe("
            "{type: 'layout-shift', buffered: true}) || setTimeout(() => resolve(0), 300))"
        )
        assert shift < 0.02

        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")
        assert tab.evaluate("document.querySelector('dialog').scrollWidth") <= width

    def test_the_pictures_of_a_row_are_equally_high_and_in_order(self, visit: Visits) -> None:
        tab = visit(viewport={"width": 1280, "height": 900}).open(ALL)
        boxes = tab.eval_on_selector_all(
            "a.tile",
            "tiles => tiles.map(tile => tile.getBoundingClientRect()).map(({top, left, height, right}) => "
            "({top, left, height, right}))",
        )
        rows: dict[int, list[dict[str, float]]] = {}
        for box in boxes:
            rows.setdefault(round(box["top"]), []).append(box)

        *full, _ = rows.values()
        assert len(full) >= 3
        for row in full:
            assert max(box["height"] for box in row) - min(box["height"] for box in row) < 2
            assert row[-1]["right"] == pytest.approx(1264, abs=2)
            assert [box["left"] for box in row] == sorted(box["left"] for box in row)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            ALL,
            "/?q=fox&provider=local&orientation=portrait",
            "/?q=fox&provider=pexels&color=nocolor",
            "/picture/local:fox-in-snow.jpg",
            "/picture/local:none.jpg",
        ],
    )
    def test_axe_finds_nothing(self, visit: Visits, violations: Any, path: str, scheme: str) -> None:
        context = visit(color_scheme=scheme, reduced_motion="reduce")
        tab = context.open(path)

        assert violations(tab) == []
        refused = {"/picture/local:none.jpg": 404, "/?q=fox&provider=pexels&color=nocolor": 400}
        if path in refused:
            context.refused(refused[path])

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing_in_an_open_picture(self, visit: Visits, violations: Any, scheme: str) -> None:
        tab = visit(color_scheme=scheme, reduced_motion="reduce").open(ALL)
        tab.locator("a.tile").first.click()
        tab.wait_for_selector("dialog[open] article")

        assert violations(tab) == []


def test_no_other_host_is_called_before_the_reader_agrees(serve_site: Serve, visit: Visits) -> None:
    """With `private_display`, also where pictures join the list and where one is opened.

    The server passes on what it may, the pictures of Pexels. Unsplash wants its files to be loaded from its own host.
    """
    site = serve_site({"IMAGEVAULT_PRIVATE_DISPLAY": "true", "IMAGEVAULT_ALLOW_NETWORKS": "127.0.0.0/8"})
    context = visit(at=site)
    tab = context.open("/?q=red+fox&provider=pexels&provider=unsplash")
    tab.get_by_text("More pictures").click()
    count(tab, 60)
    is_loaded = "() => document.querySelector('a.tile[href*=pexels] img')?.naturalWidth > 0"
    tab.wait_for_function(is_loaded)
    assert tab.locator("a.tile[href*=unsplash] img").count() == 0
    for name in ("pexels", "unsplash"):
        tab.locator(f"a.tile[href*={name}]").first.click()
        tab.wait_for_selector("dialog[open] article")
        tab.wait_for_load_state("networkidle")
        assert tab.locator("dialog .large img").count() == (1 if name == "pexels" else 0)
        tab.keyboard.press("Escape")
    assert context.called == {site.url.removeprefix("http://")}

    tab.get_by_role("link", name="Show the pictures").click()
    tab.wait_for_function(is_loaded.replace("pexels", "unsplash"))

    unsplash = f"127.0.0.1:{site.upstreams['unsplash'].port}"
    assert context.called == {site.url.removeprefix("http://"), unsplash}
