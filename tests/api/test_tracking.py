"""What a publisher learns of its posts: status, deletion, lists, failures, repeated answers."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ingest.core.messages import AcceptedPost, PostEntities
from ingest.core.posts import id_of_own
from ingest.models import ApiKey, DeadLetter, IdempotentRequest, RefusedPost, Step
from ingest.operations import submissions
from ingest.store import open_store
from ingest.worker.failure_isolation import dead_letter
from tests.support.clients import keyed, queued, send

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

POST = {"publication": "The Gazette", "id": "https://example.org/a/1", "content": "Oslo."}
OWN = "/api/publications/The%20Gazette/posts/https://example.org/a/1"


def travelling() -> list[AcceptedPost]:
    """Return the posts on the extract queue."""
    return [AcceptedPost(**post) for post in queued()]


def save(post: AcceptedPost) -> None:
    """Save a post as the save step does."""
    open_store().add([PostEntities(**dict(post), model="test 1.0", entities=())])


def test_a_publisher_reads_and_deletes_a_post_by_its_own_id() -> None:
    publisher = keyed(["submit"], publications=["the gazette"])
    answer = send(publisher, POST).json()
    assert answer["own_id"] == POST["id"]
    assert publisher.get(OWN).status_code == HTTPStatus.NOT_FOUND
    save(*travelling())
    saved = publisher.get(OWN).json()
    assert (saved["status"], saved["own_id"], saved["id"]) == ("saved", POST["id"], answer["id"])
    other = keyed(["submit"], publications=["The Herald"])
    assert other.get(OWN).status_code == HTTPStatus.NOT_FOUND
    assert other.delete(OWN).status_code == HTTPStatus.FORBIDDEN
    assert publisher.delete(OWN).json()["id"] == answer["id"]
    assert publisher.get(OWN).json()["status"] == "deleted"


def test_a_deletion_by_the_own_id_reaches_a_queued_post() -> None:
    publisher = keyed(["submit"])
    send(publisher, POST)
    assert publisher.delete(OWN).status_code == HTTPStatus.OK
    save(*travelling())
    assert open_store().post(id_of_own("The Gazette", POST["id"])) is None


def test_a_key_that_may_only_submit_reads_the_address_that_its_202_brought() -> None:
    publisher = keyed(["submit"])
    answer = send(publisher, POST).json()
    assert publisher.get(answer["url"]).json()["status"] == "queued"
    refused = publisher.get(f"/api/posts/{answer['id']}")
    assert refused.status_code == HTTPStatus.FORBIDDEN
    assert "does not have the scope read" in refused.json()["detail"]


def test_a_403_says_which_scope_the_key_lacks() -> None:
    assert "the scope submit" in send(keyed(["read"]), POST).json()["detail"]
    assert "the scope operate" in keyed(["read"]).post("/api/drain").json()["detail"]


def test_a_list_has_one_address_for_all_of_its_posts() -> None:
    publisher = keyed(["submit"])
    posts = [{**POST, "id": str(number)} for number in range(3)]
    url = send(publisher, [*posts, {"publication": "x"}]).json()["url"]
    first, second, _ = travelling()
    save(first)
    dead_letter(Step.EXTRACT, second, DeadLetter.Reason.FAILED, "ValueError")
    status = publisher.get(url).json()
    assert (status["accepted"], status["refused"], status["next"]) == (3, 1, None)
    assert [post["status"] for post in status["posts"]] == ["saved", "dead", "queued"]
    page = publisher.get(f"{url}?limit=2").json()
    assert publisher.get(page["next"]).json()["posts"] == status["posts"][2:]
    assert keyed(["submit"]).get(url).status_code == HTTPStatus.NOT_FOUND
    archive = publisher.post(
        "/api/posts?priority=bulk", json.dumps(posts), content_type="application/json"
    )
    assert archive.json()["url"] is None


def test_a_key_lists_its_own_dead_and_refused_posts_with_the_reasons() -> None:
    publisher = keyed(["submit"])
    send(publisher, [{**POST, "id": str(number)} for number in range(2)])
    for post in travelling():
        dead_letter(Step.EXTRACT, post, DeadLetter.Reason.LANGUAGE, "no model for fi")
    send(publisher, {**POST, "id": "bad", "url": "ftp://x"})
    now = timezone.now().isoformat().replace("+", "%2B")

    page = publisher.get("/api/posts?state=dead&limit=1").json()
    following = publisher.get(page["next"]).json()
    assert following["next"] is None
    found = page["posts"] + following["posts"]
    assert [(post["own_id"], post["reason"]) for post in found] == [
        ("0", "language"),
        ("1", "language"),
    ]
    (refused,) = publisher.get("/api/posts?state=refused").json()["posts"]
    assert refused["own_id"] == "bad"
    assert refused["errors"][0]["pointer"] == "/url"
    assert publisher.get(f"/api/posts?state=refused&since={now}").json()["posts"] == []
    assert keyed(["submit"]).get("/api/posts?state=dead").json()["posts"] == []


def test_only_the_newest_refused_posts_of_a_key_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "MAX_REFUSED", 2)
    publisher = keyed(["submit"])
    for number in range(3):
        send(publisher, {"id": str(number)})
    assert sorted(RefusedPost.objects.values_list("own_id", flat=True)) == ["1", "2"]


def once(client: Client, body: Any, name: str) -> Any:
    """Post a body with an Idempotency-Key."""
    return client.post(
        "/api/posts",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": name},
    )


def test_a_request_with_the_same_idempotency_key_gets_the_first_answer() -> None:
    publisher = keyed(["submit"])
    first, second = once(publisher, [POST], "a"), once(publisher, [POST], "a")
    assert first.json() == second.json()
    assert (first.status_code, second.status_code) == (202, 202)
    assert second["Idempotency-Replayed"] == "true"
    assert len(queued()) == 1
    other = once(publisher, [{**POST, "content": "Lima."}], "a")
    assert other.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert once(keyed(["submit"]), [POST], "a").json() != first.json()


def test_a_refused_request_frees_its_idempotency_key_and_a_running_one_is_a_conflict() -> None:
    publisher = keyed(["submit"])
    assert once(publisher, {}, "a").status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert once(publisher, POST, "a").status_code == HTTPStatus.ACCEPTED
    IdempotentRequest.objects.update(answer=None)
    conflict = once(publisher, POST, "a")
    assert conflict.status_code == HTTPStatus.CONFLICT
    assert int(conflict["Retry-After"]) > 0
    IdempotentRequest.objects.update(started_at=timezone.now() - submissions.TAKEN_OVER * 2)
    assert once(publisher, POST, "a").status_code == HTTPStatus.ACCEPTED
    assert ApiKey.objects.count() == 1
