"""The types of problems: each leads to a page, and none that wants another reaction shares one."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from rest_framework.exceptions import APIException

from ingest.api.errors import (
    TYPES,
    BadRequestBody,
    Conflict,
    InProgress,
    LengthRequired,
    problem_of,
    to_api_exception,
)
from ingest.broker.admission.base import IntakePaused, QueueFull
from ingest.broker.connection import BrokerUnavailable
from ingest.core.problem_types import ProblemType
from ingest.store.base import StoreUnavailable
from tests.support.clients import keyed

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "errors.md"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (QueueFull("live", 10), ProblemType.QUEUE_FULL),
        (IntakePaused(), ProblemType.INTAKE_PAUSED),
        (BrokerUnavailable(), ProblemType.BROKER_AWAY),
        (StoreUnavailable(), ProblemType.STORE_AWAY),
        (OperationalError(), ProblemType.DATABASE_AWAY),
        (InterfaceError(), ProblemType.DATABASE_AWAY),
        (BadRequestBody(), ProblemType.UNREADABLE_BODY),
        (LengthRequired(), ProblemType.NO_LENGTH),
        (InProgress(), ProblemType.IN_PROGRESS),
        (Conflict(), ProblemType.CONFLICT),
    ],
)
def test_a_problem_tells_what_is_away(error: Exception, expected: ProblemType) -> None:
    api_error = to_api_exception(error)
    assert isinstance(api_error, APIException)
    assert problem_of(api_error)["type"] == f"/problems/{expected}"


@pytest.mark.parametrize("problem_type", ProblemType)
def test_each_type_leads_to_its_page(problem_type: ProblemType) -> None:
    page = Client().get(problem_type.address)
    assert page.status_code == 200
    assert f"<h1>{problem_type}</h1>" in page.content.decode()
    assert problem_type.advice


def test_no_other_name_has_a_page() -> None:
    assert Client().get("/problems/nothing").status_code == 404


def test_the_documented_types_are_those_of_the_code() -> None:
    documented = re.findall(r"^\| \d{3} \| `([a-z-]+)` \|", DOCUMENT.read_text(), re.M)
    assert sorted(documented) == sorted(ProblemType)
    assert len(set(TYPES.values())) == len(TYPES)


def until_refused(answers: Iterable[Any]) -> list[Any]:
    """Return the answers up to the first that is not a success."""
    found: list[Any] = []
    for answer in answers:
        found.append(answer)
        if answer.status_code not in (200, 201, 302):
            break
    return found


@pytest.fixture
def fill() -> Iterator[Callable[[], None]]:
    """Return what makes the database of this process one that no page can be added to."""

    def limit(pages: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {pages}")

    yield lambda: limit(1)  # SQLite takes the number of pages that there are
    limit(2**31)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys")
def test_a_full_database_is_answered_with_503(operator: Client, fill: Callable[[], None]) -> None:
    api = keyed(["read", "operate"])
    assert api.get("/api/limits").status_code == 200  # the key is known
    publications = [f"{number} " + "x" * 190 for number in range(20)]
    operator.raise_request_exception = False
    fill()

    def keep_group(number: int) -> Any:
        group = json.dumps({"name": f"Group {number}", "publications": publications})
        return api.put(f"/api/groups/{number}", group, content_type="application/json")

    def add_role(number: int) -> Any:
        forms = {"read_limit-TOTAL_FORMS": "0", "read_limit-INITIAL_FORMS": "0"}
        return operator.post("/admin/auth/group/add/", {**forms, "name": f"{number:0100}"})

    for change in (keep_group, add_role):
        # The last pages have room for some rows.
        answers = until_refused(change(number) for number in range(100))
        assert answers[-1].status_code == 503
        assert int(answers[-1]["Retry-After"]) > 0
