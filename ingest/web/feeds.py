"""Atom feeds of a name, of a publication and of a watch."""

import re
from collections.abc import Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.snippets import find_snippet
from ingest.core.messages import PostEntities
from ingest.core.posts import is_web_address
from ingest.models import Event, Watch
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.web.decorators import page, reader_of

ENTRIES = 50
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MEDIA_TYPE = "application/atom+xml; charset=utf-8"


@page
def entity(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Answer with the newest posts that mention a name."""
    store = reader_of(request)
    counted = present_id(store, entity_id)
    overview = read_entity_overview(store, counted)
    if overview is None:
        raise Http404
    posts = store.posts_mentioning(counted, limit=ENTRIES)
    link = reverse("web:entity", args=[counted])
    return _answer(request, overview.entity.text, link, (_entry(p, counted) for p in posts))


@require_safe
def watch(request: HttpRequest, address: str) -> HttpResponseBase:
    """Answer with the newest events of a watch; its address is secret, so it needs no account."""
    found = get_object_or_404(Watch, address=address)
    events = Event.objects.filter(watch=found).order_by("-at")[:ENTRIES]
    return _answer(request, str(found), reverse("web:front"), map(_event_entry, events))


def _answer(
    request: HttpRequest, title: str, link: str, entries: Iterable[dict[str, Any]]
) -> HttpResponse:
    feed = Atom1Feed(
        title=_printable(title),
        link=request.build_absolute_uri(link),
        description=None,
        feed_url=request.build_absolute_uri(),
    )
    for entry in entries:
        link = entry["link"] if is_web_address(entry["link"] or "") else feed.feed["link"]
        feed.add_item(**{**entry, "title": _printable(entry["title"]), "link": link})
    return HttpResponse(feed.writeString("utf-8"), content_type=MEDIA_TYPE)


def _entry(post: PostEntities, entity_id: str) -> dict[str, Any]:
    snippet = find_snippet(post, entity_id, known_rules())
    moment = post.published_at or post.first_at
    return {
        "title": post.title or post.publication,
        "link": post.url,
        "description": _printable("".join(snippet) if snippet else ""),
        "unique_id": f"urn:ingest:post:{post.post_id}",
        "pubdate": moment,
        "updateddate": moment,
        "author_name": _printable(post.publication),
    }


def _event_entry(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        "title": data.get("title") or data["publication"],
        "link": data.get("url"),
        "description": _printable(data.get("sentence") or ""),
        "unique_id": f"urn:ingest:event:{event.pk}",
        "pubdate": event.at,
        "updateddate": event.at,
        "author_name": _printable(data["publication"]),
    }


def _printable(text: str) -> str:
    """Return a text without the characters that XML does not have."""
    return NOT_IN_XML.sub("", text)
