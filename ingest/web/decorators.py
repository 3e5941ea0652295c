"""The decorator of every page: the login, and the page for an unavailable store."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from ingest.models import ReadLimit
from ingest.store import open_reader
from ingest.store.base import StoreReader, StoreUnavailable
from ingest.store.deadline import answer_within

RETRY_AFTER_SECONDS = 5

View = Callable[..., HttpResponseBase]


def page(view: View) -> View:
    """
    Require a login if the settings do, and answer 503 if the store is unavailable.

    A store that does not answer in time is unavailable too.
    """
    return _guarded(view, limit=lambda: answer_within(settings.PAGE_SECONDS))


def download(view: View) -> View:
    """Guard a view as `page` does; a file may take as long as the store's own limit."""
    return _guarded(view, limit=nullcontext)


def _guarded(view: View, *, limit: Callable[[], AbstractContextManager[None]]) -> View:

    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.PAGES == "login" and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        try:
            with limit():
                return view(request, *args, **kwargs)
        except StoreUnavailable:
            return _store_unavailable(request)

    return guarded


def editor_page(view: View) -> View:
    """Require an account that may change aliases, and answer 503 if the store is unavailable."""
    return _for_accounts(view, permission="ingest.change_alias")


def account_page(view: View) -> View:
    """Require any account, also where pages are public; answer 503 without the store."""
    return _for_accounts(view, permission=None)


def _for_accounts(view: View, *, permission: str | None) -> View:

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if permission and not request.user.has_perm(permission):
            raise PermissionDenied
        try:
            return view(request, *args, **kwargs)
        except StoreUnavailable:
            return _store_unavailable(request)

    return guarded


def reader_of(request: HttpRequest) -> StoreReader:
    """Return what a page reads from: it shows only what the account may read."""
    return open_reader(ReadLimit.of(request.user))


def _store_unavailable(request: HttpRequest) -> HttpResponseBase:
    response = render(request, "web/unavailable.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
