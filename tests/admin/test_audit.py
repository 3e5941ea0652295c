"""What the audit log says of logins."""

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from ingest.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "sql_store")]


@pytest.fixture(autouse=True)
def forgotten_logins() -> None:
    """Forget failed logins of earlier tests, and make an account."""
    cache.clear()
    User.objects.create_user("somebody", password="right")  # noqa: S106


@pytest.mark.parametrize("address", ["/login", "/admin/login/"])
@pytest.mark.parametrize(
    ("name", "actor"), [("somebody", "somebody"), ("a secret", "an unknown account")]
)
def test_a_failed_login_is_recorded_without_what_may_be_a_password(
    address: str, name: str, actor: str
) -> None:
    for _ in range(3):
        Client(headers={"X-Forwarded-For": "203.0.113.7"}).post(
            address, {"username": name, "password": "wrong"}
        )
    (entry,) = AuditEntry.objects.all()
    assert (entry.actor, entry.get_action_display()) == (actor, "failed to log in")
    assert entry.detail == "from 127.0.0.1, for 203.0.113.7"


def test_a_login_is_no_failure() -> None:
    Client().post("/login", {"username": "somebody", "password": "right"})
    assert not AuditEntry.objects.exists()
