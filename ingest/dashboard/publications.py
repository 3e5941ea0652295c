"""The dashboard's list of publications and their most mentioned entities."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from ingest.dashboard.state import TIMEOUT_SECONDS
from ingest.observability.probe import Probe, ask_all
from ingest.store import open_store
from ingest.store.base import EntityFilter, Publication, Store, StoredEntity

PAGE_SIZE = 20  # publications on a page
TOP_SIZE = 5  # entities of each publication


def list_publications(request: HttpRequest) -> dict[str, Any]:
    """Return a page of publications, or the problem of the store."""
    store, after = open_store(), request.GET.get("after")
    probe = Probe("The store", lambda: _rows(store, after))
    (outcome,) = ask_all(probe, seconds=TIMEOUT_SECONDS)
    rows = outcome.found or []
    next_after = rows[PAGE_SIZE - 1][0].name if len(rows) > PAGE_SIZE else None
    return {
        "rows": rows[:PAGE_SIZE],
        "problem": outcome.problem,
        "after": after,
        "next_after": next_after,
    }


def _rows(store: Store, after: str | None) -> list[tuple[Publication, list[StoredEntity]]]:
    found = store.publications(limit=PAGE_SIZE + 1, after=after)
    return [(each, store.entities(each.name, EntityFilter(limit=TOP_SIZE))) for each in found]


def entry() -> dict[str, Any]:
    """Return an entry for the admin's list of models, because publications are not a model."""
    return {
        "name": "Publications",
        "object_name": "Publication",
        "admin_url": reverse("admin:publications"),
        "add_url": None,
        "view_only": True,
        "perms": {"view": True},
    }
