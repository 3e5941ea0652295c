"""
Atom feeds of a name, of a publication, of a search and of a watch.

A feed reader has no account. So where pages need one, an account's feeds have a secret address, and
show what the account may read.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from ingest.analytics.entity_overview import read_entity_overview
from ingest.analytics.name_search import NameQuery, search_names
from ingest.analytics.post_list import PostListQuery, PostSource, list_posts
from ingest.analytics.snippets import beginning_of, find_snippet
from ingest.core.messages import PostEntities
from ingest.core.posts import is_web_address, publication_id
from ingest.core.validation import errors_by_field
from ingest.models import Event, FeedAddress, ReadLimit, Watch
from ingest.operations.permalinks import present_id
from ingest.operations.rule_versions import known_rules
from ingest.store.base import StoreReader
from ingest.web.decorators import View, page, reader_of
from ingest.web.posts import read_post_query
from ingest.web.responses import bad_filters

ENTRIES = 50
# Posts of a day are in no order. So more are read, and those that were accepted last are shown.
READ_POSTS = 100
# Of a search: its names with the most mentions, and the posts of each that are read.
SEARCH_NAMES, SEARCH_POSTS = 10, 25
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MEDIA_TYPE = "application/atom+xml; charset=utf-8"


def feed(view: View) -> Callable[..., HttpResponseBase]:
    """Guard a view as `page` does. In a secret address it is asked by the account of that."""
    guarded = page(view)

    @wraps(view)
    def answer(
        request: HttpRequest, *args: Any, address: str | None = None, **kwargs: Any
    ) -> HttpResponseBase:
        if address is not None:
            rows = FeedAddress.objects.filter(account__is_active=True).select_related("account")
            request.user = get_object_or_404(rows, address=address).account
        return guarded(request, *args, **kwargs)

    return answer


@feed
def entity(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Answer with the newest posts that mention a name, in one publication if it is given."""
    store = reader_of(request)
    own = request.GET.get("publication")
    counted = present_id(store, entity_id)
    overview = read_entity_overview(store, counted, publication_id=own)
    if overview is None:
        raise Http404
    where = f" in {overview.narrowed_to.name}" if overview.narrowed_to else ""
    posts = _newest(PostSource(store, overview.narrowed_to, counted))
    link = reverse("web:entity", args=[counted])
    title = f"{overview.entity.text}{where}"
    return _answer(request, title, link, (_entry(post, [counted]) for post in posts))


@feed
def publication(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Answer with the newest posts of a publication, of those that the filters let through."""
    store = reader_of(request)
    found = store.publication_by_id(pub_id)
    if found is None:
        raise Http404
    query, errors = read_post_query(request, limit=ENTRIES)
    if errors:
        return bad_filters(request, errors)
    source = PostSource(store, found)
    posts = list_posts(source, query).posts if query.title else _newest(source, query)
    title = f"{found.name}: {query.title}" if query.title else found.name
    return _answer(request, title, reverse("web:publication", args=[pub_id]), map(_entry, posts))


@feed
def search(request: HttpRequest) -> HttpResponseBase:
    """Answer with the newest posts that mention a name of a search."""
    try:
        given = {name: value for name, value in request.GET.items() if str(value).strip()}
        query = NameQuery.model_validate({**given, "limit": SEARCH_NAMES})
    except ValidationError as error:
        return bad_filters(request, errors_by_field(error))
    store = reader_of(request)
    names = [name.entity.id for name in search_names(store, query).names]
    read = [store.posts_mentioning(id_, limit=SEARCH_POSTS, content=False) for id_ in names]
    posts = {post.post_id: post for some in read for post in some}
    newest = sorted(posts.values(), key=lambda post: post.day, reverse=True)[:READ_POSTS]
    link = f"{reverse('web:search')}?{request.GET.urlencode()}"
    whole = _accepted_last(store, newest)
    return _answer(request, f"Find: {query.q}", link, (_entry(post, names) for post in whole))


def _newest(source: PostSource, query: PostListQuery | None = None) -> list[PostEntities]:
    found = source.page(query or PostListQuery(), READ_POSTS, whole=False)
    return _accepted_last(source.store, found)


def _accepted_last(store: StoreReader, posts: Sequence[PostEntities]) -> list[PostEntities]:
    """Return the whole posts of those that were accepted last."""
    last = sorted(posts, key=lambda post: post.first_at, reverse=True)[:ENTRIES]
    return store.posts_by_id([post.post_id for post in last])


@require_safe
def watch(request: HttpRequest, address: str) -> HttpResponseBase:
    """Answer with the newest events of a watch; its address is secret, so it needs no account."""
    found = get_object_or_404(Watch.objects.select_related("account"), address=address)
    if found.account and not found.account.is_active:
        raise Http404
    events = readable_events(found)
    return _answer(request, str(found), reverse("web:watches"), map(_event_entry, events))


def readable_events(watch: Watch) -> list[Event]:
    """Return the newest events of a watch, of publications that its account may still read."""
    rows = Event.objects.filter(watch=watch).order_by("-at")[:ENTRIES]
    limit = set(map(publication_id, ReadLimit.of(watch.account))) if watch.account else set()
    return [e for e in rows if not limit or publication_id(e.data["publication"]) in limit]


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


def _entry(post: PostEntities, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return the entry of a post, with its sentence on the first of these names, or its start."""
    rules = known_rules()
    sentences = (find_snippet(post, id_, rules) for id_ in names)
    sentence = next((found for found in sentences if found), None)
    moment = post.published_at or post.first_at
    return {
        "title": post.title or post.publication,
        "link": post.url,
        "description": _printable("".join(sentence) if sentence else beginning_of(post)),
        "unique_id": f"urn:ingest:post:{post.post_id}",
        "pubdate": moment,
        "updateddate": moment,
        "author_name": _printable(post.publication),
    }


def _event_entry(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        "title": event_title(data),
        "link": data.get("url"),
        "description": _printable(data.get("sentence") or ""),
        "unique_id": f"urn:ingest:event:{event.pk}",
        "pubdate": event.at,
        "updateddate": event.at,
        "author_name": _printable(data["publication"]),
    }


def event_title(data: dict[str, Any]) -> str:
    """Return the title of an event of a watch: of its post, or what rises."""
    if rising := data.get("rising"):
        now = f"{rising['posts']} of {rising['of']} posts"
        before = f"{rising['before']} of {rising['of_before']} before"
        return f"{rising['name']} rises in {data['publication']}: {now}, {before}"
    return str(data.get("title") or data["publication"])


def _printable(text: str) -> str:
    """Return a text without the characters that XML does not have."""
    return NOT_IN_XML.sub("", text)
