"""The plain names of families and labels, which pages and the admin share."""

from collections.abc import Iterable

KIND_NAMES = {
    "PLACE": "Places",
    "GROUP": "Organisations and groups",
    "WORK": "Works and events",
    "PERSON": "People",
    "ORG": "Organisations",
    "GPE": "Countries and cities",
    "LOC": "Regions",
    "FAC": "Buildings",
    "NORP": "Groups",
    "EVENT": "Events",
    "WORK_OF_ART": "Works",
    "PRODUCT": "Products",
    "LAW": "Laws",
    "LANGUAGE": "Languages",
}


def kind_name(label: str) -> str:
    """Return the plain name of a label or a family."""
    return KIND_NAMES.get(label, label)


def kind_choices(labels: Iterable[str]) -> list[tuple[str, str]]:
    """Return labels with their plain names, by name, as a form shows them."""
    return sorted(((label, kind_name(label)) for label in labels), key=lambda pair: pair[1])
