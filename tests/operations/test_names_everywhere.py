"""A name is found everywhere and erased; counts stay exact, and it does not come back."""

import pytest
from django.core.management import call_command

from ingest.models import Alias, AuditEntry
from ingest.operations.rule_versions import newest_rules
from ingest.store import open_store
from ingest.worker.steps import save_batch
from tests.support.dead_letters import make_dead_letters
from tests.support.factories import NOON, entity, with_entities
from tests.support.stores import mentions

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("empty_broker", "sql_store"),
]


def test_a_name_is_erased_from_posts_counts_and_what_was_forgotten(
    capsys: pytest.CaptureFixture[str],
) -> None:
    posts = [
        with_entities("1", [entity("John Doe", 2), entity("Oslo", label="GPE")]),
        with_entities("2", [entity("John Doe", 5)]),
        with_entities("3", [entity("Oslo", label="GPE")]),
    ]
    about = posts[0].model_copy(update={"title": "On JOHN DOE", "content": "John Doe is here."})
    hidden = posts[2].model_copy(update={"found": (entity("john doe"), *posts[2].entities)})
    open_store().add([about, posts[1], hidden])
    open_store().forget([posts[1].post_id], at=NOON)
    make_dead_letters("John Doe died.")
    call_command("forget", "--name", "John Doe")
    found = capsys.readouterr().out
    assert "2 posts of The Gazette" in found
    assert "1 counts of forgotten posts of The Gazette" in found
    assert "1 dead letters" in found
    call_command("forget", "--name", "John Doe", "--erase")
    told = capsys.readouterr().out
    assert "2 posts changed" in told
    assert "What remains" in told
    assert mentions(open_store(), "The Gazette") == {"oslo": (2, 2)}
    post = open_store().post(about.post_id)
    assert post is not None
    assert (post.title, post.content, len(post.entities)) == (None, "", 1)
    assert not open_store().recount("The Gazette").diff
    newest_rules()
    save_batch([with_entities("4", [entity("John Doe")])])
    assert mentions(open_store(), "The Gazette") == {"oslo": (2, 2)}
    assert Alias.objects.get().becomes == ""
    assert not AuditEntry.objects.filter(detail__contains="Doe").exists()
