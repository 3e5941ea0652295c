"""Variables for every page's template."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ingest.broker.admission import get_admission
from ingest.broker.admission.base import UNAVAILABLE
from ingest.broker.connection import BrokerUnavailable


def intake_state(_request: HttpRequest) -> dict[str, Any]:
    """Return whether pages need a login, and the intake, which is read only if a page asks."""
    return {
        "pages_need_login": settings.PAGES == "login",
        "oidc": settings.OIDC_URL,
        "intake": _Intake(),
    }


class _Intake:
    """The state of the intake, read when a template asks for it."""

    @property
    def state(self) -> dict[str, Any]:
        """Return the state's name and, while the intake is paused, the messages that are left."""
        admission = get_admission()
        try:
            if admission.is_writable():  # cheaper than the backlog, and enough for most page views
                return {"name": "open"}
            backlog = admission.backlog()
        except BrokerUnavailable:
            return {"name": UNAVAILABLE}
        return {"name": backlog.state(settings.QUEUE_LIMIT), "messages": backlog.messages}
