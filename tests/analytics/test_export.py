"""Exports show one time, or break off."""

from datetime import timedelta

import pytest

from ingest.analytics import entity_list, export
from ingest.analytics.entity_list import EntityQuery
from ingest.analytics.table_formats import ExportFormat
from ingest.store.firestore.store import FirestoreStore
from ingest.store.sql.store import SqlStore
from tests.support.factories import entity, with_entities


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_an_export_never_goes_on_with_another_time(
    firestore: FirestoreStore, monkeypatch: pytest.MonkeyPatch, format_: ExportFormat
) -> None:
    monkeypatch.setattr(export, "MAX_LIMIT", 1)  # ten entities a page
    firestore.add([with_entities("1", [entity(f"Name {n}") for n in range(25)])])
    publication = firestore.publication("The Gazette")
    assert publication
    lines = iter(export.export(firestore, publication, EntityQuery(), format_))
    assert next(lines)
    firestore.add([with_entities("2", [entity(f"Name {n}") for n in range(50)])])
    monkeypatch.setattr(entity_list, "SNAPSHOT_LIFETIME", timedelta(0))
    with pytest.raises(export.ExportExpired):
        list(lines)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("format_", ["csv", "json", "parquet"])
def test_an_export_that_its_client_leaves_keeps_no_time(
    sql: SqlStore, format_: ExportFormat
) -> None:
    sql.add([with_entities("1", [entity("Berlin")])])
    publication = sql.publication("The Gazette")
    assert publication
    answers = []
    for _ in range(2):  # a second transaction in the first one would be an error
        answers.append(export.export(sql, publication, EntityQuery(), format_))
        answers[-1].close()
    assert len(answers) == 2
