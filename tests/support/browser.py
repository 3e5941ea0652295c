"""Debian's Chromium, driven by Playwright, and the faults that axe finds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.apt import install

# Debian's build without a window, which takes half the processor time.
PACKAGE = "chromium-headless-shell"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SERIOUS = ("serious", "critical")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser while a block runs; it connects to this machine only."""
    install(PACKAGE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=f"/usr/bin/{PACKAGE}", args=FLAGS)
        yield browser
        browser.close()


def fill_login(page: Page, name: str, password: str) -> None:
    """Send the form of the login page, which is open."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def serious_faults(page: Page) -> list[str]:
    """Return axe's serious findings on a page, each with its element."""
    page.wait_for_load_state()  # a click returns before its page has any element
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['target']}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]
