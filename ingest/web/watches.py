"""The pages on which an account watches a name or a publication, and sees what its watches told."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from ingest.analytics.entity_overview import EntityOverview, read_entity_overview
from ingest.core.entity_names import entity_id, entity_key, family
from ingest.models import FeedAddress, Watch
from ingest.models.notification import MAX_WATCHES, new_address
from ingest.operations import audit
from ingest.store.base import Publication, StoredEntity
from ingest.web.decorators import account_page, reader_of
from ingest.web.feed_links import needs_secret
from ingest.web.feeds import ENTRIES, event_title, readable_events
from ingest.web.responses import moved

WINDOWS = ((24, "a day"), (168, "a week"))  # hours
ON_A_NAME = (
    (Watch.Condition.ANY, "of every post that mentions it"),
    (Watch.Condition.RISING, "when it rises: more of a publication's posts mention it than before"),
    (Watch.Condition.MORE, "when many posts mention it"),
)
ON_A_PUBLICATION = (
    (Watch.Condition.ANY, "of every post"),
    (Watch.Condition.RISING, "when a name rises: more of its posts mention the name than before"),
    (Watch.Condition.MORE, "when it has many posts"),
)


class WatchForm(forms.Form):
    """The form of a watch, in plain words."""

    condition = forms.ChoiceField(initial=Watch.Condition.ANY)
    more_than = forms.IntegerField(min_value=0, max_value=1_000_000, initial=5, required=False)
    hours = forms.TypedChoiceField(choices=WINDOWS, coerce=int, initial=24)
    publication = forms.ChoiceField(required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        kinds: tuple[tuple[Watch.Condition, str], ...],
        publications: list[Publication],
        chosen: str = "",
    ) -> None:
        super().__init__(data, initial={"publication": chosen})
        self.names = {publication.id: publication.name for publication in publications}
        for name, values in (
            ("condition", kinds),
            ("publication", [("", ""), *self.names.items()]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = list(values)

    def fields_of_watch(self) -> dict[str, Any]:
        """Return the fields of the watch that the form describes; without a window, its default."""
        found = self.cleaned_data
        chosen = {"condition": found["condition"]}
        if found["condition"] != Watch.Condition.ANY:
            chosen["hours"] = found["hours"]
        if found["condition"] == Watch.Condition.MORE:
            chosen["more_than"] = found["more_than"] or 0
        return {**chosen, "publication": self.names.get(found["publication"], "")}


def form_of_entity(overview: EntityOverview, data: Any = None) -> WatchForm:
    """Return the form to watch a name, in one of the publications that mention it or in all."""
    own = [publication for publication, _ in overview.occurrences]
    chosen = overview.narrowed_to.id if overview.narrowed_to else ""
    return WatchForm(data, kinds=ON_A_NAME, publications=own, chosen=chosen)


def form_of_publication(data: Any = None) -> WatchForm:
    """Return the form to watch a publication."""
    return WatchForm(data, kinds=ON_A_PUBLICATION, publications=[])


@account_page
def watch_entity(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Show the form to watch a name; on POST make the watch."""
    own = request.GET.get("publication")
    overview = read_entity_overview(reader_of(request), entity_id, publication_id=own)
    if overview is None:
        return moved(request, "web:watch_entity", entity_id)
    form = form_of_entity(overview, request.POST if request.method == "POST" else None)
    back = reverse("web:entity", args=[entity_id])
    entity = overview.entity
    context = {"form": form, "subject": entity.text, "entity": entity, "back": back}
    if form.is_valid():
        return _make(request, context, {**_name_of(entity), **form.fields_of_watch()})
    return _form(request, context)


def _name_of(entity: StoredEntity) -> dict[str, str]:
    """Return a name and label that lead to the entity; an alias may show it with another text."""
    shown = entity_id(family(entity.label), entity_key(entity.text))
    return {"name": entity.text if shown == entity.id else entity.key, "label": entity.label}


