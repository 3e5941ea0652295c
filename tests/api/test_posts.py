"""The API, with a real broker behind it and a store in memory."""

import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from ingest import samples
from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.publish import EXTRACT
from ingest.core.messages import AcceptedPost, ExtractMessage, PostEntities
from ingest.core.posts import Post
from ingest.models import ApiKey, AuditEntry, DeadLetter, Scope
from ingest.store import open_store
from ingest.store.base import EntityFilter
from tests.support.bad_bodies import CURSOR
from tests.support.clients import keyed, queued, send
from tests.support.factories import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

POST = {"content": "Obama went to Oslo.", "publication": "The Gazette"}


def found(post: AcceptedPost) -> PostEntities:
    """Return an accepted post as it is saved, without entities."""
    return PostEntities(**dict(post), model="test 1.0", entities=())


@pytest.fixture
def api() -> Client:
    """Return a client with a key that allows everything."""
    return keyed(list(Scope.values))


def test_one_post_is_accepted_and_queued(api: Client) -> None:
    response = send(api, POST)
    post_id = Post.model_validate(POST).post_id
    url = response["Location"]
    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json() == {"status": "accepted", "id": post_id, "url": url}
    assert url.startswith(f"/api/posts/{post_id}?receipt=")
    assert [(p["post_id"], p["content"]) for p in queued()] == [(post_id, POST["content"])]


def test_each_post_of_a_list_has_its_own_result(api: Client) -> None:
    response = send(api, [POST, {"publication": "x"}, {**POST, "content": "News."}, "text"])
    body = response.json()
    assert response.status_code == HTTPStatus.ACCEPTED
    assert (body["accepted"], body["duplicates"], body["refused"]) == (2, 0, 2)
    assert [p["status"] for p in body["posts"]] == ["accepted", "refused", "accepted", "refused"]
    assert body["posts"][1]["errors"] == [{"pointer": "/1/content", "detail": "Field required"}]
    assert len(queued()) == 2


def test_revisions_of_a_post_in_one_list_are_accepted_one_after_the_other(api: Client) -> None:
    send(api, [{**POST, "id": "1"}, {**POST, "id": "1", "content": "Obama went home."}])
    first, second = ExtractMessage.read({"posts": queued()}).posts
    assert first.post_id == second.post_id
    assert first.accepted_at < second.accepted_at


def test_every_field_of_a_post_travels(api: Client) -> None:
    full = {
        **POST,
        "id": "a-1",
        "url": "https://example.org/a-1",
        "title": "Oslo",
        "published_at": "2026-05-01T10:00:00+02:00",
        "language": "en",
    }
    assert send(api, full).status_code == HTTPStatus.ACCEPTED
    (post,) = ExtractMessage.read({"posts": queued()}).posts
    assert post.published_at is not None
    assert post.published_at.isoformat() == "2026-05-01T10:00:00+02:00"
    assert (post.title, post.language, post.url) == ("Oslo", "en", "https://example.org/a-1")


def test_posts_are_bulk_if_they_say_so_or_their_request_or_key_does(api: Client) -> None:
    send(api, [{**POST, "priority": "bulk"}, {**POST, "id": "2", "priority": "live"}])
    send(keyed(["submit"], bulk=True), {**POST, "id": "3"})
    client = connection.redis_client()
    assert (client.llen("extract"), client.llen("extract.bulk")) == (1, 2)
    api.post("/api/posts?priority=bulk", json.dumps(POST), content_type="application/json")
    assert (client.llen("extract"), client.llen("extract.bulk")) == (1, 3)
    unknown = api.post("/api/posts?priority=low", "{}", content_type="application/json")
    assert unknown.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_many_posts_travel_in_messages_of_about_a_batch(api: Client) -> None:
    posts = [{**POST, "content": f"{n} " + "word " * 1000} for n in range(40)]
    assert send(api, posts).json()["accepted"] == 40
    assert connection.redis_client().llen(EXTRACT) == 9
    assert len(queued()) == 40


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ing_wrong", "Basic abc", "ing_x"])
def test_a_request_without_a_valid_key_is_refused(header: str | None) -> None:
    client = Client(headers={"Authorization": header} if header is not None else {})
    for response in (send(client, POST), client.get("/api/publications")):
        assert response.status_code == HTTPStatus.UNAUTHORIZED
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert queued() == []


