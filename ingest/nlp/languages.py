"""Which language a post is in, and which model is for it."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from ingest.core.messages import AcceptedPost, PostEntities
from ingest.nlp.cleaning import clean, html_to_text
from ingest.nlp.ner import extract_entities, load_model, model_name, read_meta
from ingest.nlp.patterns import NO_PATTERNS, Patterns

if TYPE_CHECKING:
    from spacy.language import Language

# What spaCy calls a model that is for every language.
MULTI_LANGUAGE = "xx"

# Detection looks at so much of a text: a few hundredths of what the model takes for an article.
SAMPLE_CHARACTERS = 200  # characters
# Below this a text may be in any language: a list of names is.
MIN_CONFIDENCE = 0.9
# Models are of Bokmål, and clients say Norwegian.
_SAME = {"no": "nb", "nn": "nb"}

# What is kept with a post instead of a model's name, before the language.
NO_MODEL = "no model for "

T = TypeVar("T")
U = TypeVar("U")


def detect(text: str) -> str | None:
    """Return the language that a text is in, or None where that is not sure."""
    language, sure = _identifier().classify(text[:SAMPLE_CHARACTERS])
    return _base_language(language) if sure >= MIN_CONFIDENCE else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Reading a list counts references, on pages that a child shares until it writes on them.
    identifier.tk_output = array("i", identifier.tk_output)
    return identifier


def _base_language(language: str) -> str:
    """Return a language without its country or script."""
    language = language.split("-")[0]
    return _SAME.get(language, language)


@dataclass(frozen=True)
class ByLanguage(Generic[T]):
    """
    What there is for each language that has its own, and for the others.

    The main one is for texts whose language is not known and, if it is `for_others`, for every
    language that has no own.
    """

    main: str
    own: Mapping[str, T]
    for_others: bool

    @classmethod
    def of(
        cls, model: str, others: Mapping[str, str], read: Callable[[str], T], *, for_others: bool
    ) -> Self:
        """Read what there is of a main model, and of those for other languages."""
        main = read_meta(model)["lang"]
        own = {main: read(model)} | {
            _base_language(lang): read(name) for lang, name in others.items()
        }
        return cls(main, own, for_others=for_others or main == MULTI_LANGUAGE)

    def for_language(self, language: str) -> T | None:
        """Return what is for a language, or None."""
        found = self.own.get(_base_language(language))
        return self.own[self.main] if found is None and self.for_others else found

    @property
    def must_detect(self) -> bool:
        """Whether it matters in which language a text is."""
        return len(self.own) > 1 or not self.for_others


Models: TypeAlias = "ByLanguage[Language]"


def load_models(model: str, others: Mapping[str, str], *, for_others: bool) -> Models:
    """Load the main model, and those for other languages, and what tells languages apart."""
    models = ByLanguage.of(model, others, load_model, for_others=for_others)
    if models.must_detect:
        _identifier()
    return models


def extract_by_language(
    posts: Sequence[AcceptedPost],
    models: Models,
    *,
    labels: Collection[str],
    patterns: Patterns = NO_PATTERNS,
) -> list[PostEntities]:
    """
    Find the entities each post mentions by the model for its language, in the order of the posts.

    A post in a language without a model mentions none, and names that instead of a model.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, post in enumerate(posts):
        groups[_language(post, models)].append(number)
    found: dict[int, PostEntities] = {}
    for language, numbers in groups.items():
        nlp, own = models.for_language(language), [posts[number] for number in numbers]
        if nlp is None:
            done = [PostEntities(**dict(p), model=NO_MODEL + language, entities=()) for p in own]
        else:
            done = extract_entities(own, nlp, labels=labels, patterns=patterns)
        found |= zip(numbers, done, strict=True)
    return [found[number] for number in range(len(posts))]


def _language(post: AcceptedPost, models: Models) -> str:
    """Return the language a post says it is in, else the one it surely is in, else the main one."""
    if post.language:
        return _base_language(post.language)
    found = detect(_beginning(post.content)) if models.must_detect else None
    return found or models.main


def _beginning(text: str) -> str:
    """Return what a reader sees first; in HTML it can be far from where the text begins."""
    # Only markup takes so much away; of what is left no more is cleaned than is looked at.
    return clean(html_to_text(text[: 10 * SAMPLE_CHARACTERS])[: 2 * SAMPLE_CHARACTERS])


def lacks_model(post: PostEntities) -> bool:
    """Return whether a post is in a language for which there was no model."""
    return post.model.startswith(NO_MODEL)


def model_names(model: str, others: Mapping[str, str], *, for_others: bool) -> ByLanguage[str]:
    """Return the names of the models for each language, without loading one."""
    return ByLanguage.of(
        model, others, lambda name: model_name(read_meta(name)), for_others=for_others
    )


def is_of_these(post: PostEntities, names: ByLanguage[str]) -> bool:
    """Return whether a saved post would be given to the model again that it names."""
    language = post.model.removeprefix(NO_MODEL) if lacks_model(post) else post.language
    if language:
        return post.model == (names.for_language(language) or NO_MODEL + _base_language(language))
    return post.model in names.own.values()
