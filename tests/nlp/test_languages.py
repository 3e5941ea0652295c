"""The language of a post, and the model for it."""

from pathlib import Path
from typing import Any

import pytest
import spacy
from celery import current_app

from ingest import samples
from ingest.broker.publish import SAVE
from ingest.core.messages import AcceptedPost, PostEntities, SaveMessage
from ingest.models import DeadLetter
from ingest.nlp import kinds
from ingest.nlp.languages import (
    MULTI_LANGUAGE,
    ByLanguage,
    Models,
    detect,
    extract_by_language,
    has_current_model,
    lacks_model,
    load_models,
    model_names,
)
from ingest.nlp.ner import load_model
from ingest.worker import steps
from ingestsite.configuration import LABELS
from tests.support.factories import accepted

ENGLISH = "The chancellor came to Oslo on a cold morning and said nothing to those who waited."
GERMAN = "Die Kanzlerin kam an einem kalten Morgen nach Oslo und sagte denen, die warteten, nichts."
FRENCH = "La chancelière est arrivée à Oslo un matin froid et n'a rien dit à ceux qui attendaient."
NAMES = "Angela Merkel, Barack Obama, Oslo"


def save_model(folder: Path, language: str, label: str) -> str:
    """Save a model that knows one name, and return where it is."""
    nlp = spacy.blank(language)
    nlp.meta |= {"name": f"of_{label.lower()}", "version": "1.0"}
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": label, "pattern": "Oslo"}])
    nlp.to_disk(folder / language)
    return str(folder / language)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for language, label in (("en", "GPE"), ("de", "PER"), (MULTI_LANGUAGE, "ORG")):
        save_model(folder, language, label)
    return folder


@pytest.fixture(scope="module")
def models(folder: Path) -> Models:
    """Return an English model, which is the main one, and a German one."""
    return load_models(str(folder / "en"), {"de": str(folder / "de")}, for_others=False)


def post(content: str, language: str | None = None) -> AcceptedPost:
    return accepted(content).model_copy(update={"language": language})


def found(models: Models, *posts: AcceptedPost) -> list[tuple[str, list[str]]]:
    """Return the model of each post, and the labels of what is found."""
    done = extract_by_language(posts, models, labels=LABELS)
    assert [p.post_id for p in done] == [p.post_id for p in posts]
    return [(p.model, [entity.label for entity in p.entities]) for p in done]


# What an English post is saved with.
EN_MODEL = f"en_of_gpe 1.0, kinds {kinds.VERSION}"
EN, DE = (EN_MODEL, ["GPE"]), ("de_of_per 1.0", ["PERSON"])
NO_FR: tuple[str, list[str]] = ("no model for fr", [])


def test_each_post_is_read_by_the_model_for_its_language(models: Models) -> None:
    posts = [post(GERMAN), post(ENGLISH), post(FRENCH)]
    assert found(models, *posts) == [DE, EN, NO_FR]
    assert found(models, post(NAMES)) == [EN]
    assert found(models, post(f"<p>{'<br>' * 99}{GERMAN}</p>")) == [DE]


def test_the_post_s_own_language_goes_before_the_detected_one(models: Models) -> None:
    posts = [post(ENGLISH, "de-AT"), post(GERMAN, "en"), post(ENGLISH, "fr-CA")]
    assert found(models, *posts) == [DE, EN, NO_FR]


def test_a_tag_that_names_no_language_leaves_the_choice_to_the_text(models: Models) -> None:
    """The API sends no such tag any more, but older messages and dead letters have some."""
    posts = [post(ENGLISH, "und"), post(GERMAN, "und"), post(GERMAN, "zz"), post(ENGLISH, "DEU")]
    assert found(models, *posts) == [EN, DE, DE, DE]


def test_the_main_model_may_be_for_all_others(folder: Path) -> None:
    models = load_models(str(folder / "en"), {}, for_others=True)
    assert not models.must_detect
    assert found(models, post(FRENCH), post(ENGLISH, "fr")) == [EN, EN]


