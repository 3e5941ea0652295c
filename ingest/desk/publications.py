"""Publications on the desk: what each mentions most, as Firestore has it now, and its page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from ingest.desk.looking import Look, wait_for
from ingest.store import Publication, Store, StoredEntity, open_store

ROWS = 20  # publications a page
TOP = 5  # entities of each


def listed(request: HttpRequest) -> dict[str, Any]:
    """Return a page of publications, or why there is none."""
    store, after = open_store(), request.GET.get("after")
    look = Look("The store", lambda: _rows(store, after))
    wait_for(look)
    rows = look.found or []
    following = rows[ROWS - 1][0].name if len(rows) > ROWS else None
    return {"rows": rows[:ROWS], "problem": look.problem, "after": after, "following": following}


def _rows(store: Store, after: str | None) -> list[tuple[Publication, list[StoredEntity]]]:
    found = store.publications(limit=ROWS + 1, after=after)
    return [(each, store.entities(each.name, limit=TOP)) for each in found]


def entry() -> dict[str, Any]:
    """Return what the admin's list of models shows for them; they are none of the database."""
    return {
        "name": "Publications",
        "object_name": "Publication",
        "admin_url": reverse("admin:publications"),
        "add_url": None,
        "view_only": True,
        "perms": {"view": True},
    }
