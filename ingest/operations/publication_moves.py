"""Publications that were renamed or merged: under which name their posts count."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.core.messages import PostEntities
from ingest.core.posts import publication_key
from ingest.models import PublicationMove
from ingest.operations.rule_versions import RefreshingValue, bump_version


@dataclass(frozen=True)
class Moves:
    """The name under which the posts of each moved publication count, by its key."""

    targets: Mapping[str, str]

    def apply(self, post: PostEntities) -> PostEntities:
        """Return a post under the name it counts under; the same object if that is its own."""
        target = self.targets.get(publication_key(post.publication))
        return post.model_copy(update={"publication": target}) if target else post


def _read(_: Moves | None) -> Moves:
    return Moves(dict(PublicationMove.objects.values_list("key", "target")))


_moves = RefreshingValue(_read)


def current_moves() -> Moves:
    """Return the moves, at most REFRESH_SECONDS old."""
    return _moves.value()


def newest_moves() -> Moves:
    """Read the moves from the database, cache and return them."""
    _moves.expire()
    return current_moves()


def forget() -> None:
    """Drop the cached moves, as in a new process."""
    _moves.forget()


def add_move(publication: str, target: str) -> None:
    """Let the posts of a publication, and of those that were moved to it, count under a name."""
    key = publication_key(publication)
    PublicationMove.objects.filter(key=publication_key(target)).delete()
    for move in PublicationMove.objects.all():
        if publication_key(move.target) == key:
            PublicationMove.objects.filter(pk=move.pk).update(target=target)
    PublicationMove.objects.update_or_create(key=key, defaults={"target": target})
    bump_version()  # a worker that counted under the old name looks again
