"""Answers that several pages give: to wrong filters, and at the address of a merged name."""

from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from ingest.operations.permalinks import successor_of


def bad_filters(request: HttpRequest, errors: dict[str, str]) -> HttpResponseBase:
    """Answer 400, and say what is wrong with each filter."""
    return render(request, "400.html", {"errors": errors}, status=HTTPStatus.BAD_REQUEST)


def moved(request: HttpRequest, route: str, entity_id: str) -> HttpResponseBase:
    """
    Lead from a name that an alias merged into another one to the page of that one.

    Raises:
        Http404: no alias merged it, or a form was sent, which a redirect would lose.
    """
    successor = successor_of(entity_id)
    if successor is None or request.method == "POST":
        raise Http404
    query = f"?{request.GET.urlencode()}" if request.GET else ""
    return redirect(reverse(route, args=[successor]) + query)
