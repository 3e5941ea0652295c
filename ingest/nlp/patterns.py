"""
An operator's own patterns: spaCy's EntityRuler makes entities of every match.

    echo '{"label": "ORG", "pattern": "Apple"}' | python -m ingest.nlp.patterns

prints the problem of a pattern, or nothing. So a web process checks patterns without spaCy.
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

# The trial text of a pattern; a model needs about 60 ms for it.
TRIAL_CHARACTERS = 10_000
TRIAL_SECONDS = 0.1  # of processor time
# The limits of the process that checks a pattern.
CHECK_SECONDS = 15  # of processor time
CHECK_BYTES = 2 * 1024**3
TIMEOUT_SECONDS = 180  # enough on a busy machine
CACHE_SIZE = 100  # checked patterns

TOO_SLOW = f"Takes too long on a text of {TRIAL_CHARACTERS:,} characters."
NOT_A_LIST = "Looks like a list, but is not a JSON list with one object per token."
# Only the tokenizer runs before the ruler.
NO_TAGS = "Uses POS, TAG, MORPH, LEMMA or DEP. The workers do not compute them."
# spaCy's id of an entity that a pattern found.
PATTERN_ID = "pattern"
# A pattern that matches more than every fourth word does not describe a name.
MAX_SHARE = 0.25


class SpacyPattern(NamedTuple):
    """A label, and a phrase or a list of spaCy's token descriptions."""

    label: str
    pattern: str | list[dict[str, Any]]


class PatternNotChecked(Exception):
    """The check of a pattern did not end in time."""


@dataclass(frozen=True)
class Patterns:
    """All patterns of one version, with a cached ruler for each model."""

    version: int = 0
    patterns: Sequence[SpacyPattern] = field(default=(), compare=False)
    _rulers: "dict[Language, Ruler | None]" = field(default_factory=dict, compare=False, repr=False)

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the patterns."""
        return frozenset(pattern.label for pattern in self.patterns)

    @property
    def version_if_any(self) -> int | None:
        """The version that the store saves with each post; None without patterns."""
        return self.version if self.patterns else None

    def ruler(self, nlp: "Language") -> "Ruler | None":
        """Return the cached ruler of these patterns for a model, or None without patterns."""
        if nlp not in self._rulers:
            self._rulers[nlp] = make_ruler(nlp, self.patterns)
        return self._rulers[nlp]


NO_PATTERNS = Patterns()


def read_pattern(text: str) -> str | list[dict[str, Any]]:
    """
    Parse an operator's input: a phrase, or a JSON list with one object per token.

    A phrase gets the same cleaning as the texts of posts.

    Raises:
        ValueError: the input starts like a list but is not a valid one.
    """
    if not text.lstrip().startswith("["):
        return " ".join(clean(text).split())
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{NOT_A_LIST[:-1]}: {error}.") from error
    if not pattern or not all(isinstance(token, dict) for token in pattern):
        raise ValueError(NOT_A_LIST)
    return list(pattern)


def make_ruler(nlp: "Language", patterns: Sequence[SpacyPattern]) -> "Ruler | None":
    """
    Return a ruler that makes entities of all matches in a doc, or None without patterns.

    A match replaces the model's entities that it overlaps. The longest match takes precedence.
    A ruler adds words to the vocabulary: make it outside any memory zone.
    """
    if not patterns:
        return None
    from spacy.pipeline import EntityRuler

    ruler = EntityRuler(nlp, overwrite_ents=True, validate=True)
    with nlp.select_pipes(enable=[]):  # phrases need only the tokenizer
        ruler.add_patterns([pattern._asdict() | {"id": PATTERN_ID} for pattern in patterns])
    return ruler


def problem_of(pattern: SpacyPattern) -> str:
    """
    Return the problem of a pattern, or ""; spaCy checks it in a separate process.

    Raises:
        PatternNotChecked: the check did not end in time, as on a busy machine.
    """
    return _check_in_process(json.dumps(pattern._asdict()))


@lru_cache(CACHE_SIZE)
def _check_in_process(pattern: str) -> str:
    try:
        check = subprocess.run(
            [sys.executable, "-m", "ingest.nlp.patterns"],
            input=pattern,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise PatternNotChecked("The check did not end in time. Save the pattern again.") from error
    # The process fails when it exceeds its limits. No ordinary pattern comes near them.
    return check.stdout.strip() if check.returncode == 0 else TOO_SLOW


def try_pattern(pattern: SpacyPattern) -> str:
    """Try a pattern on sample texts in this process; return its problem, or ""."""
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
    except Exception as error:  # a post would make the ruler raise it too
        return NO_TAGS if "[E155]" in str(error) else f"spaCy refuses it: {error}"
    if time.process_time() - began > TRIAL_SECONDS:
        return TOO_SLOW
    share = sum(map(len, doc.ents)) / len(doc)
    return f"Matches {share:.0%} of all words." if share > MAX_SHARE else ""


def main() -> None:
    """Read a pattern, and print its problem."""
    resource.setrlimit(resource.RLIMIT_CPU, (CHECK_SECONDS, CHECK_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (CHECK_BYTES, CHECK_BYTES))
    print(try_pattern(SpacyPattern(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
