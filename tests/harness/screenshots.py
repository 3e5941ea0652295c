"""
Pictures of an operator's work: a post becomes a dead letter, is replayed, and counts once.

They show the start page, the dead letter before and after its replay, the publications and Flower.
"""

from pathlib import Path

from playwright.sync_api import Browser, Page

from ingest.client import ApiClient
from ingest.devstack import demo
from ingest.devstack.stack import Stack, wait_until
from tests.support import faulty_model
from tests.support.admin_client import (
    flower_login,
    log_in,
    make_operator,
    open_dead_letter,
    repair_model,
    replay_dead_letter,
)
from tests.support.browser import chromium

WINDOW = {"width": 1280, "height": 900}
PUBLICATION = "The Dead Letter Office"  # of the only post that becomes a dead letter


def replayed_once(stack: Stack, client: ApiClient, folder: Path) -> bool:
    """Make a dead letter, replay it twice in the admin, and return whether it counts once."""
    folder.mkdir(parents=True, exist_ok=True)
    make_operator(stack)
    (dead,) = demo.submit(
        client, [{"publication": PUBLICATION, "content": f"{faulty_model.RAISE} Oslo."}]
    )
    wait_until(
        lambda: client.status()["dead_letters"] > 0, seconds=120, what="there is a dead letter"
    )
    demo.await_empty(client)
    with chromium() as browser:
        page = browser.new_context(viewport=WINDOW).new_page()  # type: ignore[arg-type]
        log_in(page, stack)
        _take(page, folder / "start-page.png")
        _replay(page, stack, client, dead, folder)
        _flower(browser, stack, folder)
    return [(p["name"], p["posts"]) for p in client.publications() if p["name"] == PUBLICATION] == [
        (PUBLICATION, 1)
    ]


def _replay(page: Page, stack: Stack, client: ApiClient, dead: str, folder: Path) -> None:
    """Replay before and after a repair of the model, and then send the same post again."""
    for repaired in (False, True):
        open_dead_letter(page, stack, dead)
        if repaired:
            repair_model(stack)
        else:
            _take(page, folder / "dead-letter-before.png")
        replay_dead_letter(page)
        demo.await_empty(client)
    page.goto(f"{stack.url}/admin/ingest/auditentry/?q={dead}")
    _take(page, folder / "dead-letter-after.png")
    demo.submit(client, [{"publication": PUBLICATION, "content": f"{faulty_model.RAISE} Oslo."}])
    demo.await_empty(client)
    page.goto(f"{stack.url}/admin/publications/")
    _take(page, folder / "publications.png")


def _flower(browser: Browser, stack: Stack, folder: Path) -> None:
    user, password = flower_login(stack)
    context = browser.new_context(
        viewport=WINDOW,  # type: ignore[arg-type]
        http_credentials={"username": user, "password": password},
    )
    page = context.new_page()
    page.goto(f"{stack.flower_url}/tasks")
    page.get_by_text("ingest.save_posts").first.wait_for()
    _take(page, folder / "flower.png")


def _take(page: Page, path: Path) -> None:
    page.screenshot(path=path, full_page=True)