def test_a_model_of_every_language_is_for_all_that_have_no_other(folder: Path) -> None:
    others = {"de": str(folder / "de")}
    models = load_models(str(folder / MULTI_LANGUAGE), others, for_others=False)
    every = ("xx_of_org 1.0", ["ORG"])
    assert found(models, post(FRENCH), post(GERMAN), post(NAMES)) == [every, DE, every]


def test_a_model_that_is_not_installed_raises(folder: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        load_models(str(folder / "en"), {"de": "nowhere"}, for_others=False)


def test_languages_are_told_apart_where_that_is_sure() -> None:
    assert [detect(text) for text in (ENGLISH, GERMAN, FRENCH)] == ["en", "de", "fr"]
    assert detect(NAMES) is detect("Oslo") is detect("") is None
    assert {detect(sample["content"]) for sample in samples.read()} <= {"en", None}


def test_a_model_whose_names_need_its_vectors_keeps_them(tmp_path: Path) -> None:
    """Custom models may share a pipe that Explosion's models have twice."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 8,
        "maxout_pieces": 2,
        "use_upper": False,
        "tok2vec": listener,
    }
    ner: Any = nlp.add_pipe("ner", config={"model": model})
    ner.add_label("GPE")
    nlp.initialize()
    nlp.to_disk(tmp_path)
    assert load_model(str(tmp_path)).pipe_names == ["tok2vec", "ner"]


@pytest.mark.parametrize(
    ("model", "language", "patterns"),
    [
        (EN_MODEL, None, True),
        ("en_of_gpe 1.0", None, False),
        ("en_of_gpe 0.9", None, False),
        (EN_MODEL, "de-CH", False),
        ("de_of_per 1.0", "de-CH", True),
        ("no model for fr", None, True),
        ("no model for de", None, False),
        (EN_MODEL, "fr", False),
        (EN_MODEL, "und", True),
        ("no model for und", "und", False),
    ],
)
def test_a_saved_post_tells_whether_its_model_is_still_the_one_for_it(
    folder: Path, model: str, language: str | None, patterns: bool
) -> None:
    names = model_names(str(folder / "en"), {"de": str(folder / "de")}, for_others=False)
    saved = PostEntities(**dict(post(ENGLISH, language)), model=model, entities=())
    assert has_current_model(saved, names) is patterns


@pytest.fixture
def worker(models: Models, monkeypatch: pytest.MonkeyPatch, empty_broker: None) -> None:
    """Give the task these models."""
    monkeypatch.setattr(steps, "load_spacy_models", lambda: models)


def posts_to_save() -> list[PostEntities]:
    """Return the posts of the only message on the save queue."""
    with current_app.connection_for_read() as connection:
        message = current_app.amqp.queues[SAVE].bind(connection.default_channel).get()
        assert message
        (payload,), _, _ = message.payload
        return list(SaveMessage.read(payload).posts)


@pytest.mark.usefixtures("worker")
@pytest.mark.django_db
def test_a_post_without_a_model_is_a_dead_letter_that_says_so() -> None:
    french = post(FRENCH)
    for _ in range(2):  # the broker delivers its message twice
        steps.extract_batch([post(ENGLISH), french])
    assert [p.model for p in posts_to_save()] == [EN_MODEL]
    dead_letter = DeadLetter.objects.get()
    assert (dead_letter.reason, dead_letter.detail) == ("language", "no model for fr")
    assert AcceptedPost.read(dead_letter.payload) == french


@pytest.mark.usefixtures("worker")
@pytest.mark.django_db
def test_a_post_without_a_model_may_be_skipped(settings: Any) -> None:
    settings.OTHER_LANGUAGES = "skip"
    steps.extract_batch([post(FRENCH)])
    (saved,) = posts_to_save()
    assert lacks_model(saved)
    assert not saved.entities
    assert not DeadLetter.objects.exists()


def test_a_language_is_found_whatever_its_country(models: Models) -> None:
    for tag in ("de-Latn-AT", "deu", "DE_at"):
        assert models.for_language(tag) is models.own["de"]
    assert ByLanguage("en", {"zh": 1, "en": 2}, for_others=False).for_language("cmn") == 1
    assert ByLanguage("en", {"nb": 1, "en": 2}, for_others=False).for_language("no") == 1
