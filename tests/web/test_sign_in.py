"""Sign-in through an OpenID Connect provider that the test starts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from ingest.models import AuditEntry
from ingestsite.settings import oidc_app
from tests.support.oidc_provider import CLIENT, SECRET, Provider, running
from tests.support.totp import code_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]

START = "/accounts/oidc/provider/login/"


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """Run a provider, and use it."""
    settings.PAGES = "login"
    with running() as provider:
        settings.SOCIALACCOUNT_PROVIDERS = oidc_app(provider.url, CLIENT, SECRET)
        settings.OIDC_URL = provider.url
        provider.person = {"sub": "17", "preferred_username": "olive", "groups": []}
        yield provider


def sign_in(browser: Client, home: str = "/compare", start: str = f"{START}?next=/compare") -> int:
    """Follow the redirects to the provider and back; return the status of the last answer."""
    to_provider = browser.get(start)
    assert to_provider.status_code == 302
    back = requests.get(to_provider["Location"], allow_redirects=False, timeout=10)
    parts = urlsplit(back.headers["Location"])
    assert parts.path == "/accounts/oidc/provider/login/callback/"
    back_here = browser.get(f"{parts.path}?{parts.query}")
    assert back_here["Location"] == home
    return browser.get(home).status_code


def test_a_person_signs_in_and_their_groups_are_their_roles(provider: Provider) -> None:
    Group.objects.create(name="desk").permissions.add(
        Permission.objects.get(codename="view_deadletter")
    )
    provider.person["groups"] = ["desk", "a group of no role", 5]
    browser = Client()
    assert browser.get("/compare").status_code == 302
    assert sign_in(browser) == 200
    account = User.objects.get(username="olive")
    assert [role.name for role in account.groups.all()] == ["desk"]
    assert (account.is_staff, account.has_usable_password()) == (True, False)
    assert browser.get("/admin/ingest/deadletter/").status_code == 200
    assert AuditEntry.objects.get(target="user olive").detail == "roles: desk"
    provider.person["groups"] = []
    assert sign_in(Client()) == 200
    account.refresh_from_db()
    assert (account.groups.count(), account.is_staff) == (0, False)
    assert User.objects.count() == 1


def test_a_person_does_not_get_a_local_account_of_the_same_name(provider: Provider) -> None:
    local = User.objects.create_superuser("olive", email="olive@news.example")
    provider.person |= {"email": "olive@news.example", "email_verified": True}
    sign_in(Client())
    other = User.objects.exclude(pk=local.pk).get()
    assert (other.username == "olive", other.is_superuser) == (False, False)


def test_an_answer_that_we_did_not_ask_for_signs_nobody_in(provider: Provider) -> None:
    provider.nonces["stolen"] = None
    answer = Client().get("/accounts/oidc/provider/login/callback/?code=stolen&state=x")
    assert answer.status_code in (200, 400, 401, 403)
    assert not User.objects.exists()


def test_an_answer_that_the_provider_does_not_give_has_our_own_page(provider: Provider) -> None:
    page = Client().get("/accounts/error/").content.decode()
    assert "The provider did not log you in" in page


def test_a_deactivated_account_does_not_sign_in(provider: Provider) -> None:
    sign_in(Client())
    User.objects.update(is_active=False)
    browser = Client()
    assert sign_in(browser, home="/accounts/error/") == 200
    assert browser.get("/compare").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_person_of_the_provider_is_asked_for_the_factor_that_they_added(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    sign_in(browser)
    add = "/accounts/factors/app/add/"
    monkeypatch.setattr("ingest.web.sign_in.second_factor.KEPT_SECONDS", 0)
    again = browser.get(add)["Location"]  # an account without a password asks the provider again
    assert again == f"{START}?next={add.replace('/', '%2F')}"
    monkeypatch.undo()
    sign_in(browser, home=add, start=again)
    secret = browser.session["mfa.totp.secret"]
    browser.post(add, {"code": code_of(secret)})
    later = Client()
    assert sign_in(later, home="/accounts/factors/ask/") == 200
    assert later.get("/compare").status_code == 302
    answer = later.post("/accounts/factors/ask/", {"code": code_of(secret, periods=1)})
    assert answer["Location"] == "/compare"
    assert later.get("/compare").status_code == 200


def test_the_login_page_names_the_provider_if_there_is_one(provider: Provider) -> None:
    assert START in Client().get("/login").content.decode()


def test_without_a_provider_there_is_no_sign_in_through_it(settings: Any) -> None:
    assert START not in Client().get("/login").content.decode()
    assert Client().get(START).status_code == 404
