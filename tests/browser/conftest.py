"""A web server with posts in its store, and a browser."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from ingest.analytics.summaries import summarise
from ingest.broker.admission import get_admission
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from ingest.core.posts import publication_id
from ingest.store.base import Store
from tests.support.browser import chromium
from tests.support.factories import entity, with_entities
from tests.support.stores import firestore_of
from tests.support.web_server import website

ODD = '../<b>"é'
FIRST_DAY = datetime(2026, 5, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Site:
    """The URL of the pages, and their store."""

    url: str
    store: Store

    def publication(self, name: str) -> str:
        """Return the URL of a publication's page."""
        return f"{self.url}/publications/{publication_id(name)}"

    def entity(self, family: str, key: str) -> str:
        """Return the URL of an entity's page."""
        return f"{self.url}/entities/{entity_id(family, key)}"


def gazette() -> Iterator[PostEntities]:
    """Yield a post for each of thirty days, with sixty names, Oslo, and Angela Merkel in each."""
    for day in range(30):
        names = [entity(f"Name {n}") for n in range(2 * day + 2)]
        post = with_entities(
            str(day),
            [entity("Angela Merkel", 3), entity("Oslo", label="GPE"), *names],
            published_at=FIRST_DAY + timedelta(days=day),
        )
        yield post.model_copy(
            update={
                "title": f"Day <{day}>",
                "url": f"https://example.org/{day}",
                "content": f"It rained on day {day}. Then Angela Merkel went to Oslo & back. So.",
            }
        )


def others() -> Iterator[PostEntities]:
    """Yield a post of a publication with an odd name, with an odd entity among three."""
    odd = [entity("<script>alert(1)</script>", 7), entity("Angela Merkel"), entity("ÉOLE", 2)]
    yield with_entities("odd", odd, publication=ODD, published_at=FIRST_DAY)


@pytest.fixture(scope="session")
def site(emulator: None, valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the web server on a store with posts and summaries."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    store = firestore_of(project)
    store.add([*gazette(), *others()])
    for name in ("The Gazette", ODD):
        summarise(store, publication_id(name))
    with website(tmp_path_factory.mktemp("site"), project) as url:
        yield Site(url, store)


# Playwright keeps a loop running in the thread, and Django's database refuses to work beside one.
# So the browser ends with its module, before tests that need the database.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """Return the browser's errors and warnings. A test that expects some clears them."""
    return []


@pytest.fixture
def options() -> dict[str, Any]:
    """Return the options of the browser's window, which a test may override."""
    return {}


@pytest.fixture
def page(
    browser: Browser, site: Site, options: dict[str, Any], complaints: list[str]
) -> Iterator[Page]:
    """Return a page. A script that fails or that the CSP blocks fails the test."""

    def record(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    context = browser.new_context(base_url=site.url, **options)
    page = context.new_page()
    page.on("console", record)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def paused_intake(site: Site) -> Iterator[None]:
    """Pause the intake while a test runs."""
    get_admission().pause("operator")
    yield
    get_admission().resume("operator")
