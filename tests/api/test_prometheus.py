"""The metrics, and who may read them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.publish import EXTRACT
from ingest.models import ApiKey, DeadLetter

pytestmark = [
    pytest.mark.django_db(transaction=True),  # a probe writes in a thread of its own
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.7"}
POST = {"content": "Angela Merkel met Barack Obama.", "publication": "The Gazette"}


def keyed(*scopes: str) -> Client:
    """Return a client with a key of these scopes."""
    _, secret = ApiKey.create(" ".join(scopes), scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {secret}"})


def scraped(client: Client) -> dict[str, float]:
    """Return every sample, by its name and the values of its labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("scopes", "request_", "status"),
    [
        ([], {}, 200),
        ([], ELSEWHERE, 401),
        ([], {"HTTP_X_FORWARDED_PROTO": "https"}, 401),
        ([], {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 401),
        ([], {"HTTP_AUTHORIZATION": "Bearer ing_wrong"}, 401),
        (["submit", "read"], ELSEWHERE, 403),
        (["operate"], ELSEWHERE, 200),
    ],
)
def test_only_this_machine_and_operators_read_metrics(
    scopes: list[str], request_: dict[str, Any], status: int
) -> None:
    client = keyed(*scopes) if scopes else Client()
    assert client.get("/metrics", **request_).status_code == status


def test_it_says_when_a_key_expires() -> None:
    end = datetime(2100, 1, 1, tzinfo=UTC)
    ApiKey.create("wire", scopes=["submit"], expires_at=end)
    assert scraped(Client())["ingest_api_key_expiry_seconds wire"] == end.timestamp()


def test_it_counts_the_result_of_each_post_of_a_request() -> None:
    client = keyed("submit")
    before = scraped(client)
    client.post("/api/posts", [POST, POST, {**POST, "content": ""}], "application/json")
    client.post("/api/posts", "{", "application/json")
    get_admission().pause("operator")
    client.post("/api/posts", [POST], "application/json")
    after = scraped(client)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["ingest_posts_accepted_total"] == 1
    assert grown["ingest_posts_duplicate_total"] == 1
    assert grown["ingest_posts_refused_total invalid"] == 1
    assert grown["ingest_posts_refused_total closed"] == 1
    assert grown["ingest_problems_total 400"] == 1
    assert grown["ingest_problems_total 503"] == 1
    assert grown["ingest_step_seconds_count accept"] == 1


def test_it_reports_queues_and_dead_letters() -> None:
    client = Client()
    DeadLetter.objects.create(post_id="1", step="save", reason="refused", attempts=1, payload={})
    connection.redis_client().lpush(EXTRACT, "message")
    samples = scraped(client)
    assert samples["ingest_queue_messages extract"] == 1
    assert samples["ingest_queue_messages save"] == samples["ingest_queue_oldest_seconds save"] == 0
    assert "ingest_queue_oldest_seconds extract" not in samples, "its age is unknown"
    assert samples["ingest_writable"] == 1
    assert samples["ingest_dead_letters refused save"] == 1
    get_admission().pause("stop")
    assert scraped(client)["ingest_writable"] == 0


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_may_name_any_host(path: str) -> None:
    assert Client().get(path, headers={"Host": "10.1.2.3:8400"}).status_code != 400


def test_a_scrape_from_any_host_needs_a_key_that_is_valid() -> None:
    other = {"Host": "10.1.2.3:8400"}
    assert keyed("operate").get("/metrics", headers=other).status_code == 200
    assert keyed("submit").get("/metrics", headers=other).status_code == 403
    browser = Client()
    assert browser.get("/metrics", headers=other).status_code == 400
    assert browser.get("/metrics").status_code == 200
