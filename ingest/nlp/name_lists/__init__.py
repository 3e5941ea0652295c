"""
Lists of names by key: countries, large cities, first names and surnames; `make names` writes them.
The nouns that end names of groups, places and other things are written by hand.

The places are from GeoNames (geonames.org, CC BY 4.0), the names of people from Faker (MIT).
"""

from functools import cache
from importlib.resources import files

from ingest.core.default_names import country_keys


@cache
def regions() -> frozenset[str]:
    """Return the keys of countries in all their forms, continents, states and the like."""
    return _read("regions").union(country_keys())


def cities() -> frozenset[str]:
    """Return the keys of capitals and of cities with at least 200,000 people."""
    return _read("cities")


@cache
def places() -> frozenset[str]:
    """Return the keys of regions and cities."""
    return regions() | cities()


def first_names() -> frozenset[str]:
    """Return the keys of first names."""
    return _read("first_names")


def surnames() -> frozenset[str]:
    """Return the keys of surnames."""
    return _read("surnames")


@cache
def people() -> frozenset[str]:
    """Return the keys of first names and surnames."""
    return first_names() | surnames()


def group_nouns() -> frozenset[str]:
    """Return the nouns that end names of organisations."""
    return _read("group_nouns")


def place_nouns() -> frozenset[str]:
    """Return the nouns that end names of places."""
    return _read("place_nouns")


def building_nouns() -> frozenset[str]:
    """Return those nouns of places that people have built, such as "airport"."""
    return _read("building_nouns")


def other_nouns() -> frozenset[str]:
    """Return the nouns of names that are neither a person, a place nor a group."""
    return _read("other_nouns")


@cache
def _read(name: str) -> frozenset[str]:
    return frozenset(files(__name__).joinpath(f"{name}.txt").read_text("utf-8").splitlines())
