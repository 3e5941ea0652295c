"""Validation errors of an input, as JSON Pointers and sentences."""

from itertools import islice

from pydantic import ValidationError

# Of one post, so that an answer stays smaller than its request.
MAX_ERRORS = 20
# Of a field name in a pointer.
MAX_NAME_CHARACTERS = 100


def field_errors(error: ValidationError, *, pointer: str = "") -> list[dict[str, str]]:
    """Return a pointer and a detail for each wrong field; they never repeat the field's value."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "pointer": "/".join([pointer, *map(_escape, problem["loc"])]),
            "detail": problem["msg"].removeprefix("Value error, "),
        }
        for problem in islice(problems, MAX_ERRORS)
    ]


def _escape(name: str | int) -> str:
    """Cut a field name, replace lone surrogates, and escape it for a JSON Pointer (RFC 6901)."""
    text = str(name)[:MAX_NAME_CHARACTERS].encode(errors="replace").decode()
    return text.replace("~", "~0").replace("/", "~1")
