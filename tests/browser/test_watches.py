"""Watches made by an account in a browser: by keyboard, on a phone, dark, without JavaScript."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.devstack.stack import Stack
from ingestsite import configuration
from tests.support.browser import serious_faults
from tests.support.web_server import serving

WORD = "a long password"
NAME = f"/entities/{entity_id('PERSON', 'angela merkel')}"
PUBLICATION = f"/publications/{publication_id('The Gazette')}"
PREPARE = f"""
from django.contrib.auth.models import User
from ingest.store import open_store
from tests.support.factories import entity, with_entities
User.objects.create_user("reader", password={WORD!r})
open_store().add([with_entities("1", [entity("Angela Merkel")])])
"""


@pytest.fixture(scope="module")
def url(valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the web server with pages behind a login, an account and a post."""
    settings = {
        "INGEST_BROKER_URL": configuration.BROKER_URL,
        "INGEST_STORE": "sql",
        "INGEST_PAGES": "login",
    }
    stack = Stack(tmp_path_factory.mktemp("watches"), settings)
    with serving(stack) as url:
        stack.manage("shell", "--no-imports", "-c", PREPARE)
        yield url


@pytest.fixture(params=[True, False], ids=["scripts", "without scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Return whether JavaScript runs; axe needs it."""
    return bool(request.param)


@pytest.fixture
def phone(browser: Browser, url: str, scripts: bool) -> Iterator[Page]:
    """Return a dark page of a phone, with a logged-in reader."""
    options: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}
    context = browser.new_context(base_url=url, **options, java_script_enabled=scripts)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name", exact=True).fill("reader")
    page.get_by_label("Password").fill(WORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Watches")).to_be_visible()
    yield page
    context.close()


def check(page: Page, *, scripts: bool) -> None:
    """Check that everybody can use a page, and that it is no wider than the screen."""
    assert not scripts or serious_faults(page) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (NAME, "Angela Merkel rises in The Gazette"),
        (PUBLICATION, "A name rises in The Gazette"),
    ],
)
def test_a_watch_is_made_by_keyboard_and_says_how_it_arrives(
    phone: Page, scripts: bool, path: str, words: str
) -> None:
    phone.goto(path)
    phone.locator("#watch summary").focus()
    phone.keyboard.press("Enter")
    check(phone, scripts=scripts)
    phone.locator("#watch input[type=radio]").first.focus()
    phone.keyboard.press("ArrowDown")
    if path == NAME:
        phone.get_by_label("In", exact=True).select_option("The Gazette")
    phone.locator("#watch button").focus()
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("status")).to_contain_text(f"You are told: {words}.")
    expect(phone.get_by_role("link", name=f"Atom feed: {words}")).to_be_visible()
    expect(phone.get_by_role("heading", name="How it arrives")).to_be_visible()
    check(phone, scripts=scripts)
    phone.get_by_role("button", name=f"Stop: {words}").click()
    expect(phone.get_by_text("You have no watches.")).to_be_visible()


def test_a_wrong_choice_is_explained_with_the_form(phone: Page, scripts: bool) -> None:
    phone.goto(f"{NAME}/watch")
    phone.get_by_label("when many posts mention it").check()
    phone.get_by_label("Many posts are more than").fill("99999999")
    form = phone.locator("form.filters")
    form.evaluate("form => { form.noValidate = true }")  # the browser would not send it
    form.get_by_role("button", name="Watch").click()
    expect(phone.get_by_role("alert")).to_contain_text("a number from 0 to 1 000 000")
    check(phone, scripts=scripts)
