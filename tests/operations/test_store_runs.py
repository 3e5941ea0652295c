"""Runs over saved posts: deleting and moving a publication, and forgetting, exact when repeated."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from ingest.core.counts import Counts, count_posts
from ingest.models import AuditEntry, PublicationMove, StoreRun
from ingest.operations import audit, store_runs
from ingest.operations.copy_counts import compare_counts, copy_checkpoints, copy_records
from ingest.operations.store_runs import (
    Kind,
    delete_publication,
    forget_before,
    move_publication,
    take_step,
)
from ingest.store import open_store
from ingest.store.firestore.store import FirestoreStore
from ingest.tasks import take_run_step
from ingest.worker.steps import save_batch
from tests.support.clients import keyed
from tests.support.factories import entity, with_entities
from tests.support.stores import mentions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]

BY = audit.Actor("olive", audit.Via.ADMIN)
OLD = datetime(2025, 1, 1, 12, tzinfo=UTC)
POSTS = [with_entities(str(n), [entity("Obama", 2)], accepted_at=OLD) for n in range(5)]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run take several steps."""
    monkeypatch.setattr(store_runs, "PAGE_SIZE", 2)


def finish(run: StoreRun) -> StoreRun:
    """Take the steps of a run, each twice, as after a process that died."""
    while run.ended_at is None:
        take_step(run.pk)
        run.refresh_from_db()
    take_step(run.pk)
    return run


def is_exact(name: str) -> bool:
    return not open_store().recount(name).diff


def test_posts_are_forgotten_and_a_recount_agrees() -> None:
    young = with_entities("young", [entity("Obama")])
    open_store().add([*POSTS, young])
    run = finish(forget_before("2026-01-01", Kind.FORGET_POSTS, by=BY))
    assert (run.done, run.problem) == (5, "")
    assert mentions(open_store(), "The Gazette") == {"obama": (11, 6)}
    assert [post.post_id for post in open_store().posts("The Gazette", limit=9)] == [young.post_id]
    assert is_exact("The Gazette")
    api = keyed(["read", "submit"])
    assert api.get(f"/api/posts/{POSTS[0].post_id}").json()["status"] == "forgotten"
    assert api.delete(f"/api/posts/{POSTS[0].post_id}").status_code == 409


def test_only_the_texts_are_forgotten() -> None:
    open_store().add(POSTS)
    assert finish(forget_before("2026-01-01", Kind.FORGET_TEXTS, by=BY)).done == 5
    assert {post.content for post in open_store().posts("The Gazette", limit=9)} == {""}
    assert mentions(open_store(), "The Gazette") == {"obama": (10, 5)}


def test_a_publication_is_deleted_with_what_it_forgot() -> None:
    open_store().add(POSTS)
    open_store().forget([POSTS[0].post_id], at=OLD)
    open_store().add([with_entities("other", [entity("Obama")], publication="Herald")])
    run = finish(delete_publication("The Gazette", by=BY))
    assert run.done == 4
    assert [p.name for p in open_store().publications()] == ["Herald"]
    assert mentions(open_store(), "The Gazette") == {}
    assert open_store().recount("The Gazette").stored == Counts()
    assert AuditEntry.objects.filter(action="delete", target="publication The Gazette").exists()


def test_a_merged_publication_counts_under_the_other_also_what_still_comes() -> None:
    open_store().add([*POSTS, with_entities("h", [entity("Obama")], publication="Herald")])
    open_store().forget([POSTS[0].post_id], at=OLD)
    run = finish(move_publication("The Gazette", "Herald", by=BY))
    assert run.done == 4
    save_batch([with_entities("late", [entity("Obama")]), POSTS[1]])
    assert [(p.name, p.posts) for p in open_store().publications()] == [("Herald", 7)]
    assert mentions(open_store(), "Herald") == {"obama": (12, 7)}
    assert is_exact("The Gazette")
    assert is_exact("Herald")


def test_a_publication_that_moves_on_takes_along_those_that_moved_to_it() -> None:
    open_store().add(POSTS)
    finish(move_publication("The Gazette", "Herald", by=BY))
    finish(move_publication("Herald", "The Times", by=BY))
    assert dict(PublicationMove.objects.values_list("key", "target")) == {
        "the gazette": "The Times",
        "herald": "The Times",
    }
    assert mentions(open_store(), "The Times") == {"obama": (10, 5)}
    finish(move_publication("The Times", "The Gazette", by=BY))
    assert mentions(open_store(), "The Gazette") == {"obama": (10, 5)}
    assert not PublicationMove.objects.filter(key="the gazette").exists()


def test_another_spelling_is_shown_at_once() -> None:
    open_store().add(POSTS)
    assert move_publication("The Gazette", "THE GAZETTE", by=BY).ended_at
    assert [p.name for p in open_store().publications()] == ["THE GAZETTE"]


def test_a_task_waits_for_workers_that_know_the_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("ingest.process.shutdown.wait", lambda seconds: waited.append(seconds))
    open_store().add(POSTS)
    run = move_publication("The Gazette", "Herald", by=BY)
    take_run_step(run.pk)
    assert 5 < waited[0] <= 6
    run.refresh_from_db()
    assert run.done == 2


def test_a_command_renames_and_refuses_a_name_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "ingest.management.runs.time.sleep", lambda _: finish(StoreRun.objects.get())
    )
    open_store().add([*POSTS, with_entities("h", publication="Herald")])
    with pytest.raises(Exception, match="Use merge"):
        call_command("publication", "rename", "The Gazette", "Herald")
    with pytest.raises(Exception, match="no publication"):
        call_command("publication", "merge", "The Gazette", "Nowhere")
    call_command("publication", "rename", "The Gazette", "The Times")
    assert "5 posts, done" in capsys.readouterr().out
    assert open_store().publication("The Times")


def test_the_daily_command_forgets_what_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.KEEP_POSTS_DAYS = 100
    monkeypatch.setattr(
        "ingest.management.runs.time.sleep", lambda _: finish(StoreRun.objects.get())
    )
    open_store().add(POSTS)
    call_command("forget")
    assert open_store().checkpoint("The Gazette") == count_posts(POSTS)


def test_the_admin_starts_and_shows_a_run(operator: Client) -> None:
    open_store().add(POSTS)
    url = "/admin/ingest/storerun/"
    wrong = {"kind": "move", "publication": "Nowhere", "target": ""}
    page = operator.post(f"{url}add/", wrong).content.decode()
    assert "There is no publication of this name." in page
    assert "A move needs a target" in page
    form = {"kind": "delete", "publication": "The Gazette", "target": ""}
    assert operator.post(f"{url}add/", form).status_code == 302
    assert finish(StoreRun.objects.get()).done == 5
    assert "5 posts, done" in operator.get(url).content.decode()


def test_forgotten_posts_are_copied_to_another_store_with_their_counts(
    firestore: FirestoreStore,
) -> None:
    source = open_store()
    source.add(POSTS)
    source.forget([POSTS[0].post_id, POSTS[1].post_id], at=OLD)
    for _ in range(2):
        list(copy_records(source, firestore, after=None))
        copy_checkpoints(source, firestore)
    assert [each.is_equal for each in compare_counts(source, firestore)] == [True]
    assert firestore.add(POSTS) == 0