@account_page
def watch_publication(request: HttpRequest, pub_id: str) -> HttpResponseBase:
    """Show the form to watch a publication; on POST make the watch."""
    found = reader_of(request).publication_by_id(pub_id)
    if found is None:
        raise Http404
    form = form_of_publication(request.POST if request.method == "POST" else None)
    back = reverse("web:publication", args=[pub_id])
    context = {"form": form, "subject": found.name, "back": back}
    if form.is_valid():
        return _make(request, context, {**form.fields_of_watch(), "publication": found.name})
    return _form(request, context)


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    status = HTTPStatus.BAD_REQUEST if context["form"].is_bound else HTTPStatus.OK
    return render(request, "web/watch.html", context, status=status)


def _make(
    request: HttpRequest, context: dict[str, Any], fields: dict[str, Any]
) -> HttpResponseBase:
    """Make a watch of the account, unless it has the same one, and show its watches."""
    own = Watch.objects.filter(account_id=request.user.pk)
    row = own.filter(**fields).first()
    if row is None:
        if own.count() >= MAX_WATCHES:
            context["form"].add_error(None, f"An account may have at most {MAX_WATCHES} watches.")
            return _form(request, context)
        row = Watch.objects.create(account_id=request.user.pk, **fields)
        _record(request, audit.Action.ADD, row)
    return redirect(f"{reverse('web:watches')}?made={row.pk}")


@account_page
def watches(request: HttpRequest) -> HttpResponseBase:
    """Show the account's watches and what they told; on POST end one, or change an address."""
    own = Watch.objects.filter(account_id=request.user.pk).select_related("account")
    if request.method == "POST":
        return _change(request, request.POST.get("do", ""))
    rows = list(own.order_by("-pk"))
    told = [(event, row) for row in rows for event in readable_events(row)]
    told.sort(key=lambda pair: pair[0].at, reverse=True)
    made = request.GET.get("made", "")
    context = {
        "watches": [(row, in_words(row)) for row in rows],
        "told": [_told(event.data, event.at, row) for event, row in told[:ENTRIES]],
        "made": next((in_words(row) for row in rows if str(row.pk) == made), None),
        "has_secret_feeds": needs_secret(request),
    }
    return render(request, "web/watches.html", context)


def _change(request: HttpRequest, what: str) -> HttpResponseBase:
    own = Watch.objects.filter(account_id=request.user.pk)
    if what == "move_feeds":
        FeedAddress.objects.filter(account_id=request.user.pk).update(address=new_address())
    elif what in ("stop", "move"):
        number = request.POST.get("watch", "")
        row = get_object_or_404(own, pk=int(number) if number.isdecimal() else None)
        if what == "stop":
            row.delete()
            _record(request, audit.Action.DELETE, row)
        else:
            own.filter(pk=row.pk).update(address=new_address())
    else:
        raise Http404
    return redirect("web:watches")


def _record(request: HttpRequest, action: audit.Action, row: Watch) -> None:
    audit.record(audit.Actor(request.user.get_username(), audit.Via.ADMIN), action, f"watch {row}")


def _told(data: dict[str, Any], at: Any, row: Watch) -> dict[str, Any]:
    return {
        "title": event_title(data),
        "url": data.get("url"),
        "post": data["id"],
        "publication": data["publication"],
        "sentence": data.get("sentence"),
        "at": at,
        "why": in_words(row),
    }


def in_words(watch: Watch) -> str:
    """Return what a watch waits for, in plain words."""
    where = f" in {watch.publication}" if watch.publication and watch.name else ""
    subject = watch.name or watch.publication
    mention = f"{'mentions' if watch.condition in ('any', 'first') else 'mention'} {subject}"
    posts = f"that {mention}{where}" if watch.name else f"of {subject}"
    window = dict(WINDOWS).get(watch.hours, f"{watch.hours} hours")
    match watch.condition:
        case Watch.Condition.FIRST:
            return f"The first post {posts}"
        case Watch.Condition.MORE:
            return f"More than {watch.more_than} posts {posts} within {window}"
        case Watch.Condition.RISING:
            return f"{watch.name or 'A name'} rises{where or f' in {subject}' * (not watch.name)}"
    return f"Every post {posts}"