def test_a_key_allows_only_what_its_scopes_say() -> None:
    assert send(keyed(["read"]), POST).status_code == HTTPStatus.FORBIDDEN
    assert keyed(["submit"]).get("/api/publications").status_code == HTTPStatus.FORBIDDEN
    assert send(keyed(["submit"] * 2), POST).status_code == HTTPStatus.ACCEPTED


def test_a_revoked_key_is_refused(api: Client) -> None:
    from django.utils import timezone

    ApiKey.objects.update(revoked_at=timezone.now())
    assert api.get("/api/publications").status_code == HTTPStatus.UNAUTHORIZED


def test_a_paused_intake_refuses_with_503_and_keeps_nothing(api: Client) -> None:
    get_admission().pause("operator")
    response = send(api, POST)
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(response["Retry-After"]) > 0
    assert queued() == []
    get_admission().resume("operator")
    assert send(api, POST).status_code == HTTPStatus.ACCEPTED


def test_saved_posts_and_their_entities_can_be_read(api: Client) -> None:
    posts = [with_entities("1", [entity("Obama", 2)]), with_entities("2", [entity("Oslo")])]
    open_store().add([*posts, with_entities("3", publication='../<b>"é')])
    answer = api.get(f"/api/posts/{posts[0].post_id}").json()
    assert (answer["status"], answer["publication"]) == ("saved", "The Gazette")
    assert answer["entities"] == [
        {"key": "obama", "label": "PERSON", "text": "Obama", "mentions": 2}
    ]
    publications = api.get("/api/publications").json()["publications"]
    assert [(p["name"], p["posts"]) for p in publications] == [('../<b>"é', 1), ("The Gazette", 2)]
    for publication in publications:
        body = api.get(publication["entities_url"]).json()
        assert (body["publication"], body["posts"]) == (publication["name"], publication["posts"])


def dead_letter(**fields: Any) -> DeadLetter:
    known = {"publication": "The Gazette", "step": "extract", "reason": "timeout", "attempts": 2}
    return DeadLetter.objects.create(**{**known, "detail": "secret", "payload": {}, **fields})


def test_a_dead_letter_says_why_its_post_is_not_saved(api: Client) -> None:
    dead_letter(post_id="d" * 32)
    assert api.get(f"/api/posts/{'d' * 32}").json() == {
        "id": "d" * 32,
        "own_id": None,
        "status": "dead",
        "step": "extract",
        "reason": "timeout",
        "attempts": 2,
    }


def test_a_post_is_queued_until_it_is_saved_or_dead_or_deleted(api: Client) -> None:
    """The status is that of the receipt's revision, not of an earlier one."""
    first = send(api, {**POST, "id": "1"}).json()
    assert api.get(first["url"]).json()["status"] == "queued"
    assert api.get(f"/api/posts/{first['id']}").status_code == HTTPStatus.NOT_FOUND
    second = send(api, {**POST, "id": "1", "content": "Obama went home."}).json()
    (one, other) = (AcceptedPost.read(post) for post in queued())

    open_store().add([found(one)])
    answers = [api.get(url).json() for url in (first["url"], second["url"])]
    assert [answer["status"] for answer in answers] == ["saved", "queued"]
    dead_letter(post_id=other.post_id, payload=other.payload())
    answers = [api.get(url).json() for url in (first["url"], second["url"])]
    assert [answer["status"] for answer in answers] == ["saved", "dead"]
    open_store().add([found(other)])
    answers = [api.get(url).json() for url in (first["url"], second["url"])]
    assert [answer["status"] for answer in answers] == ["saved", "saved"]
    api.delete(f"/api/posts/{other.post_id}")
    answers = [api.get(url).json() for url in (first["url"], second["url"])]
    assert [answer["status"] for answer in answers] == ["deleted", "deleted"]
    third = send(api, {**POST, "id": "1"}).json()
    assert api.get(third["url"]).json()["status"] == "queued"


