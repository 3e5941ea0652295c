"""This version goes on with what the last one left: its databases, messages and documents."""

import base64
import json
import tarfile
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from google.cloud.firestore_v1 import Client

from ingest.client import ApiClient
from ingest.core.posts import Post
from ingest.devstack import demo
from ingest.devstack.stack import Stack
from ingest.store.firestore.store import FirestoreStore
from tests.harness.state_of_version import POSTS
from tests.support.factories import entity, with_entities
from tests.support.processes import end
from tests.support.stores import mentions

LAST_VERSION = Path(__file__).parent.parent / "data" / "0.1.0"


def test_a_stack_goes_on_with_the_state_folder_of_the_last_version(tmp_path: Path) -> None:
    with tarfile.open(LAST_VERSION / "state.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    stack = Stack(tmp_path, {"INGEST_STORE": "sql", "INGEST_EXTRACT_CONCURRENCY": "1"})
    client = ApiClient(stack.url, (tmp_path / "key").read_text())
    try:
        stack.start()
        demo.await_empty(client)
        saved, *_, dead = POSTS
        demo.submit(client, [saved])  # it counts already
        demo.await_empty(client)
        assert client.status()["dead_letters"] == 1
        demo.submit(client, [dead | {"language": "en"}])
        demo.await_empty(client)
        assert client.status()["dead_letters"] == 0
        (publication,) = client.publications()
        assert publication["posts"] == len(("saved", "edited", "queued", "extracted", "dead"))
        stored = client.post(Post(**saved).post_id)
        assert stored["status"] == "saved"
        counts = {entity["key"]: entity["posts"] for entity in client.entities("The Gazette")}
        assert counts["barack obama"] == 5
        assert "oslo" not in counts  # the post was edited
        stack.manage("recount")  # fails if a counter differs
    finally:
        end(stack)


def test_the_documents_of_the_last_version_are_read_and_counted_in(
    firestore: FirestoreStore, firestore_client: Client
) -> None:
    _write_documents(firestore_client)
    found = [entity("Barack Obama", 2), entity("Oslo", label="GPE")]
    same, deleted, new = (with_entities(name, found) for name in ("1", "3", "4"))
    # That version did not keep the publisher's own id.
    assert firestore.post(same.post_id) == same.model_copy(update={"own_id": None})
    assert firestore.get_record(deleted.post_id).post is None
    publication = firestore.publication("The Gazette")
    assert publication
    assert (publication.posts, publication.summary) == (2, "{}")
    assert firestore.add([same, deleted, new]) == 1
    assert mentions(firestore, "The Gazette") == {"barack obama": (6, 3), "oslo": (3, 3)}
    assert firestore.recount("The Gazette").diff.posts == 0


def test_a_repair_lets_posts_of_the_last_version_be_forgotten(
    firestore: FirestoreStore, firestore_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("commands.recount", "arguments"):
        monkeypatch.setattr(f"ingest.management.{module}.open_store", lambda: firestore)
    _write_documents(firestore_client)
    edited = with_entities("1").post_id
    assert firestore.posts_before("2030-01-01", limit=9) == []
    for line in ("2 posts of earlier versions can be forgotten", ""):
        out = StringIO()
        with pytest.raises(SystemExit) as end:
            call_command("recount", "--repair", stdout=out)
        assert end.value.code == 0
        assert line in out.getvalue()
    assert "can be forgotten" not in out.getvalue()
    assert len(firestore.posts_before("2030-01-01", limit=9, with_text=True)) == 2
    assert firestore.posts_before("2026-05-04", limit=9) == []
    assert firestore.revise([edited], lambda post: post.model_copy(update={"content": ""})) == 1
    found = firestore.posts_before("2026-05-05", limit=9)
    assert len(found) == 2
    assert firestore.forget(found, at=datetime(2026, 6, 1, tzinfo=UTC)) == 2
    assert mentions(firestore, "The Gazette") == {"barack obama": (4, 2), "oslo": (2, 2)}
    assert not firestore.recount("The Gazette").diff


def test_a_post_that_another_writer_changes_meanwhile_keeps_the_change(
    firestore: FirestoreStore, firestore_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_documents(firestore_client)
    edit = with_entities("1", [entity("Obama")], accepted_at=datetime(2026, 5, 6, tzinfo=UTC))
    write_option = firestore_client.write_option

    def edited_meanwhile(**options: Any) -> Any:
        firestore.add([edit])
        return write_option(**options)

    monkeypatch.setattr(firestore_client, "write_option", edited_meanwhile)
    assert firestore.index_posts("The Gazette") == 1
    assert firestore.post(edit.post_id) == edit.model_copy(
        update={"first_accepted_at": with_entities("1").accepted_at}
    )
    assert len(firestore.posts_before("2030-01-01", limit=9)) == 2


def _write_documents(client: Client) -> None:
    documents = json.loads((LAST_VERSION / "documents.json").read_text(), object_hook=_of_json)
    for path, fields in documents.items():
        client.document(path).set(fields)


def _of_json(value: dict[str, Any]) -> Any:
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    return datetime.fromisoformat(value["$time"]) if "$time" in value else value
