"""The publications a command works on: the named one, or all."""

from django.core.management.base import CommandError

from ingest.store import open_store


def chosen_publications(name: str | None) -> list[str]:
    """
    Return the display name of the named publication; without a name, those of all.

    Raises:
        CommandError: no publication has this name.
    """
    if name is None:
        return [publication.name for publication in open_store().publications()]
    found = open_store().publication(name)
    if found is None:
        raise CommandError(f"There is no publication named {name!r}.")
    return [found.name]