@pytest.mark.parametrize("receipt", ["", "x", "1.x", "1764000000000000.aaaa"])
def test_an_invalid_receipt_is_refused(api: Client, receipt: str) -> None:
    other = send(api, POST).json()["url"].partition("=")[2]
    for text in (receipt, other):
        response = api.get(f"/api/posts/{'0' * 32}?receipt={text}")
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_deleted_post_counts_for_nothing_saved_queued_or_dead(api: Client) -> None:
    saved, queued_post = (with_entities(id, [entity("Obama")]) for id in "12")
    open_store().add([saved])
    dead_letter(post_id=queued_post.post_id)
    for post in (saved, queued_post):
        answer = api.delete(f"/api/posts/{post.post_id}").json()
        assert answer["status"] == "deleted"
        assert api.get(f"/api/posts/{post.post_id}").json() == answer
    open_store().add([queued_post])
    assert open_store().entities("The Gazette", EntityFilter(limit=10)) == []
    assert not DeadLetter.objects.exists()


def test_a_key_for_some_publications_changes_no_others() -> None:
    own = keyed(["submit"], publications=["the  GAZETTE"])
    body = send(own, [POST, {**POST, "publication": "Another/Paper"}]).json()
    assert [result["status"] for result in body["posts"]] == ["accepted", "refused"]
    assert body["posts"][1]["errors"][0]["pointer"] == "/1/publication"
    posts = [with_entities("1"), with_entities("2", publication="Another/Paper")]
    open_store().add(posts)
    answers = [own.delete(f"/api/posts/{id}") for id in [*(p.post_id for p in posts), "0" * 32]]
    assert [answer.status_code for answer in answers] == [200, 403, 403]


def test_a_deletion_is_in_the_audit_log(api: Client) -> None:
    post_id = "0" * 32
    assert api.delete(f"/api/posts/{post_id}").status_code == 200
    (entry,) = AuditEntry.objects.all()
    assert (entry.get_action_display(), entry.target) == ("deleted", f"post {post_id}")
    assert entry.actor.startswith("key ")


def test_a_key_with_a_limit_gets_what_is_left_and_is_then_refused() -> None:
    limited = keyed(["submit", "read"], requests_per_minute=2)
    answers = [limited.get("/api/limits") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].json()["requests_per_minute"] == 2
    assert [answer["RateLimit-Policy"] for answer in answers] == ['"key";q=2;w=60'] * 3
    assert [answer["RateLimit"].split(";")[1] for answer in answers] == ["r=1", "r=0", "r=0"]
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert "RateLimit" not in keyed(["read"]).get("/api/limits")


