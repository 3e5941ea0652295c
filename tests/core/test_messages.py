"""The messages on the queues."""

import json

import pytest
from pydantic import ValidationError

from ingest.core.messages import ExtractMessage, SaveMessage, cut
from tests.support.factories import accepted, entity, with_entities


def test_a_message_comes_back_from_json_as_it_was() -> None:
    extract = ExtractMessage(posts=(accepted("Süd\nWest 😀", id="7"),))
    save = SaveMessage(posts=(with_entities("1", [entity("Löffler", 3)]),))
    assert ExtractMessage.read(json.loads(json.dumps(extract.payload()))) == extract
    assert SaveMessage.read(json.loads(json.dumps(save.payload()))) == save


def test_an_entity_travels_as_four_values() -> None:
    payload = SaveMessage(posts=(with_entities("1", [entity("Löffler", 3)]),)).payload()
    assert payload["posts"][0]["entities"] == [["loffler", "PERSON", "Löffler", 3]]


@pytest.mark.parametrize("payload", [{"version": 2, "posts": []}, {"posts": [{}]}, [], None, "x"])
def test_a_payload_that_this_version_does_not_read_is_refused(payload: object) -> None:
    with pytest.raises(ValidationError):
        ExtractMessage.read(payload)


def test_a_message_that_names_no_request_is_of_an_older_version_and_is_read() -> None:
    payload = ExtractMessage(posts=(accepted("Oslo."),)).payload()
    assert "request_id" not in payload["posts"][0]
    assert ExtractMessage.read(payload).posts[0].request_id is None


def test_posts_are_cut_by_characters_and_never_reordered() -> None:
    posts = [accepted("x" * size) for size in (40, 50, 30, 200, 10, 10)]
    groups = list(cut(posts, characters=100))
    assert [[len(p.content) for p in group] for group in groups] == [
        [40, 50],
        [30],
        [200],
        [10, 10],
    ]
    assert list(cut([], characters=100)) == []


def test_a_small_last_group_is_shared_out_among_the_others() -> None:
    groups = cut([accepted("x" * 40) for _ in range(5)], characters=100)
    assert [len(group) for group in groups] == [2, 3]
