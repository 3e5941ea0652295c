"""The API, with a real broker behind it and a store in memory."""

import json
from base64 import b64decode
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from ingest import broker, samples
from ingest.gate import the_gate
from ingest.messages import ExtractMessage
from ingest.models import ApiKey, DeadLetter, Scope
from ingest.pipeline import EXTRACT
from ingest.posts import Post
from ingest.store import open_store
from tests.making import entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "memory_store", "forgotten_keys"),
]

POST = {"content": "Obama went to Oslo.", "publication": "The Gazette"}


@pytest.fixture
def forgotten_keys() -> None:
    """Forget keys that earlier tests looked up."""
    from django.core.cache import cache

    cache.clear()


@pytest.fixture
def api() -> Client:
    """Return a client with a key that allows everything."""
    return keyed(list(Scope.values))


def keyed(scopes: list[str]) -> Client:
    """Return a client with a key of these scopes."""
    _, secret = ApiKey.create(f"key for {scopes}", scopes=scopes)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def send(client: Client, body: Any) -> Any:
    """Post a body as JSON."""
    return client.post("/api/posts", json.dumps(body), content_type="application/json")


def queued() -> list[dict[str, Any]]:
    """Return the posts that wait on the extract queue."""
    messages = broker.redis_client().lrange(EXTRACT, 0, -1)
    bodies = [json.loads(b64decode(json.loads(m)["body"])) for m in messages]
    return [post for args, _, _ in bodies for post in args[0]["posts"]]


def test_one_post_is_accepted_and_queued(api: Client) -> None:
    response = send(api, POST)
    post_id = Post.model_validate(POST).post_id
    url = response["Location"]
    assert response.status_code == HTTPStatus.ACCEPTED
    assert response.json() == {"status": "accepted", "id": post_id, "url": url}
    assert url.startswith(f"/api/posts/{post_id}?receipt=")
    assert [(p["post_id"], p["content"]) for p in queued()] == [(post_id, POST["content"])]


def test_each_post_of_a_list_has_its_own_answer(api: Client) -> None:
    response = send(api, [POST, {"publication": "x"}, {**POST, "content": "News."}, "text"])
    body = response.json()
    assert response.status_code == HTTPStatus.ACCEPTED
    assert (body["accepted"], body["refused"]) == (2, 2)
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


def test_many_posts_travel_in_messages_of_about_a_batch(api: Client) -> None:
    posts = [{**POST, "content": f"{n} " + "word " * 1000} for n in range(40)]
    assert send(api, posts).json()["accepted"] == 40
    assert broker.redis_client().llen(EXTRACT) == 7
    assert len(queued()) == 40


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"publication": "x"}, "/content"),
        ({**POST, "content": ""}, "/content"),
        ({**POST, "content": "x" * 100_001}, "/content"),
        ({**POST, "content": "x" * 1_000_001}, "/content"),
        ({**POST, "publication": ""}, "/publication"),
        ({**POST, "surprise": 1}, "/surprise"),
        ({**POST, "content": "\ud800"}, "/content"),
        ([{**POST, "published_at": 12}], "/0/published_at"),
    ],
)
def test_what_is_no_post_is_answered_with_422_and_the_field(
    api: Client, body: Any, pointer: str
) -> None:
    response = send(api, body)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert queued() == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b" ", "application/json", HTTPStatus.BAD_REQUEST),
        (b"{", "application/json", HTTPStatus.BAD_REQUEST),
        (b'{"a": NaN}', "application/json", HTTPStatus.BAD_REQUEST),
        (b"\xff\xfe", "application/json", HTTPStatus.BAD_REQUEST),
        (b"[" * 100_000, "application/json", HTTPStatus.BAD_REQUEST),
        (b"[]", "application/json", HTTPStatus.UNPROCESSABLE_ENTITY),
        (b"null", "application/json", HTTPStatus.UNPROCESSABLE_ENTITY),
        (b"a=1", "application/x-www-form-urlencoded", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
        (b" " * 10_000_001, "application/json", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (b"[" + b"1," * 1000 + b"1]", "application/json", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ],
)
def test_a_bad_body_is_a_clear_problem(
    api: Client, body: bytes, content_type: str, status: HTTPStatus
) -> None:
    response = api.post("/api/posts", body, content_type=content_type)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ing_wrong", "Basic abc", "ing_x"])
def test_without_a_valid_key_nobody_comes_in(header: str | None) -> None:
    client = Client(headers={"Authorization": header} if header is not None else {})
    for response in (send(client, POST), client.get("/api/publications")):
        assert response.status_code == HTTPStatus.UNAUTHORIZED
        assert response["WWW-Authenticate"].startswith("Bearer")
    assert queued() == []


def test_a_key_allows_only_what_its_scopes_say() -> None:
    assert send(keyed(["read"]), POST).status_code == HTTPStatus.FORBIDDEN
    assert keyed(["submit"]).get("/api/publications").status_code == HTTPStatus.FORBIDDEN
    assert send(keyed(["submit"] * 2), POST).status_code == HTTPStatus.ACCEPTED


def test_a_revoked_key_ends(api: Client) -> None:
    from django.utils import timezone

    ApiKey.objects.update(revoked_at=timezone.now())
    assert api.get("/api/publications").status_code == HTTPStatus.UNAUTHORIZED


def test_a_closed_gate_refuses_with_503_and_keeps_nothing(api: Client) -> None:
    the_gate().close("operator")
    response = send(api, POST)
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(response["Retry-After"]) > 0
    assert queued() == []
    the_gate().reopen("operator")
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


def test_a_dead_letter_tells_why_its_post_is_not_saved(api: Client) -> None:
    DeadLetter.objects.create(
        post_id="d" * 32,
        publication="x",
        step="extract",
        reason="timeout",
        detail="secret",
        attempts=2,
        payload={},
    )
    assert api.get(f"/api/posts/{'d' * 32}").json() == {
        "id": "d" * 32,
        "status": "dead",
        "step": "extract",
        "reason": "timeout",
        "attempts": 2,
    }


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
    "query", ["limit=0", "limit=101", "limit=x", "limit=²", "cursor=x", "cursor=WzFd", "cursor="]
)
def test_a_bad_query_is_refused(api: Client, query: str) -> None:
    response = api.get(f"/api/publications/x/entities?{query}")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/posts/0", "/api/publications/Nowhere/entities"])
def test_what_is_not_there_is_404(api: Client, path: str) -> None:
    assert api.get(path).status_code == HTTPStatus.NOT_FOUND


def test_the_status_tells_what_is_on_its_way(api: Client) -> None:
    send(api, POST)
    DeadLetter.objects.create(post_id="1", publication="x", attempts=1, payload={})
    assert api.get("/api/status").json() == {
        "writable": True,
        "drained": False,
        "empty": False,
        "waiting": {"extract": 1, "save": 0},
        "in_work": 0,
        "dead_letters": 1,
    }


def test_a_key_that_may_operates_the_gate(api: Client) -> None:
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
