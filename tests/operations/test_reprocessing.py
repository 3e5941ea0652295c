"""Saved posts go through the model again."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ingest.broker import connection
from ingest.broker.admission import get_admission
from ingest.broker.admission.base import IntakePaused
from ingest.broker.publish import BULK_QUEUES
from ingest.core.messages import AcceptedPost, ExtractMessage, PostEntities
from ingest.models import PatternSet
from ingest.nlp.ner import extract_entities, load_model, model_name, read_meta
from ingest.operations import reprocessing
from ingest.store import open_store
from ingest.store.base import Store
from ingest.worker.steps import extract_batch
from ingestsite.configuration import LABELS, MODEL
from tests.support.factories import NOON, entity, with_entities
from tests.support.stores import mentions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


def reprocessed(post: PostEntities, *names: str, minutes: int = 1) -> PostEntities:
    update = {
        "entities": tuple(map(entity, names)),
        "model": "test 2.0",
        "again_at": NOON + timedelta(minutes=minutes),
    }
    return post.model_copy(update=update)


def test_the_entities_of_the_last_model_run_are_counted(store: Store) -> None:
    post = with_entities("1", [entity("Obama", 2), entity("Oslo")])
    store.add([post])
    assert store.add([reprocessed(post, "Obama")]) == 0
    assert mentions(store, "The Gazette") == {"obama": (1, 1)}
    store.add([post, reprocessed(post, "Bonn", minutes=3), reprocessed(post, "Lima")])
    assert mentions(store, "The Gazette") == {"bonn": (1, 1)}
    assert not store.recount("The Gazette").diff


def test_an_edit_wins_over_an_older_text_that_is_reprocessed(store: Store) -> None:
    post = with_entities("1", [entity("Obama")])
    edit = with_entities("1", [entity("Bonn")], accepted_at=NOON + timedelta(seconds=1))
    store.add([post, edit])
    store.add([reprocessed(post, "Lima", minutes=9)])
    assert mentions(store, "The Gazette") == {"bonn": (1, 1)}


def test_a_deleted_post_that_is_reprocessed_stays_deleted(store: Store) -> None:
    post = with_entities("1", [entity("Obama")])
    store.add([post])
    store.remove(post.post_id, at=NOON)
    store.add([reprocessed(post, "Obama")])
    assert mentions(store, "The Gazette") == {}


def test_the_posts_of_another_model_are_sent_again() -> None:
    accepted = AcceptedPost(**{n: getattr(OLD, n) for n in AcceptedPost.model_fields})
    nlp = load_model(MODEL)
    (new,) = extract_entities([accepted], nlp, labels=LABELS)
    newer = new.model_copy(update={"post_id": "1" * 32})
    open_store().add([OLD, newer])
    out = StringIO()
    call_command("reprocess", stdout=out)
    assert "1 posts go through" in out.getvalue()
    call_command("reprocess", "the gazette", "--all", stdout=out)
    call_command("reprocess", "--post", newer.post_id, stdout=out)
    assert "2 posts go through" in out.getvalue()
    assert connection.redis_client().llen(QUEUE) == 3


QUEUE = BULK_QUEUES["extract"]  # live posts overtake those of a reprocess
OLD = with_entities("1", [entity("Obama")])


def test_the_posts_of_other_patterns_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprocessing, "REFRESH_SECONDS", -1)  # without waiting for the workers
    name = model_name(read_meta(MODEL))
    post = OLD.model_copy(update={"model": name})
    open_store().add([post])
    out = StringIO()
    for patterns, sent in (([], 0), ([{"label": "PERSON", "pattern": "Obama"}], 1), ([], 0)):
        PatternSet.objects.create(patterns=patterns)
        call_command("reprocess", stdout=out)
        assert out.getvalue().endswith(f"{sent} posts go through the model again\n")


def test_a_post_that_is_sent_again_is_unchanged() -> None:
    reprocessing.send_again([OLD])
    (again,) = ExtractMessage.read({"posts": queued()}).posts
    assert again.again_at
    assert again.priority == "bulk"
    assert again.model_copy(update={"again_at": None, "priority": None}) == AcceptedPost(
        **{n: getattr(OLD, n) for n in AcceptedPost.model_fields}
    )


def queued() -> object:
    from celery import current_app

    with current_app.connection_for_read() as connection:
        message = current_app.amqp.queues[QUEUE].bind(connection.default_channel).get()
        assert message
        (payload,), _, _ = message.payload
        return payload["posts"]


def test_nothing_is_sent_while_the_intake_is_paused_or_without_a_text() -> None:
    assert reprocessing.send_again([OLD.model_copy(update={"content": ""})]) == 0
    get_admission().pause("operator")
    with pytest.raises(IntakePaused):
        reprocessing.send_again([OLD])
    open_store().add([OLD])
    with pytest.raises(CommandError, match="again"):
        call_command("reprocess", stdout=StringIO())
    with pytest.raises(CommandError, match="no publication"):
        call_command("reprocess", "Nowhere", stdout=StringIO())


def test_workers_skip_the_posts_of_a_cancelled_reprocess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprocessing, "REFRESH_SECONDS", -1)
    reprocessing.send_again([OLD])
    (again,) = ExtractMessage.read({"posts": queued()}).posts
    out = StringIO()
    call_command("reprocess", "--cancel", stdout=out)
    assert "skip" in out.getvalue()
    fresh = again.model_copy(update={"again_at": None})
    assert reprocessing.is_cancelled(again)
    assert not reprocessing.is_cancelled(fresh)
    extract_batch([again])
    assert connection.redis_client().llen("save.bulk") == 0
    later = again.model_copy(update={"again_at": datetime.now(UTC)})
    assert not reprocessing.is_cancelled(later)


def test_a_running_reprocess_ends_when_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprocessing, "await_patterns", reprocessing.cancel)
    open_store().add([OLD])
    with pytest.raises(CommandError, match="Cancelled"):
        call_command("reprocess", "--all")
    assert connection.redis_client().llen(QUEUE) == 0
