"""The pages on which an editor corrects a name, follows the correction, and takes it back."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from ingest.analytics.entity_overview import EntityOverview, read_entity_overview
from ingest.core.entity_names import common_label, entity_id
from ingest.core.kind_names import kind_choices
from ingest.core.posts import publication_key
from ingest.models import Alias, AliasBackfill, ReadLimit
from ingest.operations import corrections
from ingest.operations.audit import Actor, Via
from ingest.operations.corrections import NameCounts
from ingest.store.base import StoreReader
from ingest.web.decorators import editor_page, reader_of
from ingest.web.responses import moved


@editor_page
def correct(request: HttpRequest, entity_id: str) -> HttpResponseBase:
    """Show what can be corrected of a name; on POST preview a correction, then make it."""
    publication = request.GET.get("publication")
    store = reader_of(request)
    overview = read_entity_overview(store, entity_id, publication_id=publication)
    if overview is None:
        return moved(request, "web:correct", entity_id)
    context = _context(request, store, overview)
    if request.method != "POST":
        return render(request, "web/correct.html", context)
    alias = _alias(request, store, overview)
    try:
        _refuse_what_is_not_read(request, alias)
        alias.clean()
        corrections.refuse_useless(alias)
    except ValidationError as error:
        context["errors"] = error.messages
        return render(request, "web/correct.html", context, status=HTTPStatus.BAD_REQUEST)
    if "confirmed" in request.POST:
        backfill = corrections.correct(alias, _actor(request))
        return redirect(f"{reverse('web:correction', args=[backfill.pk])}?alias={alias.pk}")
    return render(request, "web/correct_preview.html", context | _preview(request, store, alias))


def _context(request: HttpRequest, store: StoreReader, overview: EntityOverview) -> dict[str, Any]:
    only = overview.narrowed_to
    searched = request.GET.get("q", "").strip()
    found = corrections.search(store, searched, only, but=overview.entity.id) if searched else []
    return {
        "entity": overview.entity,
        "overview": overview,
        "publication": only,
        "searched": searched,
        "found": found,
        "kinds": kind_choices(map(common_label, settings.LABELS)),
    }


def _alias(request: HttpRequest, store: StoreReader, overview: EntityOverview) -> Alias:
    """Return the correction that a form describes."""
    only, entity = overview.narrowed_to, overview.entity
    alias = corrections.existing((entity.family, entity.key), only.name if only else "")
    alias.state = Alias.State.ACCEPTED
    alias.label, alias.name = entity.label, entity.text
    alias.becomes, alias.becomes_label = _becomes(request, store, entity.text)
    return alias


def _becomes(request: HttpRequest, store: StoreReader, text: str) -> tuple[str, str]:
    """Return the text and the label that a form gives to a name; "" as the text hides it."""
    match request.POST.get("do"):
        case "merge":
            into = corrections.read_counts(store, request.POST.get("into", ""))
            if into is None:
                raise Http404
            return into.text, into.label
        case "rename":
            return request.POST.get("becomes", "").strip() or text, ""
        case "kind":
            return text, request.POST.get("label", "")
        case "hide":
            return "", ""
    raise Http404


def _preview(request: HttpRequest, store: StoreReader, alias: Alias) -> dict[str, Any]:
    target = alias.target
    before = corrections.read_counts(store, entity_id(*alias.entity), alias.publication)
    other: NameCounts | None = None
    if target and target.name(alias.entity) != alias.entity:
        other = corrections.read_counts(
            store, entity_id(*target.name(alias.entity)), alias.publication
        )
    return {
        "alias": alias,
        "before": before,
        "other": other,
        "sum": (before.mentions if before else 0) + (other.mentions if other else 0),
        "posted": {name: request.POST.get(name, "") for name in ("do", "into", "becomes", "label")},
    }


@editor_page
def correction(request: HttpRequest, backfill_id: int) -> HttpResponseBase:
    """Show how far a correction is applied to saved posts."""
    backfill = get_object_or_404(AliasBackfill, pk=backfill_id)
    number = request.GET.get("alias", "")
    alias = Alias.objects.filter(pk=number).first() if number.isdecimal() else None
    target = alias.target if alias else None
    new = entity_id(*target.name(alias.entity)) if alias and target else None
    context = {"backfill": backfill, "alias": alias, "new": new}
    return render(request, "web/correction.html", context)


@editor_page
def undo(request: HttpRequest, alias_id: int) -> HttpResponseBase:
    """Take a correction back."""
    alias = get_object_or_404(Alias, pk=alias_id)
    try:
        _refuse_what_is_not_read(request, alias)
    except ValidationError as error:
        raise PermissionDenied from error
    if request.method != "POST":
        return redirect("web:front")
    backfill = corrections.undo(alias, _actor(request))
    return redirect("web:correction", backfill.pk)


def _refuse_what_is_not_read(request: HttpRequest, alias: Alias) -> None:
    """Refuse to change publications that the account may not read."""
    limit = {publication_key(name) for name in ReadLimit.of(request.user)}
    if limit and publication_key(alias.publication) not in limit:
        raise ValidationError(
            "Your account reads only some publications. Correct the name in one of them."
        )


def _actor(request: HttpRequest) -> Actor:
    return Actor(request.user.get_username(), Via.ADMIN)
