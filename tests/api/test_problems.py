"""The types of problems: each leads to a page, and none that wants another reaction shares one."""

import re
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError
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
