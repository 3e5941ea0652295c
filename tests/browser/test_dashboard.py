"""The operator's desk and Flower in front of a running stack, with posts that die."""

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
from tests.support import faulty_model
from tests.support.admin_client import (
    defuse,
    flower,
    log_in,
    make_operator,
    open_letter,
    replay_letter,
    told_by_flower,
)
from tests.support.browser import serious_faults
from tests.support.processes import processes, words
from tests.support.stores import firestore_of

TELLTALE = "Zanzibar Quagmire"  # stand in every post, and in nothing else
POSTS = [{**post, "content": f"{TELLTALE}. {post['content']}"} for post in samples.read()][:20]


class Desk(NamedTuple):
    """A stack that runs, with posts saved and one laid aside, and an operator in front of it."""

    stack: Stack
    client: ApiClient
    store: FirestoreStore
    page: Page
    dead: str


@pytest.fixture(scope="module")
def desk(
    emulator: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """Start a stack, send posts, one of which raises, and log in."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("desk")
    settings = {
        "FIRESTORE_EMULATOR_HOST": os.environ["FIRESTORE_EMULATOR_HOST"],
        "INGEST_FIRESTORE_PROJECT": project,
        "INGEST_EXTRACT_CONCURRENCY": "2",
        "INGEST_MERGE_SECONDS": "0",
        **faulty_model.settings(tmp_path_factory.mktemp("bombs")),
    }
    stack = Stack(folder, settings)
    client = stack.prepare()
    make_operator(stack)
    stack.start()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    try:
        demo.submit(client, POSTS)
        bomb = {**POSTS[0], "id": "bomb", "content": f"{faulty_model.RAISE} {POSTS[0]['content']}"}
        (dead,) = demo.submit(client, [bomb])
        wait_until(lambda: client.status()["dead_letters"] == 1, seconds=60, what="one has died")
        demo.await_empty(client)
        log_in(page, stack)
        yield Desk(stack, client, firestore_of(project), page, dead)
    finally:
        context.close()
        stack.stop()


def test_the_start_page_shows_the_pipeline_and_drains_and_resumes_it(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.stack.url}/admin/")
    intake = page.locator(".intake")
    expect(intake).to_contain_text("Open.")
    expect(page.locator(".workers")).to_contain_text("save@")
    expect(page.locator(".dead-letters")).to_have_text("1 raised an exception")
    saved = page.get_by_role("row", name="save").get_by_role("cell").last
    assert int(saved.inner_text()) >= len(POSTS)
    assert serious_faults(page) == []

    page.get_by_role("button", name="Drain").click()
    expect(page.locator(".messagelist")).to_contain_text("New posts are refused")
    expect(intake).to_contain_text("Drained.")
    assert desk.client.status()["drained"]

    # Somebody else resumes: a page that stays open shows it by itself.
    desk.stack.manage("drain", "--resume")
    page.evaluate("document.activeElement.blur()")
    expect(intake).to_contain_text("Open.", timeout=30_000)
    page.reload()
    expect(page.locator(".audit-log li").first).to_contain_text("resumed")
    expect(page.locator(".audit-log li").nth(1)).to_contain_text("olive drained")


def test_flower_shows_ids_and_no_text_of_a_post_nor_a_key(desk: Desk) -> None:
    """Not even of a message that a worker has in hand."""
    children = [p for p in processes(desk.stack) if "-Q extract" in words(p) and not p.children()]
    for child in children:
        child.suspend()
    try:
        (held,) = demo.submit(desk.client, [{**POSTS[0], "id": "held"}])
        wait_until(lambda: desk.client.status()["in_work"] > 0, seconds=60, what="it is in hand")
        wait_until(lambda: held in told_by_flower(desk.stack), seconds=60, what="Flower tells it")
        told = told_by_flower(desk.stack)
    finally:
        for child in children:
            child.resume()
    demo.await_empty(desk.client)
    told += told_by_flower(desk.stack)
    assert "ingest.extract_posts" in told
    assert "ingest.save_posts" in told
    assert f"1 post: {held}" in told
    key = desk.client.headers["Authorization"].split()[-1]
    for secret in (TELLTALE, key, (desk.stack.folder / "broker_password").read_text()):
        assert secret not in told


def test_a_dead_letter_is_read_and_replayed_and_counts_once(desk: Desk) -> None:
    page = desk.page
    open_letter(page, desk.stack, desk.dead)
    expect(page.locator(".post")).to_contain_text(faulty_model.RAISE)
    expect(page.locator("pre.trace")).to_contain_text("ValueError: a bomb")
    assert serious_faults(page) == []
    before = _posts(desk)

    # Nothing is mended yet, so it dies again; its letter is the second one of its life.
    replay_letter(page)
    expect(page.locator(".messagelist")).to_have_text("1 replayed.")
    demo.await_empty(desk.client)
    assert desk.client.status()["dead_letters"] == 1

    defuse(desk.stack)
    open_letter(page, desk.stack, desk.dead)
    replay_letter(page)
    demo.await_empty(desk.client)
    assert desk.client.status()["dead_letters"] == 0
    assert desk.client.post(desk.dead)["status"] == "saved"
    assert _posts(desk) == before + 1
    page.goto(f"{desk.stack.url}/admin/ingest/auditentry/?q={desk.dead}")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    expect(page.locator("#result_list tbody tr").first).to_contain_text("olive")


def test_publications_lead_to_their_pages(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.stack.url}/admin/")
    page.locator("#content-main").get_by_role("link", name="Publications").click()
    publications = desk.client.publications()
    expect(page.locator(".publications tbody tr")).to_have_count(len(publications))
    assert serious_faults(page) == []
    name = publications[0]["name"]
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("h1")).to_have_text(name)


def test_flower_keeps_what_it_has_seen_when_it_stops(desk: Desk) -> None:
    session = flower(desk.stack)
    seen = set(session.get(f"{desk.stack.flower_url}/api/tasks", timeout=30).json())
    desk.stack.stop()
    kept = desk.stack.folder / "flower"
    assert kept.stat().st_mode & 0o077 == 0
    with shelve.open(kept / "seen", flag="r") as state:  # noqa: S301
        assert seen <= set(state["events"].tasks)
    assert seen


def _posts(desk: Desk) -> int:
    return sum(publication.posts for publication in desk.store.publications())
