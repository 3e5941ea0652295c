"""The decorator of every page: the login, and the page for an unavailable store."""

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

RETRY_AFTER_SECONDS = 5

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """Require a login if the settings do, and answer 503 if the store is unavailable."""

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
    response = render(request, "web/unavailable.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
