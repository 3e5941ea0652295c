"""The admin's lists on a small laptop and on a phone: what an operator needs is in view."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ingest.broker import connection
from ingest.devstack.stack import Stack
from ingestsite import configuration
from tests.support.browser import fill_login, serious_faults
from tests.support.web_server import serving

MAKE = """
from django.contrib.auth.models import User
from ingest.models import Alias, ApiKey, AuditEntry, DeadLetter
User.objects.create_superuser("operator", password="a long secret word")
long = "The Daily Gazette of the Eastern Counties and Their Neighbours"
DeadLetter.objects.create(
    post_id="0123456789abcdef" * 2, step="extract", reason="unreadable", publication=long,
    detail="ValueError: " + "an unbroken_word_of_the_model " * 4, attempts=3, payload={},
)
Alias.objects.create(
    label="ORG", name="Bundesministerium der Finanzen", becomes="Federal Ministry of Finance",
    becomes_label="ORG", publication=long, state="proposed", likeness=91.5,
)
ApiKey.create("the wire of the eastern counties", scopes=["submit", "read", "operate"])
AuditEntry.objects.create(
    actor="operator@newsroom.example.org", via="command", action="replay",
    target="0123456789abcdef" * 2, detail=f"unreadable at extract, {long}, attempts: 3",
)
"""
# The columns that each list is read for.
NEEDED = {
    "auditentry": ("at", "actor", "action", "target", "detail"),
    "deadletter": ("publication", "reason", "last_at", "problem"),
    "alias": ("name", "becomes", "state", "evidence"),
    "apikey": ("name", "scopes", "last_used_at", "expires_at"),
}
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def stack(valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run the web server with a row in each list."""
    connection.redis_client().flushall()  # an earlier test may have paused the intake
    settings = {"INGEST_STORE": "sql", "INGEST_BROKER_URL": configuration.BROKER_URL}
    stack = Stack(tmp_path_factory.mktemp("lists"), settings)
    with serving(stack):
        stack.manage("shell", "--no-imports", "-c", MAKE)
        yield stack


@pytest.fixture(params=SIZES)
def window(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Page]:
    """Return a logged in window of each size."""
    width, height = SIZES[request.param]
    size: Any = {"width": width, "height": height}
    context = browser.new_context(base_url=stack.url, viewport=size)
    page = context.new_page()
    page.goto("/login?next=/admin/")
    fill_login(page, "operator", "a long secret word")
    yield page
    context.close()


def width_of(window: Page) -> int:
    """Return the width of a window."""
    assert window.viewport_size
    return window.viewport_size["width"]


@pytest.mark.parametrize("name", NEEDED)
def test_what_a_list_is_read_for_is_in_view(window: Page, name: str) -> None:
    window.goto(f"/admin/ingest/{name}/")
    for column in NEEDED[name]:
        cell = window.locator(f"#result_list tbody .field-{column}").first
        box = cell.bounding_box()
        assert box, column
        assert box["x"] >= 0, column
        assert box["x"] + box["width"] <= width_of(window), column
        # No word is cut off, and none is broken into letters.
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth + 1"), column
        assert box["width"] >= 60, column
    assert serious_faults(window) == []


@pytest.mark.parametrize(
    "path",
    [
        *("", "publications/", "ingest/deadletter/", "ingest/deadletter/1/change/"),
        *(
            "ingest/deadletter/replay/?id__in=1",
            "ingest/apikey/add/",
            "ingest/auditentry/1/change/",
        ),
    ],
)
def test_no_page_is_wider_than_its_window(window: Page, path: str) -> None:
    window.goto(f"/admin/{path}")
    assert window.evaluate("document.documentElement.scrollWidth") <= width_of(window)
