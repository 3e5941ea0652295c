"""Dead letters over the API: list, show, replay and discard them."""

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from ingest.models import AuditEntry, DeadLetter, Step
from ingest.worker.failure_isolation import dead_letter
from tests.support.clients import keyed, queued
from tests.support.factories import accepted

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]

LETTERS = "/api/dead-letters"


@pytest.fixture
def operator() -> Client:
    """Return a client that may operate, with dead letters to operate on."""
    for number in range(3):
        dead_letter(Step.EXTRACT, accepted(f"Post {number}."), DeadLetter.Reason.FAILED, "bad")
    finnish = accepted("Hyvää päivää.")
    dead_letter(Step.EXTRACT, finnish, DeadLetter.Reason.LANGUAGE, "no model for fi")
    return keyed(["operate"])


def ask(client: Client, action: str, body: Any) -> Any:
    """Ask for an action on dead letters."""
    return client.post(f"{LETTERS}/{action}", json.dumps(body), content_type="application/json")


def test_dead_letters_are_listed_by_reason_and_page(operator: Client) -> None:
    page = operator.get(f"{LETTERS}?reason=failed&limit=2").json()
    following = operator.get(page["next"]).json()
    assert (page["count"], following["next"]) == (3, None)
    found = page["dead_letters"] + following["dead_letters"]
    assert {row["reason"] for row in found} == {"failed"}
    assert len({row["post_id"] for row in found}) == 3
    assert keyed(["submit", "read"]).get(LETTERS).status_code == HTTPStatus.FORBIDDEN


def test_a_dead_letter_is_shown_with_its_message(operator: Client) -> None:
    post = accepted("Post 1.")
    (found,) = operator.get(f"{LETTERS}/{post.post_id}").json()["dead_letters"]
    assert (found["payload"]["content"], found["detail"]) == ("Post 1.", "bad")
    assert operator.get(f"{LETTERS}/{'0' * 32}").status_code == HTTPStatus.NOT_FOUND


def test_dead_letters_are_replayed_and_discarded_by_reason_or_id(operator: Client) -> None:
    post = accepted("Post 1.")
    assert ask(operator, "replay", {"ids": [post.post_id]}).json()["replayed"] == 1
    assert [sent["content"] for sent in queued()] == ["Post 1."]
    assert ask(operator, "discard", {"reason": "failed"}).json() == {"discarded": 2}
    assert DeadLetter.objects.get().reason == "language"
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["replay", "discard", "discard"]


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"reason": 7}, {"all": True, "every": 1}])
def test_a_choice_that_names_nothing_or_something_unknown_is_refused(
    operator: Client, body: Any
) -> None:
    assert ask(operator, "discard", body).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert DeadLetter.objects.count() == 4


def test_a_post_in_a_language_without_a_model_is_not_replayed(
    operator: Client, settings: Any
) -> None:
    settings.OTHER_LANGUAGES = "dead"
    outcome = ask(operator, "replay", {"reason": "language"}).json()
    assert (outcome["replayed"], outcome["without_model"]) == (0, 1)
    assert DeadLetter.objects.filter(reason="language").exists()
    settings.MODELS = {"fi": settings.MODEL}
    assert ask(operator, "replay", {"reason": "language"}).json()["replayed"] == 1
