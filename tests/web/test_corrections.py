"""An editor corrects a name on its page."""

import re
from http import HTTPStatus
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client

from ingest.core.entity_names import entity_id
from ingest.core.posts import publication_id
from ingest.models import Alias, AliasBackfill, AuditEntry, ReadLimit
from ingest.operations import alias_backfill
from ingest.operations.rule_versions import current_rules, forget
from ingest.store import open_store
from ingest.store.base import EntityFilter, KeyCursor
from tests.support.factories import entity, with_entities
from tests.support.stores import mentions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_broker", "opened_store")]

ODIN, WODAN = entity_id("PERSON", "odin"), entity_id("PERSON", "wodan")


@pytest.fixture
def editor() -> Client:
    """Return a client that is logged in as an editor, with posts in two publications."""
    import_module("ingest.migrations.0002_roles").make_roles(apps, connection.schema_editor())
    account = User.objects.create_user("edith")
    account.groups.set(Group.objects.filter(name="editor"))
    client = Client()
    client.force_login(account)
    both = [entity("Odin", 2), entity("Wodan")]
    open_store().add([with_entities(str(n), both) for n in range(3)])
    open_store().add([with_entities("x", both, publication="Other")])
    return client


def run_backfill() -> AliasBackfill:
    """Apply the newest correction to saved posts, as the save workers do; all counts are exact."""
    backfill = AliasBackfill.objects.latest("pk")
    while not backfill.ended_at:
        alias_backfill.take_step(backfill.pk)
        backfill.refresh_from_db()
    forget()
    for publication in open_store().publications():
        assert not open_store().recount(publication.name).diff
    return backfill


def correct(client: Client, form: dict[str, str], *, only: str = "") -> str:
    """Preview a correction of Odin, then make it; return the page that follows it."""
    address = f"/entities/{ODIN}/correct"
    address += f"?publication={publication_id(only)}" if only else ""
    preview = client.post(address, form)
    assert preview.status_code == HTTPStatus.OK, preview.content.decode()
    assert not AliasBackfill.objects.exists(), "a preview changes nothing"
    page = client.post(address, form | {"confirmed": "yes"}, follow=True)
    assert "Waits until every save worker knows" in page.content.decode()
    run_backfill()
    return client.get(page.redirect_chain[0][0]).content.decode()


def test_a_name_is_merged_into_one_that_a_search_finds_and_its_address_leads_on(
    editor: Client,
) -> None:
    page = editor.get(f"/entities/{ODIN}/correct?q=wod").content.decode()
    assert f'value="{WODAN}"' in page
    assert '<td class="number">4</td>' in page
    page = correct(editor, {"do": "merge", "into": WODAN})
    assert "Odin counts as Wodan" in page
    assert "Done, 4 of 4 saved posts count differently" in page
    assert mentions(open_store(), "The Gazette") == {"wodan": (9, 3)}
    old = editor.get(f"/entities/{ODIN}?publication=x")
    assert (old.status_code, old["Location"]) == (302, f"/entities/{WODAN}?publication=x")
    assert AuditEntry.objects.filter(actor="edith", target__contains="Odin").exists()
    moved = editor.get(f"/entities/{ODIN}/correct?q=x")
    assert (moved.status_code, moved["Location"]) == (302, f"/entities/{WODAN}/correct?q=x")
    assert editor.get(f"/entities/{ODIN}/watch")["Location"] == f"/entities/{WODAN}/watch"


def test_the_page_of_a_name_says_who_corrected_it(editor: Client) -> None:
    correct(editor, {"do": "merge", "into": WODAN})
    entry = AuditEntry.objects.get(target__contains="Odin")
    assert (entry.actor, entry.detail) == ("edith", "on the page of the name")
    page = editor.get(f"/entities/{WODAN}").content.decode()
    assert f"counts as Wodan, by edith on {entry.at:%Y-%m-%d}." in page
    assert "edith" not in Client().get(f"/entities/{WODAN}").content.decode()


def test_a_merge_finds_names_by_the_beginning_of_any_word(editor: Client) -> None:
    open_store().add([with_entities("long", [entity("Saint Wodan the Grey", 9)])])
    open_store().add([with_entities("y", [entity("Grey Wodan")], publication="Other")])
    page = editor.get(f"/entities/{ODIN}/correct?q=grey+wod").content.decode()
    found = re.findall(r'name="into"[^>]*> ([^<]*)</label>', page)
    assert found == ["Saint Wodan the Grey", "Grey Wodan"]
    only = publication_id("Other")
    page = editor.get(f"/entities/{ODIN}/correct?publication={only}&q=gre").content.decode()
    assert re.findall(r'name="into"[^>]*> ([^<]*)</label>', page) == ["Grey Wodan"]
    page = editor.get(f"/entities/{ODIN}/correct?q=odi").content.decode()
    assert "No name has such a word" in page, "a name does not count as itself"


