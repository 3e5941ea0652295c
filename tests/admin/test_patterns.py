"""Patterns in the admin."""

import pytest
from django.test import Client

from ingest.models import Pattern, PatternSet
from ingest.nlp.patterns import try_pattern
from ingest.operations.rule_versions import newest_patterns

pytestmark = pytest.mark.django_db


PATTERN = {"label": "ORG", "pattern": '[{"LOWER":"deutsche"},  {"LOWER":"bahn"}]'}


def test_a_pattern_is_made_and_deleted_and_each_makes_a_version(operator: Client) -> None:
    page = operator.post("/admin/ingest/pattern/add/", PATTERN, follow=True).content.decode()
    assert "manage.py reprocess" in page
    assert newest_patterns().version_if_any == 1
    assert newest_patterns().patterns == (("ORG", [{"LOWER": "deutsche"}, {"LOWER": "bahn"}]),)
    chosen = {"_selected_action": [Pattern.objects.get().pk], "post": "yes"}
    operator.post("/admin/ingest/pattern/", {"action": "delete_selected", **chosen})
    assert (newest_patterns().version, newest_patterns().version_if_any) == (2, None)
    assert "version 1, 1 patterns" in operator.get("/admin/ingest/patternset/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("pattern", "[{]", "not a JSON list"),
        ("pattern", "4711", "Is not a name"),
        ("pattern", "Bahn", "This pattern exists already"),
        ("label", "DATE", "not one of the available choices"),
    ],
)
def test_an_invalid_pattern_is_refused(
    operator: Client, monkeypatch: pytest.MonkeyPatch, field: str, value: str, problem: str
) -> None:
    monkeypatch.setattr(
        "ingest.models.curation.problem_of", try_pattern
    )  # without a process for each
    Pattern.objects.create(label="ORG", pattern="Bahn")
    posted = {"label": "PLACE", "pattern": "Oslo", field: value}
    page = operator.post("/admin/ingest/pattern/add/", posted).content.decode()
    assert problem in page
    assert f'id="id_{field}_error"' in page
    assert not PatternSet.objects.exists()
