"""
An operator's own patterns: what is an entity, whatever a model says, by spaCy's EntityRuler.

    echo '{"label": "ORG", "pattern": "Apple"}' | python -m ingest.nlp.patterns

prints what is wrong with a pattern, or nothing. So a process that never loads spaCy can ask.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest import samples
from ingest.nlp.cleaning import clean

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

    Ruler = Callable[[Doc], Doc]

# A pattern is tried on a text of so many characters, for which a model needs about 60 ms.
TRIAL_CHARACTERS = 10_000
TRIAL_SECONDS = 0.1  # seconds of processor time
# What a try may take with all around it, before it is ended.
CHECK_SECONDS = 15  # of processor time
CHECK_BYTES = 2 * 1024**3
TIMEOUT_SECONDS = 180  # seconds, on a machine that has much else to do
CACHE_SIZE = 100  # judgements

TOO_SLOW = f"Takes too long: it was tried on {TRIAL_CHARACTERS:,} characters of text."
NO_LIST = "Begins like a list, but is no JSON list of objects, one for each token."
# Names are found in a text that nothing but the tokenizer has gone over before.
NO_TAGS = "Asks for POS, TAG, MORPH, LEMMA or DEP, which nobody finds out here."
# What makes an entity of every fourth word is no name.
MAX_SHARE = 0.25


class SpacyPattern(NamedTuple):
    """A phrase, or spaCy's descriptions of one token after the other, and what it is."""

    label: str
    pattern: str | list[dict[str, Any]]


class PatternNotChecked(Exception):
    """A pattern could not be tried in time."""


@dataclass(frozen=True)
class Patterns:
    """All patterns of one version, and what was made of them for each model."""

    version: int = 0
    patterns: Sequence[SpacyPattern] = field(default=(), compare=False)
    _rulers: "dict[Language, Ruler | None]" = field(default_factory=dict, compare=False, repr=False)

    @property
    def labels(self) -> frozenset[str]:
        """The labels that they give."""
        return frozenset(pattern.label for pattern in self.patterns)

    @property
    def kept_as(self) -> int | None:
        """What is kept with each post: the version, or None where there are no patterns."""
        return self.version if self.patterns else None

    def ruler(self, nlp: "Language") -> "Ruler | None":
        """Return the ruler of these patterns for a model, or None; it is made once."""
        if nlp not in self._rulers:
            self._rulers[nlp] = make_ruler(nlp, self.patterns)
        return self._rulers[nlp]


NO_PATTERNS = Patterns()


def read_pattern(text: str) -> str | list[dict[str, Any]]:
    """
    Return what a person wrote: a phrase, or a list in JSON with an object for each token.

    A phrase is cleaned as the texts are in which it is looked for.

    Raises:
        ValueError: it begins like a list and is none.
    """
    if not text.lstrip().startswith("["):
        return " ".join(clean(text).split())
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{NO_LIST[:-1]}: {error}.") from error
    if not pattern or not all(isinstance(token, dict) for token in pattern):
        raise ValueError(NO_LIST)
    return list(pattern)


def make_ruler(nlp: "Language", patterns: Sequence[SpacyPattern]) -> "Ruler | None":
    """
    Return what makes entities of all that the patterns match in a doc, or None without patterns.

    What a model found is given up where a match overlaps it, and the longest match goes first. It
    learns words: make it outside any memory zone.
    """
    if not patterns:
        return None
    from spacy.pipeline import EntityRuler

    ruler = EntityRuler(nlp, overwrite_ents=True, validate=True)
    with nlp.select_pipes(enable=[]):  # phrases are cut into tokens, and nothing more
        ruler.add_patterns([pattern._asdict() for pattern in patterns])
    return ruler


def problem_of(pattern: SpacyPattern) -> str:
    """
    Return what is wrong with a pattern, or nothing; spaCy judges, in a process of its own.

    Raises:
        NotJudged: it did not come to an end, on a machine that has much else to do.
    """
    return _judged(json.dumps(pattern._asdict()))


@lru_cache(CACHE_SIZE)
def _judged(pattern: str) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ingest.nlp.patterns"],
            input=pattern,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise PatternNotChecked("It could not be tried in time; save it again.") from error
    # It ends itself where it goes over its limits; no ordinary pattern comes near them.
    return done.stdout.strip() if done.returncode == 0 else TOO_SLOW


def judge(pattern: SpacyPattern) -> str:
    """Return what is wrong with a pattern, or nothing, after a try of it."""
    import spacy
    from spacy.errors import MatchPatternError

    nlp = spacy.blank("en")
    doc = nlp.make_doc(" ".join(post["content"] for post in samples.read())[:TRIAL_CHARACTERS])
    try:
        ruler = make_ruler(nlp, [pattern])
        assert ruler
        began = time.process_time()
        ruler(doc)
    except MatchPatternError as error:
        return " ".join(str(error).split())
    except MemoryError:
        return TOO_SLOW
    except Exception as error:  # whatever a post would make it raise
        return NO_TAGS if "[E155]" in str(error) else f"spaCy refuses it: {error}"
    if time.process_time() - began > TRIAL_SECONDS:
        return TOO_SLOW
    share = sum(map(len, doc.ents)) / len(doc)
    return f"Is found in {share:.0%} of all words." if share > MAX_SHARE else ""


def main() -> None:
    """Read a pattern, and print what is wrong with it."""
    resource.setrlimit(resource.RLIMIT_CPU, (CHECK_SECONDS, CHECK_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (CHECK_BYTES, CHECK_BYTES))
    print(judge(SpacyPattern(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
