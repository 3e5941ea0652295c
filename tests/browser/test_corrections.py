"""An editor merges a name into another one, on a desk and on a phone."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ingest.core.entity_names import entity_id
from ingest.devstack.stack import Stack
from ingestsite import configuration
from tests.support import editor
from tests.support.browser import serious_faults
from tests.support.factories import entity, with_entities
from tests.support.stores import firestore_of, project_settings
from tests.support.web_server import serving

WINDOWS: list[Any] = [
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"},
]
ODIN, WODAN = entity_id("PERSON", "odin"), entity_id("PERSON", "saint wodan")


@pytest.fixture(scope="module")
def url(emulator: None, valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the web server with posts and an editor; no worker applies a correction."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    posts = [with_entities(str(n), [entity("Odin", 2), entity("Saint Wodan")]) for n in range(3)]
    firestore_of(project).add(posts)
    settings = {**project_settings(project), "INGEST_BROKER_URL": configuration.BROKER_URL}
    stack = Stack(tmp_path_factory.mktemp("corrections"), settings)
    with serving(stack) as address:
        editor.make_editor(stack)
        yield address


@pytest.fixture(params=WINDOWS, ids=["desk", "phone"])
def window(request: pytest.FixtureRequest, browser: Browser, url: str) -> Iterator[Page]:
    """Return a window of an editor who is logged in."""
    context = browser.new_context(base_url=url, **request.param)
    page = context.new_page()
    editor.log_in(page, url)
    yield page
    context.close()


def check(page: Page) -> None:
    """Check that everybody can use a page, and that it is no wider than the window."""
    assert serious_faults(page) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]


def test_an_editor_merges_a_name_and_takes_it_back(window: Page) -> None:
    window.goto(f"/entities/{ODIN}")
    window.get_by_role("link", name="Correct this").click()
    editor.search(window, "wod")
    expect(window.get_by_label("Saint Wodan")).to_be_checked()
    check(window)
    editor.preview_merge(window)
    expect(window.locator("tbody tr td:last-child")).to_have_text(["0", "9"])
    check(window)
    editor.confirm(window)
    expect(window.locator("h1")).to_have_text("Odin counts as Saint Wodan")
    check(window)
    window.goto(f"/entities/{WODAN}")
    expect(window.locator("form.facts")).to_contain_text(f"by {editor.NAME} on ")
    check(window)
    window.get_by_role("button", name="Undo").click()
    expect(window.locator("h1")).to_have_text("A correction is taken back")
    check(window)
