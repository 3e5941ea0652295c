"""How an entity's text becomes the name it is shown under and the key it is counted under."""

from ingest.posts import digest


def entity_text(text: str) -> str:
    """Return the text of a mention on one line: an article's line breaks are not part of a name."""
    return " ".join(text.split())


def entity_key(text: str) -> str:
    """Return the key that every way of writing the text in capitals and small letters shares."""
    return entity_text(text).casefold()


def entity_id(label: str, key: str) -> str:
    """Return the id of an entity: the same in every process, for ever."""
    return digest(label, key)
