"""Who may look at the pages, what a page may load, and what is shown when the store is away."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ingest.store.base import StoreUnavailable

RETRY_AFTER_SECONDS = 5  # seconds

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """Let a view be looked at by those who may, and answer with a page when the store is away."""

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.PAGES == "login" and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        try:
            return view(request, *args, **kwargs)
        except StoreUnavailable:
            return _store_unavailable(request)

    return guarded


def _store_unavailable(request: HttpRequest) -> HttpResponseBase:
    response = render(request, "web/away.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
