"""Signing up, signing in, taking pictures and leaving, in a browser."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Serve, Site, Visits

PASSWORD = "violet-harbour-71"


@pytest.fixture(scope="module")
def closed(serve_site: Serve) -> Site:
    """A server where only accounts search."""
    return serve_site({"IMAGEVAULT_SEARCH": "account"})


def sign_up(tab: Any, name: str) -> None:
    tab.goto("/my/sign-up")
    fill_in_sign_up(tab, name)
    tab.wait_for_url("**/")


def fill_in_sign_up(tab: Any, name: str) -> None:
    tab.get_by_label("Username").fill(name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign up").click()
    tab.wait_for_url("**/my/sign-in?**")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def press_to(tab: Any, selector: str, key: str = "Tab") -> None:
    """Presses a key until the focus is on such an element."""
    for _ in range(150):
        if tab.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector} on {tab.url}")


def fill_in(tab: Any, selector: str, text: str) -> None:
    press_to(tab, selector)
    tab.keyboard.type(text)


def find_and_export(tab: Any) -> None:
    """Changes the download on the page, finds it among the others, and exports its credit."""
    title = tab.inner_text("h1")
    markdown = tab.input_value("#credit-markdown")
    tab.get_by_label("Note").fill("for the cover")
    assert not tab.get_by_text("Saved.").is_visible()
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Saved.").wait_for()
    assert tab.input_value("[name=note]") == "for the cover"
    tab.get_by_role("link", name="My downloads").click()
    tab.wait_for_selector(".rows")
    assert title in tab.inner_text(".rows")
    assert "for the cover" in tab.inner_text(".rows")
    tab.get_by_label("Project").select_option("Autumn brochure")
    tab.get_by_role("button", name="Find").click()
    tab.wait_for_url("**project=Autumn**")
    assert tab.locator(".rows li").count() == 1
    with tab.expect_download() as exported:
        tab.get_by_role("link", name="Markdown").click()
    assert markdown in Path(exported.value.path()).read_text()


class TestJourney:
    @pytest.mark.parametrize("script", [True, False])
    def test_from_signing_up_to_signing_out(self, visit: Visits, closed: Site, script: bool) -> None:
        name = f"ada{script}".lower()
        context = visit(at=closed, java_script_enabled=script, permissions=["clipboard-read", "clipboard-write"])
        tab = context.open("/?q=red+fox&provider=pexels")
        assert "needs an account" in tab.inner_text("main")
        tab.get_by_role("link", name="Sign in").last.click()
        tab.get_by_role("link", name="Sign up").click()
        fill_in_sign_up(tab, name)
        tab.wait_for_url("**/?q=red+fox&provider=pexels")
        assert tab.input_value("#q") == "red fox"
        tab.wait_for_selector("a.tile")

        tab.fill("#q", "red fox")
        tab.locator("[value=pexels]").check()
        tab.get_by_role("button", name="Search").click()
        tab.wait_for_selector("a.tile")
        first = tab.locator("a.tile").first.get_attribute("href")
        for number in (60, 90):
            tab.get_by_text("More pictures").click()
            if script:
                tab.wait_for_function("n => document.querySelectorAll('a.tile').length === n", arg=number)
            else:
                tab.wait_for_selector(f"a.tile:not([href='{first}'])")
        picture = tab.locator("a.tile").last.get_attribute("href")
        tab.locator("a.tile").last.click()
        credit = tab.input_value("#credit-text")
        assert "on Pexels" in credit
        if script:
            tab.get_by_role("button", name="Copy Text").click()
            tab.get_by_role("button", name="Copied").wait_for()
            assert tab.evaluate("navigator.clipboard.readText()") == credit
        tab.get_by_label("Project").fill("Autumn brochure")
        tab.get_by_role("button", name="Take it").click()
        tab.wait_for_url("**/my/downloads/*")
        assert tab.input_value("#credit-text") == credit

        find_and_export(tab)

        tab.goto(picture)
        assert tab.locator("text=Yours since").count() == 1

        tab.get_by_role("link", name=name).click()
        tab.get_by_role("button", name="Sign out").click()
        tab.get_by_role("status").get_by_text("You are signed out.").wait_for()
        tab.goto("/my/downloads")
        assert "Sign in" in tab.inner_text("h1")
        for cookie in context.context.cookies():
            assert cookie["value"] == ""
        context.refused(401)

    def test_the_same_by_keyboard_alone(self, visit: Visits, closed: Site) -> None:
        tab = visit(at=closed, permissions=["clipboard-read", "clipboard-write"]).open("/my/sign-up")
        press = tab.keyboard.press
        fill_in(tab, "[name=username]", "keys")
        fill_in(tab, "[name=password]", PASSWORD)
        press("Enter")
        tab.wait_for_url("**/my/sign-in?**")
        fill_in(tab, "[name=password]", PASSWORD)
        press("Enter")
        tab.wait_for_url("**/")

        fill_in(tab, "#q", "red fox")
        press_to(tab, "[value=pexels]")
        press("Space")
        press("Enter")
        tab.wait_for_selector("a.tile")
        for number in (60, 90):
            press_to(tab, "load-more a")
            press("Enter")
            tab.wait_for_function("n => document.querySelectorAll('a.tile').length === n", arg=number)
        tab.wait_for_function("document.activeElement.matches('a.tile')")
        press("End")
        press("Enter")
        tab.wait_for_selector("dialog[open] article")
        press_to(tab, "#credit-text + button")
        press("Enter")
        tab.get_by_role("button", name="Copied").wait_for()
        credit = tab.evaluate("navigator.clipboard.readText()")
        assert "on Pexels" in credit

        press_to(tab, "[name=project]", "Shift+Tab")
        tab.keyboard.type("Autumn")
        press("Enter")
        tab.wait_for_url("**/my/downloads/*")
        markdown = tab.input_value("#credit-markdown")

        press_to(tab, "nav a[href='/my/downloads']")
        press("Enter")
        tab.wait_for_url("**/my/downloads")
        fill_in(tab, "[name=project]", "Autumn")
        press_to(tab, ".filter button")
        press("Enter")
        tab.wait_for_url("**project=Autumn**")
        press_to(tab, "[href*='format=markdown']")
        with tab.expect_download() as exported:
            press("Enter")
        assert markdown in Path(exported.value.path()).read_text()

        press_to(tab, "nav a[href='/my/account']")
        press("Enter")
        tab.wait_for_url("**/my/account")
        press_to(tab, "form[action='/session/end'] button")
        press("Enter")
        tab.wait_for_url("**/my/sign-in?**")
        assert tab.locator("nav a[href='/my/sign-in']").count() == 1

    def test_keys_and_password(self, visit: Visits, closed: Site) -> None:
        context = visit(at=closed)
        tab = context.open("/")
        sign_up(tab, "grace")
        tab.goto("/my/account")
        tab.get_by_label("What it is for").fill("catalogue")
        tab.get_by_role("button", name="Create the key").click()
        assert tab.input_value("#credit-text").startswith("iv_")
        tab.reload()
        tab.wait_for_url("**/my/account?**")
        assert "sent before" in tab.get_by_role("status").inner_text()
        assert tab.locator(".rows > li").count() == 1
        tab.goto("/my/account")
        assert "catalogue" in tab.inner_text(".rows")
        assert tab.locator("#credit-text").count() == 0
        tab.get_by_label("Revoke catalogue").click()
        tab.get_by_role("button", name="Revoke it: catalogue").click()
        tab.get_by_role("status").get_by_text("The key is revoked.").wait_for()
        assert tab.locator(".rows").count() == 0

        tab.get_by_label("Current password").fill(PASSWORD)
        tab.get_by_label("New password").fill("copper-lantern-58")
        tab.get_by_role("button", name="Change the password").click()
        tab.wait_for_url("**/my/sign-in?**")
        tab.get_by_label("Password").fill(PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        assert "wrong" in tab.get_by_role("alert").inner_text()
        tab.get_by_label("Password").fill("copper-lantern-58")
        tab.get_by_role("button", name="Sign in").click()
        tab.wait_for_url("**/my/account")
        assert tab.get_by_role("link", name="grace").count() == 1
        context.refused(401)

    def test_what_was_typed_survives_the_end_of_the_session(self, visit: Visits, closed: Site) -> None:
        """As the page says: signing in in another tab, and loading the page that refused the form again."""
        context = visit(at=closed)
        tab = context.open("/")
        sign_up(tab, "margaret")
        tab.goto("/picture/local:fox-in-snow.jpg")
        tab.get_by_role("button", name="Take it").click()
        tab.wait_for_url("**/my/downloads/*")
        tab.get_by_label("Note").fill("for the cover")
        context.context.clear_cookies()
        tab.get_by_role("button", name="Save").click()
        tab.get_by_role("status").get_by_text("load this page again").wait_for()

        other = context.open("/my/sign-in")
        other.get_by_label("Username").fill("margaret")
        other.get_by_label("Password").fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        other.wait_for_url("**/")
        tab.reload()

        tab.get_by_text("Saved.").wait_for()
        assert tab.input_value("[name=note]") == "for the cover"

        tab.get_by_text("Forget this download").click()
        tab.get_by_role("button", name="Delete it").click()
        tab.get_by_role("status").get_by_text("The download is deleted").wait_for()
        tab.go_back()
        tab.get_by_role("link", name="My downloads").last.click()
        tab.wait_for_url("**/my/downloads")
        context.refused(401, 404)

    def test_two_tabs_share_the_session(self, visit: Visits, closed: Site) -> None:
        context = visit(at=closed)
        one = context.open("/")
        sign_up(one, "linus")
        other = context.open("/?q=fox&provider=local")
        assert other.locator("a.tile").count() > 0

        one.goto("/my/account")
        one.get_by_role("button", name="Sign out").click()
        one.wait_for_url("**/my/sign-in?**")
        other.reload()

        assert other.locator("a.tile").count() == 0


class TestLook:
    def test_long_names_are_no_wider_than_a_telephone(self, visit: Visits, closed: Site) -> None:
        """A user name and the name of a key as long as they may be, and a project of many letters without a blank."""
        tab = visit(at=closed, viewport={"width": 360, "height": 740}).open("/")
        sign_up(tab, "w" * 64)
        tab.goto("/picture/local:fox-in-snow.jpg")
        tab.get_by_label("Project").fill("W" * 200)
        tab.get_by_role("button", name="Take it").click()
        tab.wait_for_url("**/my/downloads/*")
        tab.goto("/my/account")
        tab.get_by_label("What it is for").fill("W" * 100)
        tab.get_by_role("button", name="Create the key").click()

        widths = {"the new key": tab.evaluate("document.documentElement.scrollWidth")}
        for address in ("/", "/my/account", "/my/downloads", f"/my/downloads?project={'W' * 200}", "/my/providers"):
            tab.goto(address)
            widths[address] = tab.evaluate("document.documentElement.scrollWidth")
            box = tab.locator(".filter select").first.bounding_box() if "downloads" in address else None
            assert box is None or box["x"] + box["width"] <= 360

        assert {address: width for address, width in widths.items() if width > 360} == {}

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_axe_finds_nothing(self, visit: Visits, closed: Site, violations: Any, scheme: str) -> None:
        """On the pages of people who have signed in, and of those who have not. None is wider than a telephone."""
        name = f"axe-{scheme}"
        context = visit(at=closed, color_scheme=scheme, reduced_motion="reduce", viewport={"width": 360, "height": 740})
        tab = context.open("/?q=fox")

        def check(address: str) -> None:
            assert violations(tab) == [], address
            assert tab.evaluate("document.documentElement.scrollWidth") <= 360, address

        check("a search without an account")
        sign_up(tab, name)
        tab.goto("/my/downloads")
        check("no download yet")
        tab.goto("/picture/local:fox-in-snow.jpg")
        tab.get_by_role("button", name="Take it").click()
        tab.wait_for_url("**/my/downloads/*")
        taken = tab.url
        tab.goto("/my/account")
        tab.get_by_label("What it is for").fill("catalogue")
        tab.get_by_role("button", name="Create the key").click()
        check("a new key")
        closed.command("users", "promote", name)
        tab.goto("/?q=red+fox&provider=pexels&provider=unsplash")
        tab.wait_for_selector("a.tile")

        pages = [taken, "/my/downloads", "/my/downloads?q=nothing", "/my/account", "/my/providers"]
        for address in [*pages, "/picture/local:fox-in-snow.jpg", "/?q=fox&provider=local"]:
            tab.goto(address)
            check(address)
        assert tab.goto("/my/providers").status == 200
        assert tab.locator("svg.plot").count() > 2

        context.context.clear_cookies()
        forms = {"/my/sign-in": "Sign in", "/my/sign-up": "Sign up", "/my/password-reset": "Set the password"}
        for address, field in forms.items():
            tab.goto(address)
            check(address)
            tab.get_by_label("Username").fill(name)
            tab.locator("[type=password]").fill("wrong-harbour-71")
            if "reset" in address:
                tab.get_by_label("Code").fill("misspelt")
            tab.get_by_role("button", name=field).click()
            tab.get_by_role("alert").wait_for()
            assert tab.locator("[aria-invalid=true]:focus").count() == 1
            check(address)
        context.refused(401, 403, 409)
