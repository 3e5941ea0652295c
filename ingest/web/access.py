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

from ingest.broker import BrokerUnavailable
from ingest.gate import Backlog, the_gate
from ingest.store import StoreUnavailable

# Everything comes from here, and nothing is written into a page that runs: a name that slips
# through unescaped is still no script.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

RETRY_AFTER = 5  # seconds

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
            return _away(request)

    return guarded


def _away(request: HttpRequest) -> HttpResponseBase:
    response = render(request, "web/away.html", status=HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = str(RETRY_AFTER)
    return response


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Send the policy with every page, the admin's and the errors' too; the API has none."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path.startswith("/api/"):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def intake(_request: HttpRequest) -> dict[str, Any]:
    """Tell templates that ask whether posts come in: pages say so when they do not."""
    return {"pages_need_login": settings.PAGES == "login", "intake": _Intake()}


class _Intake:
    """The gate, looked at only by a template that asks."""

    @property
    def backlog(self) -> Backlog | None:
        """What is left to do while no posts are taken in; None while they are."""
        gate = the_gate()
        return None if gate.is_open() else gate.backlog()

    @property
    def state(self) -> dict[str, Any]:
        """Return the one state there is: open, draining, drained or silent."""
        try:
            backlog = self.backlog
        except BrokerUnavailable:
            return {"name": "silent"}
        if backlog is None:
            return {"name": "open"}
        name = "drained" if backlog.drained else "draining"
        return {"name": name, "messages": backlog.messages}
