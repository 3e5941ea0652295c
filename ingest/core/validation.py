"""Validation errors of an input, as JSON Pointers and sentences."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

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


def errors_by_field(error: ValidationError) -> dict[str, str]:
    """Return the detail of each wrong field of a flat form, by its name."""
    return {each["pointer"].strip("/"): each["detail"] for each in field_errors(error)}


def url_parameters(kind: type[BaseModel], lists: Iterable[tuple[str, list[str]]]) -> dict[str, Any]:
    """Return the parameters of a URL: all values of a field that has several, else the last."""
    several = {n for n, f in kind.model_fields.items() if get_origin(f.annotation) is tuple}
    return {name: values if name in several else values[-1] for name, values in lists}


def _escape(name: str | int) -> str:
    """Cut a field name, replace lone surrogates, and escape it for a JSON Pointer (RFC 6901)."""
    text = str(name)[:MAX_NAME_CHARACTERS].encode(errors="replace").decode()
    return text.replace("~", "~0").replace("/", "~1")
