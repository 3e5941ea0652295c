"""Suggested aliases of entities that are spelled alike."""

from io import StringIO

import pytest
from django.core.management import call_command

from ingest.models import Alias
from ingest.operations.alias_suggestions import is_variant, propose, suggest
from ingest.store import open_store
from tests.support.factories import entity, with_entities

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("sql_store")]

NAMES = [
    entity("United Nations", 9, label="ORG"),
    entity("UN", 7, label="ORG"),
    entity("Slobodan Milosevic", 5),
    entity("Slobodan Milosovic", 3),
    entity("Slobodan Milosevicz", 1, label="ORG"),
    entity("2000 Olympics", 5, label="EVENT"),
    entity("2004 Olympics", 4, label="EVENT"),
    entity("Oslo", 2, label="GPE"),
]


def pairs() -> set[tuple[str, str]]:
    found = suggest("The Gazette", among=100, likeness=88)
    return {(suggestion.entity.text, suggestion.other.text) for suggestion in found}


def test_similar_names_and_initials_are_suggested() -> None:
    open_store().add([with_entities("1", NAMES)])
    assert pairs() == {("UN", "United Nations"), ("Slobodan Milosovic", "Slobodan Milosevic")}


def test_a_suggestion_is_proposed_once_and_changes_nothing() -> None:
    open_store().add([with_entities("1", NAMES)])
    found = list(suggest("The Gazette", among=100, likeness=88))
    assert [propose("The Gazette", suggestion) for suggestion in found] == [True, True]
    Alias.objects.filter(name="UN").update(state=Alias.State.REJECTED)
    assert [propose("THE gazette", suggestion) for suggestion in found] == [False, False]
    assert Alias.objects.filter(state=Alias.State.ACCEPTED).count() == 0


@pytest.mark.parametrize(
    ("key", "other", "expected"),
    [
        ("al qaeda", "alqaeda", True),
        ("george bush", "george w bush", True),
        ("orvel harbour", "orvell harbour", True),
        ("austria", "australia", False),
        ("joan smith", "john smith", False),
        ("orvel", "orvels", False),
        ("north orvel", "south orvel", False),
        ("wales", "new south wales", False),
    ],
)
def test_a_suggestion_may_be_the_same_name(key: str, other: str, expected: bool) -> None:
    assert is_variant(key, other) == is_variant(other, key) == expected


def test_a_suggestion_carries_counts_and_a_sentence_of_each_name() -> None:
    texts = {"Slobodan Milosevic": "Slobodan Milosevic spoke. It rained."}
    texts["Slobodan Milosovic"] = "He met Slobodan Milosovic there."
    for number, (name, content) in enumerate(texts.items()):
        post = with_entities(str(number), [entity(name, 2 - number)])
        open_store().add([post.model_copy(update={"content": content})])
    call_command("suggest_aliases", "The Gazette", stdout=StringIO())
    assert Alias.objects.get().evidence.splitlines() == [
        'Slobodan Milosovic: mentions 1, posts 1. "He met Slobodan Milosovic there."',
        'Slobodan Milosevic: mentions 2, posts 1. "Slobodan Milosevic spoke."',
    ]
