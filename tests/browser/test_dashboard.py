"""The dashboard and Flower in a browser, with a running stack and a dead letter."""

import os
import shelve
import uuid
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from ingest import samples
from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from ingest.store.firestore.store import FirestoreStore
from tests.support import faulty_model, prepared
from tests.support.admin_client import (
    flower,
    flower_pages,
    log_in,
    make_operator,
    open_dead_letter,
    repair_model,
    replay_dead_letter,
)
from tests.support.browser import serious_faults
from tests.support.processes import processes, words
from tests.support.stores import firestore_of

MARKER = "Zanzibar Quagmire"  # in every post, and in nothing else
POSTS = [{**post, "content": f"{MARKER}. {post['content']}"} for post in samples.read()][:20]


class Dashboard(NamedTuple):
    """A running stack with saved posts and a dead letter, and the page of a logged-in operator."""

    stack: Stack
    client: ApiClient
    store: FirestoreStore
    page: Page
    dead: str


@pytest.fixture(scope="module")
def dashboard(
    emulator: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dashboard]:
    """Start a stack, send posts of which one raises, and log in."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("dashboard")
    settings = {
        "FIRESTORE_EMULATOR_HOST": os.environ["FIRESTORE_EMULATOR_HOST"],
        "INGEST_FIRESTORE_PROJECT": project,
        "INGEST_EXTRACT_CONCURRENCY": "2",
        "INGEST_MERGE_SECONDS": "0",
        **faulty_model.settings(tmp_path_factory.mktemp("faulty-model")),
    }
    stack = Stack(folder, settings, flower=True)
    client = prepared.prepare(stack)
    make_operator(stack)
    stack.start()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    try:
        demo.submit(client, POSTS)
        faulty = {
            **POSTS[0],
            "id": "faulty",
            "content": f"{faulty_model.RAISE} {POSTS[0]['content']}",
        }
        (dead,) = demo.submit(client, [faulty])
        wait_until(
            lambda: client.status()["dead_letters"] == 1, seconds=60, what="one is a dead letter"
        )
        demo.await_empty(client)
        log_in(page, stack)
        yield Dashboard(stack, client, firestore_of(project), page, dead)
    finally:
        context.close()
        stack.stop()


def test_the_start_page_shows_the_pipeline_and_drains_and_resumes_it(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.stack.url}/admin/")
    intake = page.locator(".intake")
    expect(intake).to_contain_text("Open.")
    expect(page.locator(".workers")).to_contain_text("save@")
    expect(page.locator(".dead-letters")).to_have_text("1 raised an exception")
    head = page.get_by_role("rowheader", name="save", exact=True)
    saved = page.locator(".queues tr").filter(has=head).get_by_role("cell").last
    assert int(saved.inner_text()) >= len(POSTS)
    assert serious_faults(page) == []

    page.get_by_role("button", name="Drain").click()
    expect(page.locator(".messagelist")).to_contain_text("New posts are refused")
    expect(intake).to_contain_text("Drained.")
    assert dashboard.client.status()["drained"]

    # Another operator resumes. The open page shows it without a reload.
    dashboard.stack.manage("drain", "--resume")
    page.evaluate("document.activeElement.blur()")
    expect(intake).to_contain_text("Open.", timeout=30_000)
    page.reload()
    expect(page.locator(".audit-log li").first).to_contain_text("resumed")
    expect(page.locator(".audit-log li").nth(1)).to_contain_text("olive drained")


def test_flower_shows_ids_but_no_text_and_no_key(dashboard: Dashboard) -> None:
    """Not even of a message that a worker has in progress."""
    children = [
        p for p in processes(dashboard.stack) if "-Q extract" in words(p) and not p.children()
    ]
    for child in children:
        child.suspend()
    try:
        (post_id,) = demo.submit(dashboard.client, [{**POSTS[0], "id": "in-progress"}])
        wait_until(
            lambda: dashboard.client.status()["in_work"] > 0, seconds=60, what="it is in progress"
        )
        wait_until(
            lambda: post_id in flower_pages(dashboard.stack), seconds=60, what="Flower shows it"
        )
        shown = flower_pages(dashboard.stack)
    finally:
        for child in children:
            child.resume()
    demo.await_empty(dashboard.client)
    shown += flower_pages(dashboard.stack)
    assert "ingest.extract_posts" in shown
    assert "ingest.save_posts" in shown
    assert f"1 post: {post_id}" in shown
    key = dashboard.client.headers["Authorization"].split()[-1]
    for secret in (MARKER, key, (dashboard.stack.folder / "broker_password").read_text()):
        assert secret not in shown


def test_a_dead_letter_is_read_and_replayed_and_counts_once(dashboard: Dashboard) -> None:
    page = dashboard.page
    open_dead_letter(page, dashboard.stack, dashboard.dead)
    expect(page.locator(".post")).to_contain_text(faulty_model.RAISE)
    expect(page.locator("pre.trace")).to_contain_text("ValueError: a bomb")
    assert serious_faults(page) == []
    before = _posts(dashboard)

    # The cause is still there, so the post becomes a dead letter again.
    replay_dead_letter(page)
    expect(page.locator(".messagelist")).to_have_text("1 replayed.")
    demo.await_empty(dashboard.client)
    assert dashboard.client.status()["dead_letters"] == 1

    repair_model(dashboard.stack)
    open_dead_letter(page, dashboard.stack, dashboard.dead)
    replay_dead_letter(page)
    demo.await_empty(dashboard.client)
    assert dashboard.client.status()["dead_letters"] == 0
    assert dashboard.client.post(dashboard.dead)["status"] == "saved"
    assert _posts(dashboard) == before + 1
    page.goto(f"{dashboard.stack.url}/admin/ingest/auditentry/?q={dashboard.dead}")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    expect(page.locator("#result_list tbody tr").first).to_contain_text("olive")


def test_publications_link_to_their_pages(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.stack.url}/admin/")
    page.locator("#content-main").get_by_role("link", name="Publications", exact=True).click()
    publications = dashboard.client.publications()
    expect(page.locator(".publications tbody tr")).to_have_count(len(publications))
    assert serious_faults(page) == []
    name = publications[0]["name"]
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def test_flower_keeps_its_history_when_it_stops(dashboard: Dashboard) -> None:
    session = flower(dashboard.stack)
    seen = set(session.get(f"{dashboard.stack.flower_url}/api/tasks", timeout=30).json())
    dashboard.stack.stop()
    folder = dashboard.stack.folder / "flower"
    assert folder.stat().st_mode & 0o077 == 0
    with shelve.open(folder / "seen", flag="r") as state:  # noqa: S301
        assert seen <= set(state["events"].tasks)
    assert seen


def _posts(dashboard: Dashboard) -> int:
    return sum(publication.posts for publication in dashboard.store.publications())
