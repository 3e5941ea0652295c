"""API keys: the cache of valid ones, and the time of their last use."""

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

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
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "CACHE_SECONDS", 600)
    api.get("/api/limits")
    for number in range(400):
        headers = {"Authorization": f"Bearer ing_{number}"}
        assert Client(headers=headers).get("/api/limits").status_code == 401
    with CaptureQueriesContext(connection) as queries:
        assert api.get("/api/limits").status_code == 200
    assert len(queries) == 0
