"""The dashboard's look-up of any post: by its id, or by its publication and own id."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from ingest.core.posts import id_of_own, is_id
from ingest.dashboard.state import TIMEOUT_SECONDS
from ingest.models import DeadLetter
from ingest.observability.probe import Probe, ask_all
from ingest.operations.post_lookup import find_post


def look_up(request: HttpRequest) -> dict[str, Any]:
    """Return where the post of a request is, or the problem."""
    post_id = request.GET.get("id", "").strip()
    publication, own_id = (request.GET.get(name, "").strip() for name in ("publication", "own_id"))
    if publication and own_id:
        post_id = id_of_own(publication, own_id)
    found: list[str] = []
    problem = ""
    if post_id and not is_id(post_id):
        problem = "A post id has 32 hexadecimal digits."
    elif post_id:
        (outcome,) = ask_all(
            Probe("The look-up", lambda: find_post(post_id)), seconds=TIMEOUT_SECONDS
        )
        found, problem = outcome.found or [], outcome.problem
    dead_letter = DeadLetter.objects.filter(post_id=post_id).first() if post_id else None
    return {
        "post_id": post_id,
        "publication": publication,
        "own_id": own_id,
        "found": found,
        "problem": problem,
        "dead_letter": dead_letter,
    }


def entry() -> dict[str, Any]:
    """Return an entry for the admin's list of models, because posts are not a model."""
    return {
        "name": "Posts",
        "object_name": "Post",
        "admin_url": reverse("admin:posts"),
        "add_url": None,
        "view_only": True,
        "perms": {"view": True},
    }
