"""The language of a post, and the model for it."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from ingest.core.language_tags import base_language, normalize_tag
from ingest.core.messages import AcceptedPost, PostEntities
from ingest.nlp.cleaning import clean
from ingest.nlp.html_text import html_to_text
from ingest.nlp.ner import extract_entities, load_model, model_name, read_meta
from ingest.nlp.patterns import NO_PATTERNS, Patterns

if TYPE_CHECKING:
    from spacy.language import Language

# spaCy's language code of a model for every language.
MULTI_LANGUAGE = "xx"

# Detection reads this much of a text, in a few hundredths of the model's time for an article.
SAMPLE_CHARACTERS = 200
# Below this probability a text may be in any language, as a list of names is.
MIN_CONFIDENCE = 0.9
# The models are for Bokmål, but clients send Norwegian.
_MODEL_LANGUAGES = {"no": "nb", "nn": "nb"}

# A post saved without a model has this and its language instead of the model's name.
NO_MODEL = "no model for "

T = TypeVar("T")
U = TypeVar("U")


def detect(text: str) -> str | None:
    """Return the language of a text, or None if the detection is not sure."""
    language, confidence = _identifier().classify(text[:SAMPLE_CHARACTERS])
    return _model_language(language) if confidence >= MIN_CONFIDENCE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Reading a list changes reference counts. That makes a child copy the pages it shares.
    identifier.tk_output = array("i", identifier.tk_output)
    return identifier


def _model_language(language: str) -> str:
    """Return the language code of the models for a language tag."""
    language = base_language(language)
    return _MODEL_LANGUAGES.get(language, language)


@dataclass(frozen=True)
class ByLanguage(Generic[T]):
    """
    A value for each language, such as a model or its name.

    `main` is the language of texts whose language is unknown. With `for_others`, its value is also
    for every language without an own one.
    """

    main: str
    own: Mapping[str, T]
    for_others: bool

    @classmethod
    def of(
        cls, model: str, others: Mapping[str, str], read: Callable[[str], T], *, for_others: bool
    ) -> Self:
        """Read the value of the main model and of the models for other languages."""
        main = read_meta(model)["lang"]
        own = {main: read(model)} | {
            _model_language(lang): read(name) for lang, name in others.items()
        }
        return cls(main, own, for_others=for_others or main == MULTI_LANGUAGE)

    def for_language(self, language: str) -> T | None:
        """Return the value for a language, or None."""
        own = self.own.get(_model_language(language))
        return self.own[self.main] if own is None and self.for_others else own

    @property
    def must_detect(self) -> bool:
        """Whether the choice depends on the language of a text."""
        return len(self.own) > 1 or not self.for_others


Models: TypeAlias = "ByLanguage[Language]"


def load_models(model: str, others: Mapping[str, str], *, for_others: bool) -> Models:
    """Load the main model, the models for other languages and, if needed, the detector."""
    is_for_all = for_others or read_meta(model)["lang"] == MULTI_LANGUAGE
    with ThreadPoolExecutor(1) as beside:
        if others or not is_for_all:  # what `must_detect` will say of the models
            beside.submit(_identifier)  # it unpacks a file meanwhile
        models = ByLanguage.of(model, others, load_model, for_others=for_others)
    if models.must_detect:
        _identifier()  # there already, or its failure is told
    return models


def extract_by_language(
    posts: Sequence[AcceptedPost],
    models: Models,
    *,
    labels: Collection[str],
    patterns: Patterns = NO_PATTERNS,
) -> list[PostEntities]:
    """
    Find each post's entities with the model for its language, in the order of the posts.

    A post in a language without a model gets no entities, and NO_MODEL with its language as model.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, post in enumerate(posts):
        groups[_language(post, models)].append(number)
    found: dict[int, PostEntities] = {}
    for language, numbers in groups.items():
        nlp, group = models.for_language(language), [posts[number] for number in numbers]
        if nlp is None:
            done = [PostEntities(**dict(p), model=NO_MODEL + language, entities=()) for p in group]
        else:
            done = extract_entities(group, nlp, labels=labels, patterns=patterns)
        found |= zip(numbers, done, strict=True)
    return [found[number] for number in range(len(posts))]


def _language(post: AcceptedPost, models: Models) -> str:
    """Return the post's own language, else the detected one, else the main one."""
    # Posts that were accepted before tags were normalized may have any.
    if tag := normalize_tag(post.language or ""):
        return _model_language(tag)
    detected = detect(_readable_start(post.content)) if models.must_detect else None
    return detected or models.main


def _readable_start(text: str) -> str:
    """Return the first text that a reader sees; in HTML it can be far from the start."""
    # HTML loses most of its characters here. Cleaning more than detection reads costs time.
    return clean(html_to_text(text[: 10 * SAMPLE_CHARACTERS])[: 2 * SAMPLE_CHARACTERS])


def lacks_model(post: PostEntities) -> bool:
    """Return whether no model was there for the language of a post."""
    return post.model.startswith(NO_MODEL)


def model_names(model: str, others: Mapping[str, str], *, for_others: bool) -> ByLanguage[str]:
    """Return the name of the model for each language, without loading a model."""
    return ByLanguage.of(
        model, others, lambda name: model_name(read_meta(name)), for_others=for_others
    )


def has_current_model(post: PostEntities, names: ByLanguage[str]) -> bool:
    """Return whether the model that a saved post names is still the model for its language."""
    language = post.model.removeprefix(NO_MODEL) if lacks_model(post) else post.language
    if language := normalize_tag(language or ""):
        return post.model == (names.for_language(language) or NO_MODEL + _model_language(language))
    return post.model in names.own.values()
