"""A post's names are marked where its text has them, whatever an alias calls them."""

from datetime import timedelta

from ingest.analytics.post_text import history_of, mark_names
from ingest.core.aliases import Replacement, Rules
from ingest.core.entity_names import entity_id
from ingest.core.messages import PostEntities
from tests.support.factories import NOON, entity, with_entities

MERKEL = entity_id("PERSON", "angela merkel")
RULES = Rules(
    3,
    {
        ("PERSON", "merkel"): Replacement("Angela Merkel"),
        ("PERSON", "nobody"): None,
    },
)


def written(content: str, *names: str) -> PostEntities:
    post = with_entities("1", [entity(name) for name in names])
    return RULES.apply(post.model_copy(update={"content": content}))


def marked(post: PostEntities) -> list[tuple[str, str | None]]:
    return [(part.text, part.entity_id) for part in mark_names(post, RULES) if part.entity_id]


def test_all_forms_are_marked_and_the_longest_wins() -> None:
    post = written("Angela\nMerkel met Merkels. Merkel left.", "Angela Merkel", "Merkel", "Merkels")
    assert marked(post) == [
        ("Angela\nMerkel", MERKEL),
        ("Merkels", entity_id("PERSON", "merkels")),
        ("Merkel", MERKEL),
    ]
    assert "".join(part.text for part in mark_names(post, RULES)) == post.content


def test_what_a_rule_hides_is_not_marked() -> None:
    assert marked(written("Nobody met Odin.", "Nobody", "Odin")) == [
        ("Odin", entity_id("PERSON", "odin"))
    ]


def test_only_a_form_that_stands_in_no_other_way_ignores_capitals() -> None:
    assert marked(written("US told us, OSLO.", "US", "Oslo")) == [
        ("US", entity_id("PERSON", "us")),
        ("OSLO", entity_id("PERSON", "oslo")),
    ]


def test_a_text_that_is_not_kept_has_no_parts() -> None:
    assert mark_names(written("", "Odin"), RULES) == []


def test_the_history_says_what_happened_and_what_read_it() -> None:
    post = written("Merkel.", "Merkel").model_copy(
        update={
            "accepted_at": NOON + timedelta(hours=2),
            "first_accepted_at": NOON,
            "published_at": NOON - timedelta(days=1),
            "again_at": NOON + timedelta(hours=3),
            "patterns": 2,
        }
    )
    assert [event.what for event in history_of(post)] == [
        "published",
        "first accepted",
        "edited: this revision was accepted",
        "processed again",
        "its names were found by test 1.0",
        "version 2 of the patterns was used",
        "version 3 of the aliases changed its names",
    ]
