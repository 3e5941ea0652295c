"""An editor's account, and how an editor merges a name into another one on the pages."""

from playwright.sync_api import Page

from ingest.devstack.stack import Stack
from tests.support.browser import fill_login

NAME = "edith"
PASSWORD = "a long password"  # noqa: S105  (of an account that only tests make)

CREATE_EDITOR = """
from django.contrib.auth.models import Group, User
account = User.objects.create_user({name!r}, password={password!r})
account.groups.add(Group.objects.get(name="editor"))
"""


def make_editor(stack: Stack) -> None:
    """Give Edith an account with the role of an editor."""
    stack.manage("shell", "-v", "0", "-c", CREATE_EDITOR.format(name=NAME, password=PASSWORD))


def log_in(page: Page, url: str) -> None:
    """Log in to the pages as Edith."""
    page.goto(f"{url}/login")
    fill_login(page, NAME, PASSWORD)
    page.wait_for_url(f"{url}/")


def search(page: Page, words: str) -> None:
    """Search for the name to merge with, on the page that corrects a name."""
    page.get_by_label("A word of the other name begins with").fill(words)
    page.get_by_role("button", name="Search", exact=True).last.click()


def preview_merge(page: Page) -> None:
    """Preview the merge with the first name that was found."""
    page.locator("form", has=page.locator("input[name=into]")).get_by_role("button").click()
    page.get_by_role("heading", level=1).get_by_text("becomes").wait_for()


def confirm(page: Page) -> None:
    """Make the correction that is previewed."""
    page.get_by_role("button", name="Correct it").click()
    page.locator("#progress").wait_for()
