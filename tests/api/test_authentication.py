"""API keys: the cache of valid ones, and the time of their last use."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.api import authentication
from ingest.models import ApiKey
from ingest.operations import key_uses
from tests.support.clients import keyed

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]


@pytest.fixture
def api() -> Client:
    """Return a client that may read."""
    return keyed(["read"])


def test_the_last_use_of_a_key_is_saved_to_the_minute(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.get("/api/limits")
    (used,) = ApiKey.objects.values_list("last_used_at", flat=True)
    assert used is not None
    api.get("/api/limits")
    assert ApiKey.objects.get().last_used_at == used
    monkeypatch.setattr(key_uses, "RESOLUTION_SECONDS", 0)
    api.get("/api/limits")
    again = ApiKey.objects.get().last_used_at
    assert again is not None
    assert again > used


def test_looking_a_key_up_writes_nothing(api: Client) -> None:
    api.get("/api/limits")
    caches["keys"].clear()
    with CaptureQueriesContext(connection) as queries:
        api.get("/api/limits")
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]


def test_keys_of_strangers_push_no_good_key_out_of_the_cache(
    api: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(authentication, "CACHE_SECONDS", 600)
    settings.STRANGER_REQUESTS_PER_MINUTE = 0  # no limit
    api.get("/api/limits")
    for number in range(400):
        headers = {"Authorization": f"Bearer ing_{number}"}
        assert Client(headers=headers).get("/api/limits").status_code == 401
    with CaptureQueriesContext(connection) as queries:
        assert api.get("/api/limits").status_code == 200
    assert len(queries) == 0


def bearer(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def test_a_key_works_until_it_expires() -> None:
    key, secret = ApiKey.create(
        "wire", scopes=["read"], expires_at=timezone.now() + timedelta(days=3)
    )
    assert bearer(secret).get("/api/limits").status_code == 200
    assert key.state == "expires in 2 d"
    ApiKey.objects.update(expires_at=timezone.now())
    caches["keys"].clear()
    assert bearer(secret).get("/api/limits").status_code == 401
    assert ApiKey.objects.get().state.startswith("expired ")


def test_both_secrets_of_a_rotated_key_work_for_a_while() -> None:
    key, old = ApiKey.create("wire", scopes=["read"])
    new = key.rotate(overlap=timedelta(hours=1))
    key.save()
    assert [bearer(s).get("/api/limits").status_code for s in (old, new)] == [200, 200]
    ApiKey.objects.update(previous_until=timezone.now())
    caches["keys"].clear()
    assert [bearer(s).get("/api/limits").status_code for s in (old, new)] == [401, 200]


def test_a_new_key_may_only_submit() -> None:
    assert ApiKey(name="wire").scopes == ["submit"]


@pytest.mark.parametrize("path", ["/api/limits", "/api/openapi.json"])
def test_strangers_of_one_address_are_refused_after_their_limit(path: str, settings: Any) -> None:
    settings.STRANGER_REQUESTS_PER_MINUTE = 2
    answers = [bearer("ing_x").get(path) for _ in range(3)]
    assert answers[2].status_code == 429
    assert {answer.status_code for answer in answers[:2]} < {200, 401}
    assert answers[2]["Retry-After"] == "60"
    assert answers[2]["Content-Type"] == "application/problem+json"
    # The address is the one that our own proxy adds, not one that the client invents.
    proxied = bearer("ing_x").get(path, headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.7"})
    assert proxied.status_code != 429
    network = [f"2001:db8::{number}" for number in range(3)]
    asked = [bearer("ing_x").get(path, REMOTE_ADDR=each).status_code for each in network]
    assert asked[2] == 429
    assert keyed(["read"]).get("/api/limits").status_code == 200
