"""The names that every publication starts with."""

import pytest

from ingest.core.aliases import Replacement, Rules
from ingest.core.default_names import default_sets, defaults_of
from ingest.core.entity_names import entity_key, family
from ingest.core.messages import Entity
from tests.support.factories import entity, with_entities


def counted(*entities: Entity, rules: Rules) -> dict[tuple[str, str], int]:
    post = rules.apply(with_entities("1", entities))
    return {(e.text, e.label): e.mentions for e in post.entities}


RULES = Rules(1, defaults=defaults_of({}))


def test_forms_of_a_country_count_as_the_country() -> None:
    forms = [entity(form, label="GPE") for form in ("US", "U.S.", "USA", "United States")]
    other = entity("United States", label="ORG")
    assert counted(*forms, other, rules=RULES) == {("United States", "GPE"): 5}


def test_short_forms_of_organisations_count_as_those() -> None:
    found = [entity("UN", label="ORG"), entity("EU", label="GPE"), entity("NATO", label="ORG")]
    assert counted(*found, rules=RULES) == {
        ("United Nations", "ORG"): 1,
        ("European Union", "ORG"): 1,
        ("NATO", "ORG"): 1,
    }


def test_words_that_are_no_names_are_hidden() -> None:
    words = [entity(word, label="ORG") for word in ("Government", "BC", "Tuesday", "Congress")]
    places = [entity("BC", label="GPE")]
    expected = {("Congress", "ORG"): 1, ("BC", "GPE"): 1}
    assert counted(*words, *places, rules=RULES) == expected


def test_demonyms_stay_apart_until_their_set_is_on() -> None:
    found = [entity("French", label="NORP"), entity("France", label="GPE")]
    assert len(counted(*found, rules=RULES)) == 2
    together = Rules(1, defaults=defaults_of({"demonyms": True}))
    assert counted(*found, rules=together) == {("France", "GPE"): 2}


def test_the_forms_of_a_people_count_together() -> None:
    forms = [entity(form, label="NORP") for form in ("Palestinian", "Palestinians")]
    others = [entity(form, label="NORP") for form in ("Danish", "Danes", "Dane")]
    expected = {("Palestinian", "NORP"): 2, ("Danish", "NORP"): 3}
    assert counted(*forms, *others, rules=RULES) == expected


def test_a_set_that_is_off_changes_nothing() -> None:
    off = Rules(1, defaults=defaults_of({own.name: False for own in default_sets()}))
    assert counted(entity("US", label="GPE"), rules=off) == {("US", "GPE"): 1}


@pytest.mark.parametrize(
    ("name", "becomes", "shown"),
    [("US", "US", "US"), ("US", "America", "America"), ("United States", "US", "US")],
)
def test_an_operator_s_alias_goes_before_a_default(name: str, becomes: str, shown: str) -> None:
    alias = {("PLACE", name.lower()): Replacement(becomes)}
    for rules in (
        Rules(1, alias, defaults=defaults_of({})),
        Rules(1, {}, {"the gazette": alias}, defaults_of({})),
    ):
        assert counted(entity(name, label="GPE"), rules=rules) == {(shown, "GPE"): 1}


def test_no_default_contradicts_another() -> None:
    tables = [own.table for own in default_sets() if own.is_on]
    together = {name: target for table in tables for name, target in table.items()}
    assert all(together[name] == target for table in tables for name, target in table.items())
    ends = {(family(t.label), entity_key(t.text)) for t in together.values() if t}
    assert not ends & together.keys(), "no line leads to another"
