"""What is wrong with the fields of an input, as JSON Pointers and sentences."""

from itertools import islice

from pydantic import ValidationError

# Of one post, so that no answer is larger than what it answers.
MAX_ERRORS = 20


MAX_NAME_CHARACTERS = 100


def field_errors(error: ValidationError, *, pointer: str = "") -> list[dict[str, str]]:
    """Say which fields of a post are wrong and why, without repeating what was in them."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "pointer": "/".join([pointer, *map(_in_pointer, fault["loc"])]),
            "detail": fault["msg"].removeprefix("Value error, "),
        }
        for fault in islice(faults, MAX_ERRORS)
    ]


def _in_pointer(name: str | int) -> str:
    """Write a name in a JSON Pointer (RFC 6901), cut, and without what is no text."""
    text = str(name)[:MAX_NAME_CHARACTERS].encode(errors="replace").decode()
    return text.replace("~", "~0").replace("/", "~1")
