"""Dead letters in the admin: shown, filtered, replayed and discarded."""

import pytest
from django.test import Client
from django.utils import timezone

from ingest.broker.admission import get_admission
from ingest.models import ApiKey, AuditEntry, DeadLetter, DeadLetterReplay
from ingest.operations.replay import CHUNK_SIZE, take_step
from tests.support.dead_letters import make_dead_letters

pytestmark = pytest.mark.django_db

URL = "/admin/ingest/deadletter/"


def test_keys_and_dead_letters_are_shown(operator: Client) -> None:
    ApiKey.create("wire", scopes=["read"])
    dead_letter = DeadLetter.objects.create(
        post_id="d" * 32,
        publication="The Gazette",
        step="extract",
        reason="failed",
        detail="ValueError: bad",
        trace="Traceback",
        attempts=2,
        payload={"content": "A bad post."},
    )
    assert "wire" in operator.get("/admin/ingest/apikey/").content.decode()
    assert "The Gazette" in operator.get("/admin/ingest/deadletter/").content.decode()
    page = operator.get(f"/admin/ingest/deadletter/{dead_letter.pk}/change/").content.decode()
    assert "A bad post." in page
    assert "Traceback" in page


@pytest.mark.usefixtures("empty_broker")
def test_all_dead_letters_that_match_are_replayed_and_the_others_stay(operator: Client) -> None:
    make_dead_letters("One.", "Two.")
    (slow,) = make_dead_letters("Three.", reason="timeout")
    matching = f"{URL}replay/?reason__exact=failed"
    question = operator.get(matching)
    assert "Replay 2 posts?" in question.content.decode()
    outcome = operator.post(matching, {"seen_at": question.context["seen_at"]}, follow=True)
    assert "2 replayed." in outcome.content.decode()
    assert DeadLetter.objects.get() == slow
    assert set(AuditEntry.objects.values_list("actor", "action")) == {("operator", "replay")}


def test_a_dead_letter_that_came_after_the_question_is_left_out(operator: Client) -> None:
    make_dead_letters("One.")
    question = operator.get(f"{URL}discard/?reason__exact=failed")
    (later,) = make_dead_letters("Two.")
    form = {"seen_at": question.context["seen_at"]}
    outcome = operator.post(f"{URL}discard/?reason__exact=failed", form, follow=True)
    assert "1 discarded." in outcome.content.decode()
    assert DeadLetter.objects.get() == later


@pytest.mark.parametrize("what", ["replay", "discard"])
@pytest.mark.parametrize("across", ["0", "1"])
@pytest.mark.usefixtures("empty_broker")
def test_ticked_dead_letters_or_all_that_match_are_replayed_or_discarded(
    operator: Client, what: str, across: str
) -> None:
    first, _, slow = (
        *make_dead_letters("One.", "Two."),
        *make_dead_letters("Three.", reason="timeout"),
    )
    data = {"action": what, "_selected_action": [first.pk], "select_across": across}
    question = operator.post(f"{URL}?reason__exact=failed", data)
    operator.post(question["Location"], {"seen_at": timezone.now().isoformat()})
    left = 2 if across == "0" else 1
    assert DeadLetter.objects.count() == left
    assert slow in DeadLetter.objects.all()


@pytest.mark.usefixtures("empty_broker")
def test_a_replay_while_the_intake_is_paused_says_so(operator: Client) -> None:
    (dead_letter,) = make_dead_letters("One.")
    get_admission().pause("operator")
    page = operator.post(f"{URL}replay/?id__exact={dead_letter.pk}", follow=True).content.decode()
    assert "0 replayed. Stopped: the intake is paused" in page
    assert DeadLetter.objects.exists()


def test_dead_letters_are_filtered_by_publication_and_a_bad_filter_is_refused(
    operator: Client,
) -> None:
    (dead_letter,) = make_dead_letters("One.")
    DeadLetter.objects.create(post_id="9", publication="Elsewhere", attempts=1, payload={})
    found = operator.get(f"{URL}?publication=Elsewhere").content.decode()
    assert dead_letter.post_id not in found
    assert operator.post(f"{URL}discard/?nothing=1").status_code == 302
    assert DeadLetter.objects.count() == 2


def test_an_unreadable_message_is_shown_as_it_came(operator: Client) -> None:
    (dead_letter,) = make_dead_letters("One.", reason="unreadable")
    DeadLetter.objects.update(payload={"message": {"odd": "<b>7</b>"}})
    page = operator.get(f"{URL}{dead_letter.pk}/change/").content.decode()
    assert "&quot;odd&quot;: &quot;&lt;b&gt;7&lt;/b&gt;&quot;" in page


@pytest.mark.usefixtures("empty_broker")
def test_a_worker_replays_many_and_the_admin_shows_the_progress(operator: Client) -> None:
    make_dead_letters(*(f"Post {number}." for number in range(CHUNK_SIZE + 1)))
    page = operator.post(f"{URL}replay/?step__exact=extract", follow=True).content.decode()
    assert f"A worker replays {CHUNK_SIZE + 1}" in page
    assert DeadLetter.objects.count() == CHUNK_SIZE + 1, "the request did it"
    run = DeadLetterReplay.objects.get()
    replays = "/admin/ingest/deadletterreplay/"
    assert replays in page
    take_step(run.pk)
    take_step(run.pk)
    assert not DeadLetter.objects.exists()
    progress = operator.get(replays).content.decode()
    assert f'<td class="field-replayed">{CHUNK_SIZE + 1}</td>' in progress
