"""What the audit log says of logins."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from ingest.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]


@pytest.fixture(autouse=True)
def forgotten_logins() -> None:
    """Forget failed logins of earlier tests, and make an account."""
    cache.clear()
    User.objects.create_user("somebody", password="right", is_staff=True)  # noqa: S106


@pytest.mark.parametrize(
    ("name", "actor", "entries"),
    [("somebody", "somebody", 3), ("a secret", "an unknown account", 1)],
)
def test_a_failed_login_is_recorded_without_what_may_be_a_password(
    name: str, actor: str, entries: int
) -> None:
    for _ in range(3):
        Client(headers={"X-Forwarded-For": "203.0.113.7"}).post(
            "/login", {"username": name, "password": "wrong"}
        )
    assert AuditEntry.objects.count() == entries
    entry = AuditEntry.objects.all()[0]
    assert (entry.actor, entry.get_action_display()) == (actor, "failed to log in")
    assert entry.detail == "from 127.0.0.1, for 203.0.113.7"


def test_a_login_is_no_failure() -> None:
    Client().post("/login", {"username": "somebody", "password": "right"})
    assert not AuditEntry.objects.exists()


def test_30_wrong_passwords_lock_an_account_for_their_address() -> None:
    form = {"username": "somebody", "password": "wrong"}
    answers = [Client().post("/login", form).status_code for _ in range(30)]
    assert answers == [200] * 9 + [429] * 21
    right = {**form, "password": "right"}
    locked = Client().post("/login", right)
    assert locked.status_code == 429
    assert "too many wrong passwords" in locked.content.decode()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert sorted(actions) == ["bad_login"] * 9 + ["lock"]
    # Neither another address nor another account is locked.
    assert Client(REMOTE_ADDR="203.0.113.7").post("/login", right).status_code == 302
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert Client().post("/login", right).status_code == 302


def test_the_lock_keeps_no_name() -> None:
    Client().post("/login", {"username": "a secret", "password": "wrong"})
    assert "secret" not in str(list(AccessAttempt.objects.values()))


def test_a_weak_password_is_refused(operator: Client) -> None:
    form = {"username": "new", "password1": "short1", "password2": "short1"}
    page = operator.post("/admin/auth/user/add/", {**form, "usable_password": "true"})
    assert "at least 12 characters" in page.content.decode()
