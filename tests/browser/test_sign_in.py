"""Sign-in with a second factor in a browser: the login page, a provider, an app and a passkey."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from ingest.broker import connection
from ingest.devstack.stack import Stack
from ingestsite import configuration
from tests.support.browser import fill_login, serious_faults
from tests.support.oidc_provider import CLIENT, SECRET, Provider, running
from tests.support.totp import code_of
from tests.support.web_server import serving

WORD = "a long secret word"
MAKE = f"""
from django.contrib.auth.models import User
for name in ("local", "keyholder"):
    User.objects.create_superuser(name, password={WORD!r})
"""


class Site(NamedTuple):
    """The web server, by a host name, and its provider."""

    url: str
    provider: Provider


@pytest.fixture(scope="module")
def site(valkey: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the web server, which requires second factors, and a provider."""
    connection.redis_client().flushall()  # an earlier test may have paused the intake
    with running() as provider:
        settings = {
            "INGEST_STORE": "sql",
            "INGEST_BROKER_URL": configuration.BROKER_URL,
            "INGEST_PAGES": "login",
            "INGEST_MFA": "required",
            "INGEST_OIDC_URL": provider.url,
            "INGEST_OIDC_CLIENT": CLIENT,
            "INGEST_OIDC_SECRET": SECRET,
        }
        stack = Stack(tmp_path_factory.mktemp("sign-in"), settings)
        with serving(stack):
            stack.manage("shell", "--no-imports", "-c", MAKE)
            yield Site(stack.url.replace("127.0.0.1", "localhost"), provider)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Return a page of the site. A script that fails or that the CSP blocks fails the test."""
    complaints: list[str] = []
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def give_password(page: Page, name: str) -> None:
    """Fill in the login page, which the admin leads to."""
    page.goto("/admin/")
    fill_login(page, name, WORD)


def add_app(page: Page) -> str:
    """Add an app from the page of second factors, and return its secret."""
    expect(page.get_by_role("alert")).to_contain_text("needs a second factor")
    assert serious_faults(page) == []
    page.get_by_role("link", name="Add an app").click()
    expect(page.get_by_role("img")).to_be_visible()
    assert serious_faults(page) == []
    secret = page.locator("code.secret").inner_text()
    page.get_by_label("Code").fill(code_of(secret))
    page.get_by_role("button", name="Add the app").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    assert serious_faults(page) == []
    return secret


def give_code(page: Page, secret: str) -> None:
    """Give a code of an app that shows the next one."""
    expect(page.locator("h1")).to_have_text("Second factor")
    assert serious_faults(page) == []
    page.get_by_label("Code").fill(code_of(secret, periods=1))
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page) -> None:
    page.goto("/accounts/factors/")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("h1")).to_have_text("Log in")


def test_a_local_account_logs_in_to_the_admin_with_an_app(page: Page) -> None:
    give_password(page, "local")
    secret = add_app(page)
    codes = page.locator("pre.secret").inner_text().split()
    assert len(codes) == 10
    page.goto("/admin/")
    page.get_by_role("link", name="Second factor").click()
    expect(page.get_by_text("10 codes are left")).to_be_visible()
    log_out(page)
    give_password(page, "local")
    expect(page.locator("h1")).to_have_text("Second factor")
    page.goto("/admin/")  # without the code
    expect(page.locator("h1")).to_have_text("Log in")
    give_password(page, "local")
    give_code(page, secret)
    expect(page.locator(".intake")).to_be_visible()
    log_out(page)
    give_password(page, "local")
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".intake")).to_be_visible()


def through_provider(page: Page) -> None:
    page.goto("/compare")
    page.get_by_role("link", name="Log in through the provider").click()


def test_a_person_of_the_provider_logs_in_with_an_app(page: Page, site: Site) -> None:
    site.provider.person = {"sub": "17", "preferred_username": "olive", "groups": ["operator"]}
    through_provider(page)
    secret = add_app(page)
    page.goto("/admin/")
    expect(page.locator(".intake")).to_be_visible()
    log_out(page)
    through_provider(page)
    give_code(page, secret)
    expect(page.locator("h1")).to_have_text("Compare")
    page.goto("/admin/")
    expect(page.locator(".intake")).to_be_visible()


def test_an_account_logs_in_with_a_passkey(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    key = devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasResidentKey": False,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )["authenticatorId"]
    give_password(page, "keyholder")
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.locator("h1")).to_have_text("Add a passkey")
    assert serious_faults(page) == []
    page.get_by_label("Its name").fill("A key in a drawer")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    page.goto("/accounts/factors/")
    expect(page.get_by_text("A key in a drawer")).to_be_visible()
    assert serious_faults(page) == []
    log_out(page)
    give_password(page, "keyholder")
    expect(page.locator("h1")).to_have_text("Second factor")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator(".intake")).to_be_visible()
    log_out(page)

    # Another key does not fit, and the page says so.
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": key})
    give_password(page, "keyholder")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used")
    page.goto("/admin/")
    expect(page.locator("h1")).to_have_text("Log in")
