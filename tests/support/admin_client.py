"""An operator's account, and what an operator does in the admin and in Flower."""

import json
from pathlib import Path

import requests
from playwright.sync_api import Page

from ingest.devstack.stack import Stack
from tests.support import faulty_model
from tests.support.browser import fill_login

PASSWORD = "a long password"  # noqa: S105  (of an account that only tests make)

CREATE_OPERATOR = """
from django.contrib.auth.models import Group, User
account = User.objects.create_user("olive", password={password!r}, is_staff=True)
account.groups.add(Group.objects.get(name="operator"))
"""


def make_operator(stack: Stack) -> None:
    """Give Olive an account with the role of an operator."""
    stack.manage("shell", "-v", "0", "-c", CREATE_OPERATOR.format(password=PASSWORD))


def log_in(page: Page, stack: Stack) -> None:
    """Log in as Olive, and wait for the start page."""
    page.goto(f"{stack.url}/admin/")
    fill_login(page, "olive", PASSWORD)


def open_dead_letter(page: Page, stack: Stack, post_id: str) -> None:
    """Open the dead letter of a post from the start page and the list."""
    page.goto(f"{stack.url}/admin/")
    page.locator(".dead-letters a").first.click()
    page.get_by_role("link", name=post_id).click()


def replay_dead_letter(page: Page) -> None:
    """Replay the dead letter that is open."""
    page.get_by_role("link", name="Replay", exact=True).click()
    page.get_by_role("button", name="Replay 1").click()


def repair_model(stack: Stack) -> None:
    """Repair the model that raises."""
    Path(stack.environment[faulty_model.REPAIRED]).touch()


def flower_login(stack: Stack) -> tuple[str, str]:
    """Return the user and the password of Flower."""
    return "ingest", (stack.folder / "flower_password").read_text()


def flower(stack: Stack) -> requests.Session:
    """Return a session with Flower's password."""
    session = requests.Session()
    session.auth = flower_login(stack)
    return session


def flower_pages(stack: Stack) -> str:
    """Return the text of Flower's pages and API about workers and tasks."""
    session = flower(stack)
    workers = session.get(f"{stack.flower_url}/api/workers?refresh=1", timeout=30).json()
    paths = ["/tasks", "/tasks/datatable?draw=1&start=0&length=500&search[value]=", "/api/tasks"]
    paths += ["/workers", "/broker", *(f"/worker/{name}" for name in workers)]
    pages = [session.get(stack.flower_url + path, timeout=30) for path in paths]
    tasks = session.get(f"{stack.flower_url}/api/tasks", timeout=30).json()
    pages += [session.get(f"{stack.flower_url}/task/{id_}", timeout=30) for id_ in tasks]
    return "\n".join([json.dumps(workers), *(page.text for page in pages)])
