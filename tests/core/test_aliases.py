"""How the rules of an operator change what a post counts for."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.core.aliases import Replacement, Rules, has_cycle
from ingest.core.counts import EntityName, count_post
from ingest.core.messages import Entity, PostEntities
from tests.support.factories import entity, with_entities

US: EntityName = ("PLACE", "us")
POST = with_entities(
    "1", [entity("US", 2, label="GPE"), entity("United States", label="GPE"), entity("Obama")]
)


def counted(rules: Rules, post: PostEntities = POST) -> dict[str, int]:
    return {e.text: e.mentions for e in rules.apply(post).entities}


def test_a_merged_entity_counts_and_is_shown_as_the_other() -> None:
    rules = Rules(1, {US: Replacement("United States")})
    assert counted(rules) == {"United States": 3, "Obama": 1}
    merged = count_post(rules.apply(POST)).entities["PLACE", "united states"]
    assert (merged.mentions, merged.posts, merged.text) == (3, 1, "United States")


def test_a_renamed_entity_keeps_its_key() -> None:
    rules = Rules(1, {("PERSON", "obama"): Replacement("OBAMA")})
    assert Entity("obama", "PERSON", "OBAMA", 1) in rules.apply(POST).entities


def test_an_entity_can_change_its_family() -> None:
    rules = Rules(1, {("PERSON", "obama"): Replacement("Obama", label="ORG")})
    assert ("GROUP", "obama") in count_post(rules.apply(POST)).entities


def test_a_hidden_entity_is_not_counted_and_stays_in_found() -> None:
    hidden = Rules(1, {("PERSON", "obama"): None}).apply(POST)
    assert [e.text for e in hidden.entities] == ["US", "United States"]
    assert hidden.found == POST.entities


def test_a_publication_s_own_rule_goes_first() -> None:
    own = {"the gazette": {US: None}, "another": {("PERSON", "obama"): None}}
    rules = Rules(1, {US: Replacement("United States")}, own)
    assert counted(rules) == {"United States": 1, "Obama": 1}


def test_rules_are_followed_from_one_to_the_next() -> None:
    rules = Rules(1, {US: Replacement("USA"), ("PLACE", "usa"): Replacement("United States")})
    assert counted(rules) == {"United States": 3, "Obama": 1}


def test_a_rule_that_is_taken_back_leaves_the_found_entities() -> None:
    merged = Rules(1, {US: Replacement("United States")}).apply(POST)
    split = Rules(2).apply(merged)
    assert (split.entities, split.found, split.rules) == (POST.entities, None, 2)


def test_a_saved_post_that_counts_as_before_is_left_as_it_is() -> None:
    saved = Rules(1).apply(POST)
    assert Rules(2, {("ORG", "nobody"): None}).revise(saved) is saved


def test_circles_are_found_and_followed_once() -> None:
    circle = {US: Replacement("USA"), ("PLACE", "usa"): Replacement("US")}
    assert has_cycle(circle, US)
    assert counted(Rules(1, circle)) == {"US": 2, "United States": 1, "Obama": 1}
    assert not has_cycle({US: Replacement("U.S.")}, US)
    assert not has_cycle({US: None}, US)


NAMES = st.sampled_from(["A", "B", "C", "D"])
RULES = st.dictionaries(
    NAMES.map(lambda name: ("PERSON", name.lower())), st.none() | NAMES.map(Replacement), max_size=4
)
POSTS = st.lists(st.builds(entity, NAMES, st.integers(1, 3)), max_size=6).map(
    lambda entities: with_entities("1", entities)
)


@given(POSTS, RULES, RULES)
def test_what_counts_depends_on_the_newest_rules_only(
    post: PostEntities, one: dict[EntityName, Replacement], other: dict[EntityName, Replacement]
) -> None:
    newest = Rules(2, other)
    assert newest.apply(Rules(1, one).apply(post)).entities == newest.apply(post).entities
    assert newest.apply(newest.apply(post)) == newest.apply(post)


@given(POSTS, RULES)
def test_a_rule_loses_mentions_only_of_the_entities_it_hides(
    post: PostEntities, table: dict[EntityName, Replacement]
) -> None:
    shown = {name: replacement for name, replacement in table.items() if replacement}
    total = sum(e.mentions for e in post.entities)
    assert sum(e.mentions for e in Rules(1, shown).apply(post).entities) == total
