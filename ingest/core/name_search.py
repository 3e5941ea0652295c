"""How a name is found: by the beginning of any of its words, in the form that is counted."""

from collections.abc import Sequence

from ingest.core.entity_names import entity_key

# A longer beginning of a word is cut to this, and the name is compared again.
MAX_BEGINNING = 20  # characters


def search_words(text: str) -> tuple[str, ...]:
    """Return the distinct words of a search, the longest first; none if it has no letter."""
    words = dict.fromkeys(entity_key(text).split())
    return tuple(sorted(words, key=lambda word: -len(word)))


def name_words(key: str) -> set[str]:
    """Return the words of a name."""
    return set(key.split())


def word_beginnings(key: str) -> list[str]:
    """Return every beginning of every word of a name, in order."""
    words = (word[:MAX_BEGINNING] for word in name_words(key))
    return sorted({word[:end] for word in words for end in range(1, len(word) + 1)})


def has_words(key: str, words: Sequence[str]) -> bool:
    """Return whether each word of a search begins a word of a name."""
    own = name_words(key)
    return all(any(word.startswith(beginning) for word in own) for beginning in words)


def magnitude(mentions: int) -> int:
    """Return the number of bits of a count, which changes rarely while the count grows."""
    return max(mentions, 0).bit_length()
