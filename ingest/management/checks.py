"""Django's system checks of this project: what must be installed, and what must not start."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from ingest.nlp.ner import read_meta

# What a start asks. Django's own checks are of the code, and the addresses alone take 0.3 s.
SETTINGS = "settings"


@register(SETTINGS)
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


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[Error | Warning]:
    """Find settings under which a server must not face a network; `check --deploy` asks."""
    insecure = [
        origin
        for origin in (*settings.CSRF_TRUSTED_ORIGINS, *settings.CORS_ALLOWED_ORIGINS)
        if not origin.startswith("https://")
    ]
    problems = {
        "INGEST_PRODUCTION is off: cookies and pages do without TLS.": not settings.PRODUCTION,
        "INGEST_ALLOWED_HOSTS names no host.": not settings.ALLOWED_HOSTS,
        "INGEST_ALLOWED_HOSTS has *, so any name in a link of ours is believed.": any(
            host in ("*", ".") for host in settings.ALLOWED_HOSTS
        ),
        "INGEST_PROXIES has *, so any client may name any address as its own.": (
            "*" in settings.PROXIES
        ),
        f"These origins do without TLS: {', '.join(insecure)}.": bool(insecure),
    }
    found: list[Error | Warning] = [
        Error(text, id="ingest.E002") for text, is_so in problems.items() if is_so
    ]
    if settings.PAGES == "public":
        text = "INGEST_PAGES is public: everyone sees counts and sentences of all publications."
        found.append(Warning(text, id="ingest.W001"))
    if settings.MFA != "required":
        text = "INGEST_MFA is optional: accounts that may operate can do without a second factor."
        found.append(Warning(text, id="ingest.W002"))
    return found
