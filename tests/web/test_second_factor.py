"""Second factors of accounts: adding them, being asked for them, and losing them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.auth.models import Group, Permission, User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ingest.models import AuditEntry
from tests.support.totp import code_of

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a factor is announced after its commit
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]

FACTORS, ASK = "/accounts/factors/", "/accounts/factors/ask/"
WORD = "a long password"
WRONG = "000000"


@pytest.fixture(autouse=True)
def forgotten_logins(settings: Any) -> None:
    """Forget failed logins of earlier tests, and require a login."""
    cache.clear()
    settings.PAGES = "login"


def make(name: str = "olive", **options: Any) -> User:
    return User.objects.create_user(name, password=WORD, **options)


def begin(browser: Client, name: str = "olive", onwards: str = "/compare") -> str:
    """Give the password, and return where that leads to."""
    answer = browser.post("/login", {"username": name, "password": WORD, "next": onwards})
    assert answer.status_code == 302
    return str(answer["Location"])


def add_app(browser: Client) -> str:
    """Add an app to the account that is logged in, and return its secret."""
    page = browser.get(f"{FACTORS}app/add/").content.decode()
    (secret,) = re.findall(r'<code class="secret">(\w+)</code>', page)
    added = browser.post(f"{FACTORS}app/add/", {"code": code_of(secret)})
    assert added["Location"] == f"{FACTORS}codes/"
    return str(secret)


def with_app(name: str = "olive", **options: Any) -> str:
    """Make an account with an app, and return the secret."""
    make(name, **options)
    browser = Client()
    begin(browser, name)
    return add_app(browser)


def entries() -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.order_by("pk").values_list("actor", "action", "detail")
    return list(found)


def test_an_account_without_a_factor_needs_only_its_password() -> None:
    make()
    browser = Client()
    assert begin(browser) == "/compare"
    assert browser.get("/compare").status_code == 200


@pytest.mark.parametrize("start", ["/compare", "/admin/"])
def test_every_login_asks_for_the_factor_of_the_account(start: str) -> None:
    secret = with_app(is_staff=True)
    browser = Client()
    asked = browser.get(start, follow=True)
    assert asked.redirect_chain[-1][0] == f"/login?next={start}"
    assert begin(browser, onwards=start) == ASK
    assert browser.get(start).status_code == 302
    assert "Incorrect code" in browser.post(ASK, {"code": WRONG}).content.decode()
    assert browser.get(start).status_code == 302
    assert browser.post(ASK, {"code": code_of(secret, periods=1)})["Location"] == start
    assert browser.get(start).status_code == 200


def test_a_session_that_began_otherwise_does_not_do_without_the_factor() -> None:
    make(is_staff=True)
    earlier, browser = Client(), Client()
    begin(earlier)
    assert earlier.get("/admin/").status_code == 200
    begin(browser)
    add_app(browser)
    assert browser.get("/admin/").status_code == 200
    forced = Client()
    forced.force_login(User.objects.get())
    for other in (earlier, forced):
        assert other.get("/compare")["Location"] == "/login?next=/compare"
        assert not other.session.get("_auth_user_id")


def test_a_code_works_once() -> None:
    secret = with_app()
    code, answers = code_of(secret, periods=1), []
    for _ in range(2):
        browser = Client()
        begin(browser)
        answers.append(browser.post(ASK, {"code": code}).status_code)
        cache.clear()  # as another web process, which knows no codes
    assert answers == [302, 200]


def test_30_wrong_codes_lock_the_factors_for_every_address() -> None:
    secret = with_app()
    AuditEntry.objects.all().delete()
    answers = []
    for number in range(30):
        browser = Client(REMOTE_ADDR=f"203.0.113.{number}")
        begin(browser)
        answers.append(browser.post(ASK, {"code": WRONG}).status_code)
        cache.clear()  # as another web process, which counts by the same database
    assert answers == [200] * 9 + [429] * 21
    browser = Client()
    begin(browser)
    right = {"code": code_of(secret, periods=1)}
    locked = browser.post(ASK, right)
    assert (locked.status_code, "wrong codes" in locked.content.decode()) == (429, True)
    assert browser.get("/compare").status_code == 302
    assert entries()[0] == ("olive", "bad_login", "second factor, from 203.0.113.0")
    assert [action for _, action, _ in entries()[:10]] == ["bad_login"] * 9 + ["lock"]
    assert WRONG not in str(list(AccessAttempt.objects.values()))
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert browser.post(ASK, right)["Location"] == "/compare"


def test_the_right_code_forgets_the_wrong_ones() -> None:
    secret = with_app()
    browser = Client()
    begin(browser)
    for _ in range(9):
        browser.post(ASK, {"code": WRONG})
    assert browser.post(ASK, {"code": code_of(secret, periods=1)}).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_a_recovery_code_logs_in_once() -> None:
    with_app()
    page = Client()
    codes = Authenticator.objects.get(type="recovery_codes").wrap().generate_codes()
    begin(page)
    assert page.post(ASK, {"code": codes[0]})["Location"] == "/compare"
    shown = page.get(f"{FACTORS}codes/").content.decode()
    assert "9 of 10 are left" in shown
    assert codes[0] not in shown
    assert codes[1] in shown
    assert codes[1] in page.get(f"{FACTORS}codes/file/").content.decode()
    again = Client()
    begin(again)
    assert again.post(ASK, {"code": codes[0]}).status_code == 200
    page.post(f"{FACTORS}codes/new/")
    assert again.post(ASK, {"code": codes[1]}).status_code == 200


def test_secrets_are_not_in_the_database_as_they_are() -> None:
    secret = with_app()
    assert secret not in str(list(Authenticator.objects.values()))


def test_no_code_fits_a_factor_of_another_secret_key(settings: Any) -> None:
    secret = with_app()
    settings.SECRET_KEY = "another key " * 5
    browser = Client()
    begin(browser)
    for code in (code_of(secret, periods=1), code_of("")):
        assert browser.post(ASK, {"code": code}).status_code == 200


def test_an_old_session_must_give_a_code_before_a_factor_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    secret = with_app()
    browser = Client()
    begin(browser)
    browser.post(ASK, {"code": code_of(secret, periods=1)})
    remove = f"{FACTORS}app/remove/"
    monkeypatch.setattr("ingest.web.sign_in.second_factor.KEPT_SECONDS", 0)
    again = f"{FACTORS}ask-again/?next={remove.replace('/', '%2F')}"
    assert browser.post(remove)["Location"] == again
    assert browser.get("/accounts/password/?next=/")["Location"].startswith(f"{FACTORS}ask-again/")
    assert browser.post(again, {"code": WRONG}).status_code == 200
    assert Authenticator.objects.filter(type="totp").exists()
    monkeypatch.undo()
    codes = Authenticator.objects.get(type="recovery_codes").wrap().generate_codes()
    browser.post(again, {"code": codes[0]})
    browser.post(remove)
    assert not Authenticator.objects.exists()
    assert begin(Client()) == "/compare"


def test_changes_of_factors_are_in_the_audit_log() -> None:
    make()
    browser = Client()
    begin(browser)
    add_app(browser)
    browser.post(f"{FACTORS}app/remove/")
    assert entries() == [
        ("olive", "add", "TOTP Authenticator"),
        ("olive", "add", "Recovery codes"),
        ("olive", "delete", "TOTP Authenticator"),
        ("olive", "delete", "Recovery codes"),
    ]


@pytest.mark.parametrize("role", ["superuser", "staff", "editor"])
def test_who_may_operate_must_have_a_factor_where_it_is_required(role: str, settings: Any) -> None:
    settings.MFA = "required"
    account = make(is_staff=role == "staff", is_superuser=role == "superuser")
    if role == "editor":
        group = Group.objects.create(name="desk")
        group.permissions.add(Permission.objects.get(codename="change_alias"))
        account.groups.add(group)
    browser = Client()
    begin(browser)
    for path in ("/", "/compare", "/admin/", "/admin/password_change/", "/feeds/x.atom"):
        assert browser.get(path)["Location"] == FACTORS
    assert browser.post("/admin/drain/")["Location"] == FACTORS
    assert "needs a second factor" in browser.get(FACTORS).content.decode()
    add_app(browser)
    assert browser.get("/compare").status_code == 200
    assert "needs a second factor" not in browser.get(FACTORS).content.decode()


def test_the_api_and_the_probes_know_no_sessions(
    operator: Client, settings: Any, django_assert_num_queries: Any
) -> None:
    settings.MFA = "required"
    with django_assert_num_queries(0):
        assert operator.get("/livez").status_code == 200
        assert operator.get("/api/openapi.json").status_code == 200


def test_a_reader_needs_none_where_it_is_required(settings: Any) -> None:
    settings.MFA = "required"
    make()
    browser = Client()
    begin(browser)
    assert browser.get("/compare").status_code == 200


def test_an_operator_takes_away_the_factors_of_who_lost_them(operator: Client) -> None:
    with_app()
    make("reader")
    AuditEntry.objects.all().delete()
    chosen = User.objects.filter(username__in=("olive", "reader")).values_list("pk", flat=True)
    assert "TOTP Authenticator" in operator.get("/admin/auth/user/").content.decode()
    form = {"action": "take_factors", "_selected_action": list(chosen)}
    page = operator.post("/admin/auth/user/", form, follow=True).content.decode()
    assert "1 account has no second factor any more" in page
    kinds = "took away second factors: Recovery codes, TOTP Authenticator"
    assert entries() == [("operator", "change", kinds)]
    assert begin(Client()) == "/compare"


def test_the_admin_shows_no_secrets_of_factors(operator: Client) -> None:
    assert operator.get("/admin/mfa/authenticator/").status_code == 404
    assert FACTORS in operator.get("/admin/").content.decode()


def test_the_admin_s_own_login_leads_to_the_login_page() -> None:
    account = make(is_staff=True)
    form = {"username": "olive", "password": WORD, "next": "/admin/"}
    assert Client().post("/admin/login/?next=/admin/", form)["Location"] == "/login?next=/admin/"
    account.is_staff = False
    account.save()
    browser = Client()
    begin(browser)
    page = browser.get("/admin/", follow=True).content.decode()
    assert "This account may not see that page" in page


def test_a_login_as_somebody_else_asks_for_their_factor() -> None:
    secret = with_app()
    make("reader")
    browser = Client()
    begin(browser, "reader")
    assert begin(browser) == ASK
    browser.post(ASK, {"code": code_of(secret, periods=1)})
    assert browser.session["_auth_user_id"] == str(User.objects.get(username="olive").pk)
