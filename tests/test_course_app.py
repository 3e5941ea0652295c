"""
What the course's app that this project descends from got wrong, one test for each.

The ones that need a whole stack are in tests/system/test_course_app.py, under their numbers.
"""

import ast
import json
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest
from django.test import Client

from ingest.broker.admission import get_admission
from ingest.core.counts import count_post, merge_counts
from ingest.core.entity_names import entity_id
from ingest.models import ApiKey
from ingest.store.base import EntityFilter
from ingest.store.firestore.store import FirestoreStore
from tests.support.factories import entity, with_entities

ROOT = Path(__file__).parent.parent
POST = {"content": "Obama went to Oslo.", "publication": "The Gazette"}


@pytest.fixture
def client(db: None, empty_broker: None) -> Client:
    """Return a client with a key."""
    _, secret = ApiKey.create("course", scopes=["submit", "read"])
    return Client(headers={"Authorization": f"Bearer {secret}"})


def status(client: Client, post: object) -> int:
    """Send a post, and return the status of the answer."""
    response = client.post("/api/posts", json.dumps(post), content_type="application/json")
    return int(response.status_code)


def test_4_a_post_over_a_million_characters_is_refused_and_not_queued(client: Client) -> None:
    assert status(client, {**POST, "content": "x" * 1_000_001}) == HTTPStatus.UNPROCESSABLE_ENTITY
    assert get_admission().backlog().empty


def test_5_ids_are_the_same_in_another_process() -> None:
    code = "from ingest.core.entity_names import entity_id; print(entity_id('GPE', 'oslo'))"
    ids = {
        subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": s})
        for s in ("1", "2")
    }
    assert ids == {entity_id("GPE", "oslo").encode() + b"\n"}


def test_6_every_entity_of_a_publication_is_kept(firestore: FirestoreStore) -> None:
    posts = [with_entities(str(n), [entity(f"E{n}-{m}") for m in range(50)]) for n in range(60)]
    assert firestore.add(posts) == 60
    assert len(firestore.recount("The Gazette").stored.entities) == 3000


def test_8_a_write_that_is_repeated_counts_once(firestore: FirestoreStore) -> None:
    posts = [with_entities(str(n), [entity("Oslo")]) for n in range(5)]
    assert [firestore.add(posts) for _ in range(3)] == [5, 0, 0]
    (oslo,) = firestore.entities("The Gazette", EntityFilter(limit=10))
    assert oslo.mentions == 5


@pytest.mark.parametrize("name", ["", " ", "x" * 201])
def test_9_a_publication_without_a_usable_name_is_refused(client: Client, name: str) -> None:
    assert status(client, {**POST, "publication": name}) == HTTPStatus.UNPROCESSABLE_ENTITY


def test_9_a_slash_in_a_publication_s_name_is_saved(
    client: Client, firestore: FirestoreStore
) -> None:
    assert status(client, {**POST, "publication": "AC/DC"}) == HTTPStatus.ACCEPTED
    firestore.add([with_entities("1", [entity("Oslo")], publication="AC/DC")])
    publication = firestore.publication("ac/dc")
    assert publication is not None
    assert publication.posts == 1


def test_10_five_articles_and_seven_make_twelve() -> None:
    five = merge_counts(count_post(with_entities(str(n))) for n in range(5))
    seven = merge_counts(count_post(with_entities(str(n))) for n in range(7))
    assert (five + seven).posts == 12
    assert (five.posts, seven.posts) == (5, 7)


def test_13_nothing_sleeps_where_it_could_wait() -> None:
    """
    These look again after a pause, at what tells nobody when it changes, or pause until a time that
    they know: when workers have asked, when a post, a commit or a fetch is due, and when a server
    wants a request again.
    """
    sleeping = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "ingest").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
    }
    assert sleeping == {
        "ingest/broker/admission/rabbitmq.py",
        "ingest/client/api.py",
        "ingest/follow/fetching.py",
        "ingest/management/commands/drain.py",
        "ingest/management/runs.py",
        "ingest/management/commands/reprocess.py",
        "ingest/operations/reprocessing.py",
        "ingest/devstack/stack.py",
        "ingest/devstack/simulate.py",
        "ingest/devstack/launch.py",
        "ingest/devstack/state_lock.py",
        "ingest/store/firestore/pacing.py",
    }


def test_14_while_draining_a_post_is_refused_and_the_client_is_told(client: Client) -> None:
    get_admission().pause("operator")
    assert status(client, POST) == HTTPStatus.SERVICE_UNAVAILABLE
    assert get_admission().backlog().drained
