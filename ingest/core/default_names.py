"""The names that every publication starts with: aliases and words that are no names, in sets."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ingest.core.aliases import Replacement, Table
from ingest.core.counts import EntityName
from ingest.core.entity_names import entity_key, family


@dataclass(frozen=True)
class DefaultSet:
    """
    A set of defaults that an operator switches on or off.

    Args:
        is_on: whether it is on where no operator has said anything.
        table: the rules; None hides an entity.
        lines: the rules as a person reads them.
    """

    name: str
    title: str
    is_on: bool
    table: Table
    lines: tuple[str, ...]


@cache
def default_sets() -> tuple[DefaultSet, ...]:
    """Return the sets of default_names.toml."""
    text = files("ingest.core").joinpath("default_names.toml").read_text("utf-8")
    read = tomllib.loads(text)
    for own in read.values():
        # The first form of each line of the other set is the one that its others count as.
        for first, *others in read.get(own.get("singular_of"), {}).get("names", {}).values():
            own["names"] |= {first: others} if others else {}
    return tuple(
        DefaultSet(name, own["title"], own["on"], dict(_rules(own)), tuple(_lines(own)))
        for name, own in read.items()
    )


def defaults_of(switched: Mapping[str, bool]) -> Table:
    """Return the rules of the sets that are on; `switched` is what an operator has said, by set."""
    on = [own for own in default_sets() if switched.get(own.name, own.is_on)]
    return {name: target for own in on for name, target in own.table.items()}


@cache
def country_keys() -> Collection[str]:
    """Return the keys of countries in all their forms, such as US and USA."""
    (countries,) = (own for own in default_sets() if own.name == "countries")
    return frozenset(key for _, key in countries.table)


def _rules(own: dict[str, Any]) -> Iterator[tuple[EntityName, Replacement | None]]:
    for word in own.get("words", ()):
        for of in own["families"]:
            yield (of, entity_key(word)), None
    for text, forms in own.get("names", {}).items():
        target = Replacement(text, own["label"])
        for form in (*forms, text):
            for of in own["families"]:
                name = of, entity_key(form)
                if name != (family(own["label"]), entity_key(text)):
                    yield name, target


def _lines(own: dict[str, Any]) -> Iterator[str]:
    if words := own.get("words"):
        yield ", ".join(words)
    for text, forms in own.get("names", {}).items():
        yield f"{', '.join(forms)}: {text}"