def test_a_post_shows_the_sentence_of_the_merged_name(editor: Client) -> None:
    content = {"content": "It rained. Odin left Oslo. So."}
    posts = [with_entities(str(n), [entity("Odin")]).model_copy(update=content) for n in "ab"]
    open_store().add(posts)
    correct(editor, {"do": "merge", "into": WODAN})
    page = editor.get(f"/entities/{WODAN}").content.decode()
    assert page.count("<mark>Odin</mark> left Oslo.") == len(posts)


def test_the_preview_shows_both_counts_and_their_sum(editor: Client) -> None:
    form = {"do": "merge", "into": WODAN}
    page = editor.post(f"/entities/{ODIN}/correct", form).content.decode()
    rows = page[page.index("<tbody>") : page.index("</tbody>")]
    numbers = [part.split("<")[0] for part in rows.split('class="number">')[1:]]
    assert numbers == ["8", "4", "0", "4", "4", "12"]
    assert "4 saved posts will be counted anew" in page


def test_a_correction_of_one_publication_leaves_the_others(editor: Client) -> None:
    correct(editor, {"do": "merge", "into": WODAN}, only="Other")
    assert mentions(open_store(), "Other") == {"wodan": (3, 1)}
    assert mentions(open_store(), "The Gazette") == {"odin": (6, 3), "wodan": (3, 3)}
    assert editor.get(f"/entities/{ODIN}").status_code == HTTPStatus.OK


def test_a_name_is_renamed_hidden_or_of_another_kind(editor: Client) -> None:
    correct(editor, {"do": "kind", "label": "GPE"})
    found = open_store().entities_by_prefix("Other", "odin", _all())
    (place,) = (entity for entity in found if entity.mentions)
    assert (place.family, place.label) == ("PLACE", "GPE")
    alias = Alias.objects.get()
    for form, expected in (
        ({"do": "rename", "becomes": "Odin One-Eye"}, {"odin one eye", "wodan"}),
        ({"do": "hide"}, {"wodan"}),
    ):
        editor.post(f"/corrections/{alias.pk}/undo")
        run_backfill()
        AliasBackfill.objects.all().delete()
        correct(editor, form)
        assert mentions(open_store(), "The Gazette").keys() == expected
        alias = Alias.objects.get()


def _all() -> EntityFilter[KeyCursor]:
    return EntityFilter(limit=10)


def test_undoing_a_correction_splits_the_counts_again(editor: Client) -> None:
    before = mentions(open_store(), "The Gazette")
    correct(editor, {"do": "merge", "into": WODAN})
    page = editor.get(f"/entities/{WODAN}").content.decode()
    alias = Alias.objects.get()
    assert "counts as Wodan" in page
    assert f"/corrections/{alias.pk}/undo" in page
    undone = editor.post(f"/corrections/{alias.pk}/undo", follow=True).content.decode()
    assert "A correction is taken back" in undone
    run_backfill()
    assert mentions(open_store(), "The Gazette") == before
    assert editor.get(f"/entities/{ODIN}").status_code == HTTPStatus.OK


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"do": "rename", "becomes": "Odin"}, "like this already"),
        ({"do": "rename", "becomes": "..."}, "no letter or digit"),
        ({"do": "kind", "label": "CITY"}, "There is no such kind"),
    ],
)
def test_a_correction_that_can_do_nothing_is_refused_with_the_reason(
    editor: Client, form: dict[str, str], problem: str
) -> None:
    refused = editor.post(f"/entities/{ODIN}/correct", form)
    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert problem in refused.content.decode()
    assert not Alias.objects.exists()


def test_only_editors_correct(editor: Client) -> None:
    assert "Correct this" in editor.get(f"/entities/{ODIN}").content.decode()
    stranger, viewer = Client(), Client()
    viewer.force_login(User.objects.create_user("vera"))
    assert "Correct this" not in stranger.get(f"/entities/{ODIN}").content.decode()
    for client, status in ((stranger, 302), (viewer, 403)):
        for address in (f"/entities/{ODIN}/correct", "/corrections/1", "/corrections/1/undo"):
            assert client.post(address, {"do": "hide", "confirmed": "yes"}).status_code == status
    assert not Alias.objects.exists()


def test_new_posts_follow_a_correction(editor: Client) -> None:
    correct(editor, {"do": "merge", "into": WODAN})
    post = current_rules().apply(with_entities("new", [entity("Odin")]))
    assert [e.text for e in post.entities] == ["Wodan"]


def test_an_editor_of_one_publication_corrects_only_there(editor: Client) -> None:
    ReadLimit.objects.create(role=Group.objects.get(name="editor"), publications=["Other"])
    form = {"do": "hide", "confirmed": "yes"}
    everywhere = editor.post(f"/entities/{ODIN}/correct", form)
    assert "Your account reads only some publications" in everywhere.content.decode()
    hidden = Alias.objects.create(label="PERSON", name="Wodan", becomes="")
    assert editor.post(f"/corrections/{hidden.pk}/undo").status_code == HTTPStatus.FORBIDDEN
    editor.post(f"/entities/{ODIN}/correct?publication={publication_id('Other')}", form)
    assert Alias.objects.exclude(pk=hidden.pk).get().publication == "Other"
