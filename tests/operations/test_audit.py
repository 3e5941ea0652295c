"""The audit log of who did what."""

import getpass
from io import StringIO

import pytest
from celery import current_app
from django.core.management import call_command
from django.db import connection
from django.test import Client
from structlog.testing import capture_logs

from ingest.broker.connection import redis_client
from ingest.devstack.ports import free_ports
from ingest.models import ApiKey, AuditEntry
from ingest.operations import audit

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "forgotten_keys", "sql_store"),
]


def audit_log() -> list[tuple[str, str, str]]:
    """Return the entries, oldest first: by which way, which action, on which target."""
    return list(AuditEntry.objects.order_by("pk").values_list("via", "action", "target"))


def test_the_audit_log_names_the_user_of_a_command() -> None:
    out = StringIO()
    call_command("api_key", "create", "wire", stdout=out)
    call_command("api_key", "revoke", "wire", stdout=out)
    with pytest.raises(SystemExit):
        call_command("drain", stdout=out)
    call_command("drain", "--resume", stdout=out)
    key = ApiKey.objects.get()
    assert audit_log() == [
        ("command", "add", f"API key {key}"),
        ("command", "revoke", "API key wire"),
        ("command", "drain", ""),
        ("command", "resume", ""),
    ]
    assert getpass.getuser() in AuditEntry.objects.all()[0].actor


def test_a_drain_that_reaches_no_broker_is_not_in_the_audit_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (unused_port,) = free_ports(1)
    monkeypatch.setattr(current_app.conf, "broker_url", f"redis://127.0.0.1:{unused_port}/0")
    redis_client.forget()
    with pytest.raises(SystemExit):
        call_command("drain", "--timeout", "0", stdout=StringIO())
    redis_client.forget()
    assert audit_log() == []


def test_a_stop_of_the_stack_is_not_in_the_audit_log() -> None:
    with pytest.raises(SystemExit):
        call_command("drain", "--by", "stop", stdout=StringIO())
    call_command("drain", "--by", "stop", "--resume", stdout=StringIO())
    assert audit_log() == []


def test_the_audit_log_names_the_key_that_drains_and_resumes() -> None:
    _, secret = ApiKey.create("night shift", scopes=["operate"])
    client = Client(headers={"authorization": f"Bearer {secret}"})
    client.post("/api/drain")
    client.post("/api/resume")
    assert [action for _, action, _ in audit_log()] == ["drain", "resume"]
    assert AuditEntry.objects.all()[0].actor == "key night shift"
    assert not any(secret in str(vars(entry)) for entry in AuditEntry.objects.all())


def test_without_a_database_only_the_log_has_the_entry() -> None:
    alice = audit.Actor("alice", audit.Via.ADMIN)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ingest_auditentry RENAME TO elsewhere")
    with capture_logs() as lines:
        audit.record(alice, audit.Action.DRAIN)
    assert [line["event"] for line in lines] == ["drained", "not written to the audit log"]
    assert lines[0]["actor"] == "alice"
