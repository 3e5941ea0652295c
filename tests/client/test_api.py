"""The client: its types are those of the API, it waits as told, and it reads page after page."""

import re
import subprocess
import sys
import time
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import BaseModel
from pytest_django.live_server_helper import LiveServer

from ingest.api import schemas
from ingest.api.analysis.schemas import PostItem
from ingest.client import ApiClient, ApiError, answers
from ingest.client import api as client_api
from ingest.core.entity_names import entity_id
from ingest.models import ApiKey, Scope
from ingest.process.installation import ROOT
from ingest.store import open_store
from tests.support.factories import entity, with_entities
from tests.support.unavailable import unavailable

# What the API describes, for each of the client's types.
DESCRIBED: dict[type, tuple[type[BaseModel], ...]] = {
    answers.ApiFieldError: (schemas.FieldError,),
    answers.ApiResult: (
        schemas.AcceptedResult,
        schemas.DuplicateResult,
        schemas.RefusedResult,
    ),
    answers.ApiPostEntity: (schemas.PostEntity,),
    answers.ApiPostState: (
        schemas.SavedPost,
        schemas.QueuedPost,
        schemas.DeadPost,
        schemas.DeletedPost,
        schemas.ForgottenPost,
    ),
    answers.ApiFailedPost: (schemas.FailedPost,),
    answers.ApiStatus: (schemas.PipelineStatus,),
    answers.ApiLimits: (schemas.RequestLimits,),
    answers.ApiPublication: (schemas.PublicationItem,),
    answers.ApiEntity: (schemas.EntityItem,),
    answers.ApiNamePublication: (schemas.NamePublication,),
    answers.ApiFoundEntity: (schemas.FoundEntity,),
    answers.ApiPost: (PostItem,),
    answers.ApiPassage: (schemas.SnippetParts,),
    answers.ApiMention: (schemas.MentioningPost,),
}


@pytest.mark.parametrize("typed", DESCRIBED, ids=lambda typed: typed.__name__)
def test_a_type_has_the_fields_that_the_api_describes(typed: Any) -> None:
    described = [set(model.model_fields) for model in DESCRIBED[typed]]
    assert set(typed.__annotations__) == set.union(*described)
    assert set(typed.__required_keys__) == set.intersection(*described)


def test_every_type_is_compared_with_the_api() -> None:
    assert {name for name in vars(answers) if name.startswith("Api")} == {
        typed.__name__ for typed in DESCRIBED
    }


@pytest.fixture
def client(live_server: LiveServer) -> ApiClient:
    """Return a client of a server in this process."""
    _, secret = ApiKey.create("client", scopes=list(Scope.values))
    return ApiClient(live_server.url, secret)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return how long the client waited each time; nobody does."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_broker", "sql_store", "forgotten_keys"),
]


def test_lists_are_read_page_by_page(client: ApiClient) -> None:
    posts = [
        with_entities(f"{n:032}", [entity("Obama"), entity(f"Name {n}")], publication="A/B")
        for n in range(150)
    ]
    open_store().add(posts)
    assert [publication["name"] for publication in client.publications()] == ["A/B"]
    entities = list(client.entities("A/B"))
    assert (len(entities), entities[0]["mentions"]) == (151, 150)
    assert len({post["id"] for post in client.posts("A/B")}) == 150
    obama = entity_id("PERSON", "obama")
    assert len({post["id"] for post in client.mentions(obama)}) == 150
    assert client.search("oba")[0]["id"] == obama


def test_the_next_page_is_read_when_it_is_needed(
    client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store().add([with_entities("1", [entity(f"Name {n}") for n in range(150)])])
    asked: list[str] = []
    ask = ApiClient._ask

    def note(self: ApiClient, method: str, path: str, **options: Any) -> Any:
        asked.append(path)
        return ask(self, method, path, **options)

    monkeypatch.setattr(ApiClient, "_ask", note)
    entities = client.entities("The Gazette")
    assert asked == []
    next(entities)
    assert len(asked) == 1


def test_a_post_is_sent_found_and_deleted(client: ApiClient) -> None:
    post = {"publication": "The Gazette", "content": "Obama."}
    accepted, refused = client.submit([post, {"content": "Oslo."}])
    assert (accepted["status"], refused["status"]) == ("accepted", "refused")
    assert refused["errors"][0]["pointer"] == "/1/publication"
    assert client.delete(accepted["id"])["status"] == "deleted"
    assert client.post(accepted["id"])["deleted_at"]
    (failed,) = client.failed_posts("refused")
    assert failed["errors"] == refused["errors"]


def test_a_patient_client_comes_again_when_the_server_says(
    client: ApiClient, live_server: LiveServer, pauses: list[float]
) -> None:
    with unavailable(live_server.url, {"/api/status": 2}) as (url, left):
        key = client.headers["Authorization"].removeprefix("Bearer ")
        assert ApiClient(url, key, patience_seconds=60).status()["writable"]
        assert left.total() == 0
    assert [1 <= pause <= 1.2 for pause in pauses] == [True, True]  # its Retry-After is 1


def test_a_client_has_no_patience_unless_it_is_given_some(
    client: ApiClient, live_server: LiveServer, pauses: list[float]
) -> None:
    with unavailable(live_server.url, {"/api/status": 9}) as (url, _):
        for patience in (0, 0.5):
            with pytest.raises(ApiError) as refusal:
                ApiClient(url, "ing_x", patience_seconds=patience).status()
            assert refusal.value.status == 503
    assert pauses == []


def answered(status: int, **headers: str) -> ApiError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    response._content = b""
    return ApiError(response)


@pytest.mark.parametrize(
    ("error", "failures", "least"),
    [
        (answered(503, **{"Retry-After": "40"}), 0, 40),
        (answered(429, **{"Retry-After": "7"}), 9, 7),
        (answered(409, **{"Retry-After": "1"}), 0, 1),
        (answered(503), 3, 8),
        (answered(500), 0, 1),
        (requests.ConnectionError(), 9, client_api.MAX_PAUSE_SECONDS),
        (requests.Timeout(), 1, 2),
        (answered(422), 0, None),
        (answered(401), 0, None),
        (answered(302), 0, None),
        (requests.exceptions.InvalidURL(), 0, None),
    ],
)
def test_only_what_may_succeed_later_is_repeated(
    error: ApiError | requests.RequestException, failures: int, least: float | None
) -> None:
    pause = client_api.seconds_until_repetition(error, failures)
    assert (pause is None) == (least is None)
    if pause is not None and least is not None:
        assert least <= pause <= 1.2 * least


def test_a_wrong_key_is_told_at_once(live_server: LiveServer, pauses: list[float]) -> None:
    began = time.monotonic()
    with pytest.raises(ApiError) as refusal:
        ApiClient(live_server.url, "ing_wrong", patience_seconds=600).status()
    assert (refusal.value.status, pauses) == (401, [])
    assert time.monotonic() - began < 600


def test_it_needs_only_what_its_extra_names(tmp_path: Path) -> None:
    """Its packages are in a folder, and Python sees no other."""
    locked = (ROOT / "requirements" / "client.txt").read_text("utf-8")
    for name in re.findall(r"^([a-z0-9-]+)==", locked, re.M):
        packages = {file.parts[0] for file in distribution(name).files or () if len(file.parts) > 1}
        for package in packages - {".."}:
            (tmp_path / package).symlink_to(str(distribution(name).locate_file(package)))
    (tmp_path / "ingest").symlink_to(ROOT / "ingest")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import ingest.client; print('ok')"
    alone = [sys.executable, "-I", "-S", "-c", code]
    assert subprocess.check_output(alone, text=True) == "ok\n"
