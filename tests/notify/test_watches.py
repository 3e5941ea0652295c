"""Watches: evaluated from saved posts, and each event recorded once."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from ingest.broker.connection import redis_client
from ingest.core.counts import name_of
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities, SavedPostId
from ingest.models import (
    Alias,
    ApiKey,
    CrashCount,
    DeadLetter,
    Event,
    EventDelivery,
    ReadLimit,
    Step,
    Watch,
    WatchMatch,
    Webhook,
)
from ingest.notify import events, watches
from ingest.operations.rule_versions import bump_version, forget
from ingest.store import open_store
from ingest.tasks import notify
from ingest.worker.failure_isolation import dead_letter, run_suspects
from ingest.worker.steps import save_batch
from tests.support.clients import keyed, send
from tests.support.factories import NOON, accepted, entity, with_entities

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

OBAMA = [entity("Barack Obama")]


@pytest.fixture(autouse=True)
def nobody_waits() -> None:
    """Forget who waits, as in a new process."""
    events.is_anybody_waiting.forget()


def save(*posts: PostEntities, key_id: int | None = None, times: int = 1) -> None:
    """Save posts, and evaluate them as often as the broker delivers their message."""
    open_store().add(posts)
    for _ in range(times):
        watches.evaluate([SavedPostId(post_id=post.post_id, key_id=key_id) for post in posts])


def found(type_: str = "watch.matched") -> Sequence[str]:
    """Return the ids of the posts of all events, in their order."""
    return [e.data["id"] for e in Event.objects.filter(type=type_).order_by("at")]


def test_a_watch_on_a_merged_name_follows_the_name_that_it_counts_as() -> None:
    Watch.objects.create(name="Barry", label="PERSON")
    Alias.objects.create(name="Barry", label="PERSON", becomes="Barack Obama", publication="Paper")
    bump_version()
    forget()
    content = {"content": "Barack Obama left."}
    posts = [
        with_entities(str(n), OBAMA, publication=name).model_copy(update=content)
        for n, name in enumerate(("Paper", "Other paper"))
    ]
    save(*posts)
    (event,) = Event.objects.all()
    assert (event.data["id"], event.data["sentence"]) == (posts[0].post_id, "Barack Obama left.")


def test_a_watch_on_a_name_in_a_publication_fires_once_for_each_post() -> None:
    Watch.objects.create(name="Barack Obama", label="PERSON", publication="The Herald")
    posts = [with_entities(str(n), OBAMA) for n in range(3)]
    watch = Watch.objects.create(name="Barack Obama", label="PERSON", publication="the  GAZETTE")
    save(*posts, with_entities("other", [entity("Angela Merkel")]), times=3)
    assert sorted(found()) == sorted(post.post_id for post in posts)
    (event, *_) = Event.objects.all()
    assert event.watch == watch
    assert event.data["publication"] == "The Gazette"


def test_a_watch_on_a_publication_and_the_sentence_of_a_name() -> None:
    Watch.objects.create(publication="The Gazette")
    Watch.objects.create(name="Post", label="ORG")
    save(with_entities("a", [entity("Post", label="ORG")]), times=2)
    sentences = {event.data["sentence"] for event in Event.objects.all()}
    assert sentences == {None, "Post a."}


def test_the_first_mention_ever_fires_once() -> None:
    Watch.objects.create(name="Barack Obama", label="PERSON", condition="first")
    save(with_entities("1", OBAMA), times=2)
    save(with_entities("2", OBAMA))
    assert len(found()) == 1


def test_more_than_so_many_posts_in_a_window_fire_once_a_window() -> None:
    Watch.objects.create(publication="The Gazette", condition="more", more_than=2, hours=24)
    save(*(with_entities(str(n)) for n in range(2)), times=3)
    assert found() == []
    save(*(with_entities(str(n)) for n in range(2, 5)), times=2)
    assert len(found()) == 1


def rising_posts(*, publication: str = "The Gazette") -> list[PostEntities]:
    """Return posts of four days of which only those of the last one mention a name."""
    quiet = [
        with_entities(
            f"{days} {n}", publication=publication, published_at=NOON - timedelta(days=days)
        )
        for days in (1, 2, 3)
        for n in range(10)
    ]
    loud = [with_entities(f"0 {n}", OBAMA, publication=publication) for n in range(5)]
    return [*quiet, *loud]


def test_a_rising_name_is_told_once_a_window_and_publication_however_often_it_is_delivered() -> (
    None
):
    watch = Watch.objects.create(name="Barack Obama", label="PERSON", condition="rising")
    posts = rising_posts()
    save(*posts[:-1], times=2)
    assert found() == [], "four posts are no trend"
    save(posts[-1], times=3)
    save(*posts, times=2)
    event = Event.objects.get()
    told = {"posts": 5, "of": 5, "before": 0, "of_before": 30, "name": "Barack Obama"}
    assert event.data["rising"].items() >= told.items()
    assert (event.watch, event.data["entity"]) == (watch, watch.entity_id)
    save(*rising_posts(publication="The Herald"))
    assert Event.objects.count() == 2
    tomorrow = NOON + timedelta(days=1)
    late = [with_entities(f"t {n}", OBAMA, accepted_at=tomorrow) for n in range(20)]
    save(*late, times=2)
    assert Event.objects.count() == 3


def test_a_merged_name_rises_under_the_name_that_it_counts_as() -> None:
    watch = Watch.objects.create(name="Barry", label="PERSON", condition="rising")
    Alias.objects.create(name="Barry", label="PERSON", becomes="Barack Obama")
    bump_version()
    forget()
    save(*rising_posts(), times=2)
    event = Event.objects.get()
    assert (event.watch, event.data["rising"]["name"]) == (watch, "Barack Obama")


def test_everything_that_rises_in_a_publication() -> None:
    Watch.objects.create(publication="The Gazette", condition="rising")
    save(*rising_posts(), *rising_posts(publication="The Herald"), times=2)
    assert Event.objects.get().data["rising"]["name"] == "Barack Obama"


def test_an_archive_makes_nothing_rise() -> None:
    Watch.objects.create(publication="The Gazette", condition="rising")
    years_later = NOON + timedelta(days=1000)
    old = [
        post.model_copy(
            update={"accepted_at": years_later, "published_at": post.published_at or NOON}
        )
        for post in rising_posts()
    ]
    save(*old)
    assert not Event.objects.exists()


def test_a_watch_of_an_account_tells_only_of_what_the_account_may_read() -> None:
    reader = User.objects.create_user("reader")
    role = Group.objects.create(name="of the Gazette")
    ReadLimit.objects.create(role=role, publications=["the gazette"])
    reader.groups.add(role)
    Watch.objects.create(name="Barack Obama", label="PERSON", account=reader)
    save(with_entities("1", OBAMA), with_entities("2", OBAMA, publication="The Herald"))
    assert [event.data["publication"] for event in Event.objects.all()] == ["The Gazette"]
    User.objects.update(is_active=False)
    save(with_entities("3", OBAMA))
    assert Event.objects.count() == 1


def test_an_event_of_a_long_window_is_kept_as_long_as_the_window_lasts() -> None:
    Watch.objects.create(publication="The Gazette", condition="more", hours=24 * 60)
    save(with_entities("1"), with_entities("2"))
    Event.objects.update(at=timezone.now() - events.KEPT * 2)
    events.forget_old()
    assert Event.objects.count() == 1


def test_old_events_are_forgotten_but_not_that_a_first_mention_was_told() -> None:
    Watch.objects.create(name="Barack Obama", label="PERSON", condition="first")
    Watch.objects.create(publication="The Gazette")
    Watch.objects.create(publication="The Gazette", condition="more")
    save(with_entities("1", OBAMA))
    assert Event.objects.count() == 3
    Event.objects.update(at=timezone.now() - events.KEPT * 2)
    events.forget_old()
    assert Event.objects.get(watch__condition="first")
    assert Event.objects.count() == 1
    assert not WatchMatch.objects.exists()


def test_saving_publishes_a_message_only_if_somebody_waits() -> None:
    save_batch([with_entities("1")])
    assert redis_client().llen("notify") == 0
    Watch.objects.create(publication="The Gazette")
    events.is_anybody_waiting.forget()
    save_batch([with_entities("2")])
    assert redis_client().llen("notify") == 1


def test_a_post_whose_process_died_after_the_commit_is_told_too() -> None:
    Watch.objects.create(publication="The Gazette")
    post = with_entities("1")
    open_store().add([post])
    CrashCount.objects.create(post_id=post.post_id, step=Step.SAVE, starts=1, process="")
    run_suspects(Step.SAVE, [post], save_batch)
    assert redis_client().llen("notify") == 1


def test_a_message_that_cannot_be_read_becomes_a_dead_letter() -> None:
    notify({"version": 2})
    assert DeadLetter.objects.get().reason == "unreadable"


def test_a_publisher_hears_that_its_posts_are_saved_dead_or_deleted() -> None:
    publisher = keyed(["submit"])
    send(publisher, {"publication": "The Gazette", "id": "1", "content": "Oslo."})
    hook = Webhook.objects.create(
        url="https://example.org/", events=["post.saved", "post.dead", "post.deleted"]
    )

    hook.key = key = ApiKey.objects.get()
    hook.save()
    save(with_entities("1"), key_id=key.pk, times=2)
    save(with_entities("2"), key_id=None)
    post = accepted("Bad.").model_copy(update={"key_id": key.pk})
    for _ in range(2):
        dead_letter(Step.EXTRACT, post, DeadLetter.Reason.FAILED, "bad")
    publisher.delete("/api/publications/The%20Gazette/posts/1")
    assert len(found("post.saved")) == len(found("post.dead")) == len(found("post.deleted")) == 1
    assert EventDelivery.objects.count() == 3


def test_watches_are_made_listed_moved_and_deleted_by_the_api() -> None:
    client = keyed(["read"])
    wanted = {"name": "Barack Obama", "label": "PERSON", "publication": "The Gazette"}
    made = client.post("/api/watches", wanted, content_type="application/json")
    assert made.status_code == 201
    url, feed = f"/api/watches/{made.json()['id']}", made.json()["feed"]
    save(with_entities("1", OBAMA))
    assert b"urn:ingest:event:" in Client().get(feed).content
    moved = client.post(url).json()["feed"]
    assert Client().get(feed).status_code == 404
    assert Client().get(moved)["Content-Type"].startswith("application/atom+xml")
    assert [w["id"] for w in client.get("/api/watches").json()["watches"]] == [made.json()["id"]]
    assert keyed(["read"]).delete(url).status_code == 404
    assert client.delete(url).status_code == 204
    for bad in ({}, {"name": "Obama"}, {"name": "?", "label": "ORG"}, {"publication": 1}):
        answer = client.post("/api/watches", bad, content_type="application/json")
        assert answer.status_code == 422
    hourly = {**wanted, "condition": "rising", "hours": 5}
    assert client.post("/api/watches", hourly, content_type="application/json").status_code == 422
    late = {**wanted, "condition": "first"}
    assert client.post("/api/watches", late, content_type="application/json").status_code == 422


def test_the_feed_of_a_name_has_its_posts_with_the_sentence() -> None:
    post = with_entities("a\x01", [entity("Post", label="ORG")])
    open_store().add([post])
    id_ = entity_id(*name_of(post.entities[0]))
    page = Client().get(f"/entities/{id_}.atom").content.decode()
    assert f"urn:ingest:post:{post.post_id}" in page
    assert "Post a" in page
    assert "\x01" not in page
    assert f"/entities/{id_}.atom" in Client().get(f"/entities/{id_}").content.decode()
