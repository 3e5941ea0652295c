"""
Stories whose mentions are known beforehand, with names of five languages.

A story is a template filled with a person, a place and a group. A test checks that the model finds
these names in every story. So the counts of posts made of stories are known without a model.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter
from typing import NamedTuple

from ingest.core.entity_names import entity_key

EntityMentions = Counter[tuple[str, str]]  # by family and key

FAMILIES = {"person": "PERSON", "place": "PLACE", "group": "GROUP"}


class Names(NamedTuple):
    """The names of one language."""

    person: tuple[str, ...]
    place: tuple[str, ...]
    group: tuple[str, ...]


NAMES = {
    "de": Names(
        ("Angela Hoffmann", "Jürgen Schäfer", "Katrin Müller", "Lukas Weber", "Stefan Krüger"),
        ("Berlin", "Hamburg", "Munich", "Leipzig", "Frankfurt"),
        ("Siemens", "Lufthansa", "Deutsche Bank", "Volkswagen", "BMW"),
    ),
    "fr": Names(
        ("Nicolas Dupont", "Julien Fournier", "Claire Bernard", "Philippe Rousseau", "Jean Martin"),
        ("Paris", "Geneva", "Montreal", "France"),
        ("Air France", "Airbus", "Peugeot", "Carrefour", "the Bank of France"),
    ),
    "es": Names(
        ("Lucía Fernández", "José Ramírez", "Carmen Ortega", "Carlos Mendoza", "Diego Morales"),
        ("Madrid", "Barcelona", "Mexico", "Peru"),
        ("the Bank of Spain", "the University of Barcelona"),
    ),
    "pl": Names(
        ("Agnieszka Kowalska", "Tomasz Zieliński", "Piotr Lewandowski", "Anna Wójcik"),
        ("Warsaw", "Poland", "Prague"),
        ("Solidarity", "Samsung", "Nokia"),
    ),
    "ja": Names(
        ("Haruka Tanaka", "Yuki Nakamura", "Hiroshi Yamamoto"),
        ("Kyoto", "Osaka", "Tokyo", "Japan"),
        ("Toyota", "Nintendo", "Sony", "Hitachi", "Honda"),
    ),
}

TEMPLATES = (
    "{person} flew to {place} on Monday to speak with engineers from {group}. "
    "Workers at {group} said that {person} had listened well.",
    "The bridge in {place} will stay closed this week, {person} said on Friday. "
    "A spokesman for {group} promised to pay for the repairs.",
    "{group} will build a new factory in {place}. "
    "The company hired {person} to lead it, and {person} will start in spring.",
    "Two hundred people in {place} lost their jobs at {group} on Tuesday. "
    "The mayor of {place} called it a bad day.",
    "In {place}, {person} won the race by a minute. {group} had sponsored the team for years.",
    "Shares of {group} rose after {person} became its chairman. "
    "She will move to {place} with her family.",
    "A court in {place} ruled against {group} on Wednesday. "
    "The lawyer, {person}, did not want to comment.",
    "Schools in {place} opened late because of snow. "
    "A teacher, {person}, walked there, and a bus of {group} brought the children.",
    "{person} wrote a book about growing up in {place}. {group} bought the film rights last year.",
    "The museum in {place} shows paintings by {person} until May. "
    "The exhibition is paid for by {group}.",
)


@dataclass(frozen=True)
class Story:
    """A text, and how often it mentions each entity."""

    text: str
    mentions: EntityMentions


def stories(language: str) -> Iterator[Story]:
    """Yield the stories of a language: each template with each person."""
    names = NAMES[language]
    for number, template in enumerate(TEMPLATES):
        for index, person in enumerate(names.person):
            chosen = {
                "person": person,
                "place": names.place[(number + index) % len(names.place)],
                "group": names.group[(number + 2 * index) % len(names.group)],
            }
            yield _story(template, chosen)


def _story(template: str, chosen: dict[str, str]) -> Story:
    roles = (role for _, role, _, _ in Formatter().parse(template) if role)
    mentions = Counter(
        (FAMILIES[role], entity_key(_without_article(chosen[role]))) for role in roles
    )
    text = template.format(**chosen).replace(". the ", ". The ")
    return Story(text[0].upper() + text[1:], mentions)


def _without_article(name: str) -> str:
    return name.removeprefix("the ")
