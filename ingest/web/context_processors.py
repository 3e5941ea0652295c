"""What every page's template may ask for."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ingest.broker.admission import get_admission
from ingest.broker.admission.base import Backlog
from ingest.broker.connection import BrokerUnavailable


def intake_state(_request: HttpRequest) -> dict[str, Any]:
    """Tell templates that ask whether posts come in: pages say so when they do not."""
    return {"pages_need_login": settings.PAGES == "login", "intake": _Intake()}


class _Intake:
    """The gate, looked at only by a template that asks."""

    @property
    def backlog(self) -> Backlog | None:
        """What is left to do while no posts are taken in; None while they are."""
        gate = get_admission()
        return None if gate.is_writable() else gate.backlog()

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