def test_the_setting_limits_a_key_without_a_limit_of_its_own(settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE = 1
    for client, allowed in ((keyed(["read"]), 1), (keyed(["read"], requests_per_minute=0), 3)):
        answers = [client.get("/api/limits").status_code for _ in range(3)]
        assert answers == [200] * allowed + [429] * (3 - allowed)


def test_the_limits_can_be_read_with_any_key(settings: Any) -> None:
    assert keyed(["operate"]).get("/api/limits").json() == {
        "body_bytes": settings.MAX_BODY_BYTES,
        "posts": settings.MAX_POSTS,
        "lines": settings.MAX_LINES,
        "line_bytes": 1_500_000,
        "unpacked_bytes": settings.MAX_UNPACKED_BYTES,
        "content_characters": 100_000,
        "name_characters": 200,
        "requests_per_minute": 0,
    }


@pytest.mark.parametrize("address", ["nothing", "posts/x", "posts/x/", "", "posts/%ff%00"])
def test_an_unknown_url_is_a_problem(api: Client, address: str) -> None:
    response = api.get(f"/api/{address}")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["status"] == 404


def test_an_unknown_host_is_a_problem(api: Client) -> None:
    response = api.get("/api/status", headers={"Host": "evil.example"})
    assert response.status_code == HTTPStatus.BAD_REQUEST
    assert response.json() == {
        "type": "/problems/bad-request",
        "title": "Bad Request",
        "status": 400,
        "instance": "/api/status",
    }


def test_a_bug_is_a_problem_without_details(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.api.tracking.status.open_store", lambda: None)
    api.raise_request_exception = False
    response = api.get(f"/api/posts/{'0' * 32}")
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert response.json() == {
        "type": "/problems/bug",
        "title": "Internal Server Error",
        "status": 500,
        "instance": f"/api/posts/{'0' * 32}",
    }


def test_other_pages_keep_djangos_errors(api: Client) -> None:
    assert "text/html" in api.get("/nothing")["Content-Type"]


@pytest.mark.parametrize("accept", ["text/html", "application/x-ndjson", "image/png", "x"])
def test_responses_are_json_whatever_the_client_accepts(api: Client, accept: str) -> None:
    response = api.get("/api/limits", headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_an_unknown_method_is_answered_with_the_known_ones(api: Client) -> None:
    response = api.put("/api/posts")
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert response.json()["title"] == "Method Not Allowed"


def test_entities_are_paged_by_a_cursor(api: Client) -> None:
    names = [entity(f"Name {n}", mentions=n) for n in range(1, 8)]
    open_store().add([with_entities("1", names)])
    url, seen = "/api/publications/The%20Gazette/entities?limit=3", []
    while url:
        page = api.get(url).json()
        seen.append([e["mentions"] for e in page["entities"]])
        url = page["next"]
    assert seen == [[7, 6, 5], [4, 3, 2], [1]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=²",
        "cursor=x",
        "cursor=WzFd",
        "cursor=",
        f"cursor={CURSOR}",
    ],
)
def test_a_bad_query_is_refused(api: Client, query: str) -> None:
    response = api.get(f"/api/publications/x/entities?{query}")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/posts/0", "/api/publications/Nowhere/entities"])
def test_an_unknown_post_or_publication_is_404(api: Client, path: str) -> None:
    assert api.get(path).status_code == HTTPStatus.NOT_FOUND


def test_the_status_counts_waiting_messages_and_dead_letters(api: Client) -> None:
    send(api, POST)
    DeadLetter.objects.create(post_id="1", publication="x", attempts=1, payload={})
    status = api.get("/api/status").json()
    assert status.pop("oldest_seconds").keys() == {"extract"}
    assert status == {
        "writable": True,
        "drained": False,
        "empty": False,
        "waiting": {"extract": 1, "save": 0, "extract.bulk": 0, "save.bulk": 0, "notify": 0},
        "in_work": 0,
        "dead_letters": 1,
    }


def test_a_key_with_the_scope_operate_drains_and_resumes(api: Client) -> None:
    assert keyed(["submit", "read"]).post("/api/drain").status_code == HTTPStatus.FORBIDDEN
    assert api.post("/api/drain").json()["drained"]
    assert send(api, POST).status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert api.post("/api/resume").json()["writable"]
    assert send(api, POST).status_code == HTTPStatus.ACCEPTED


def test_the_samples_are_posts(api: Client) -> None:
    posts = list(samples.read())
    assert len(posts) >= 60
    assert len({post["publication"] for post in posts}) == 5
    assert send(api, posts).json()["refused"] == 0


def test_a_deletion_keeps_the_dead_letter_of_a_revision_that_came_meanwhile(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_id = "d" * 32
    dead_letter(post_id=post_id, payload={"accepted_at": "2026-05-04T12:00:00Z"})

    def die_meanwhile(post_id: str, *, at: datetime) -> bool:
        later = (at + timedelta(microseconds=1)).isoformat()
        dead_letter(post_id=post_id, step="save", payload={"accepted_at": later})
        return True

    monkeypatch.setattr(open_store(), "remove", die_meanwhile)
    assert api.delete(f"/api/posts/{post_id}").status_code == HTTPStatus.OK
    assert [row.step for row in DeadLetter.objects.all()] == ["save"]
