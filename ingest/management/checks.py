"""Django's system checks of this project: what must be installed before anything starts."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from ingest.nlp.ner import read_meta


@register()
def check_models(**_: Any) -> list[Error]:
    """Find the spaCy models that the settings name and this machine lacks."""
    named = {"INGEST_MODEL": [settings.MODEL], "INGEST_MODELS": settings.MODELS.values()}
    return [
        Error(f"{setting}: {problem}", id="ingest.E001")
        for setting, names in named.items()
        for name in names
        if (problem := _problem_of(name))
    ]


def _problem_of(name: str) -> str:
    try:
        read_meta(name)
    except (OSError, ValueError):
        return f"{name!r} is neither an installed package nor a folder with a spaCy model."
    return ""
