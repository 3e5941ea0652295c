"""Finding a name everywhere, and erasing it: a person's right to be forgotten."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from django.db import transaction

from ingest.core.counts import EntityName, name_of
from ingest.core.entity_names import entity_key
from ingest.core.messages import PostEntities
from ingest.models import Alias, AuditEntry, DeadLetter, Pattern
from ingest.operations.rule_versions import bump_version
from ingest.store import open_store

PAGE_SIZE = 200  # posts


class NameEverywhere:
    """A name: where it is, and its erasure. Each family of names is an entity of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = entity_key(name)
        self._text = name.casefold()

    def find(self) -> Counter[str]:
        """Return how often each place has the name."""
        places: Counter[str] = Counter()
        for publication in self._publications():
            for posts in self._pages(publication):
                places[f"posts of {publication}"] += len(posts)
            forgotten = open_store().checkpoint(publication).entities
            places[f"counts of forgotten posts of {publication}"] += len(self._own(forgotten))
        places["dead letters"] = sum(1 for row in DeadLetter.objects.iterator() if self._dies(row))
        places["aliases"] = sum(self._has(f"{a.name}\n{a.becomes}") for a in Alias.objects.all())
        places["patterns"] = sum(self._has(p.pattern) for p in Pattern.objects.all())
        places["entries of the audit log"] = sum(
            self._has(f"{entry.target}\n{entry.detail}") for entry in AuditEntry.objects.iterator()
        )
        return +places

    def erase(self) -> int:
        """
        Hide the name in new posts, and erase it from saved ones; return how many changed.

        The counts of a post follow in the same step. A repeat changes nothing.
        """
        changed = 0
        hidden: set[EntityName] = set()
        for publication in self._publications():
            forgotten = open_store().checkpoint(publication).entities
            hidden |= self._own(forgotten)
            for posts in self._pages(publication):
                hidden |= {name for post in posts for name in self._own(_names(post))}
        self._hide(hidden)
        for publication in self._publications():
            for posts in self._pages(publication):
                changed += open_store().revise([post.post_id for post in posts], self._without)
            open_store().move_checkpoint(publication, None, only=hidden)
            open_store().drop_zeros(publication)
        return changed

    @transaction.atomic
    def _hide(self, names: set[EntityName]) -> None:
        """Hide the entities of the name in posts that still come, whatever other rules say."""
        for family, key in sorted(names):
            Alias.objects.filter(family=family, key=key).update(
                becomes="", becomes_label="", state=Alias.State.ACCEPTED
            )
            Alias.objects.get_or_create(
                publication_key="",
                family=family,
                key=key,
                defaults={"label": family, "name": self.name},
            )
        bump_version()

    def _publications(self) -> list[str]:
        return [publication.name for publication in open_store().publications()]

    def _pages(self, publication: str) -> Iterator[list[PostEntities]]:
        """Return the posts of a publication that have the name, a page of posts each."""
        after = None
        while page := open_store().posts(publication, limit=PAGE_SIZE, after=after):
            after = page[-1].post_id
            yield [post for post in page if self._without(post) is not post]

    def _without(self, post: PostEntities) -> PostEntities:
        """Return a post without the name, and without a text or title that has it."""
        fields = {
            "entities": tuple(e for e in post.entities if e.key != self.key),
            "found": post.found and tuple(e for e in post.found if e.key != self.key),
            "title": None if self._has(post.title or "") else post.title,
            "content": "" if self._has(post.content) else post.content,
        }
        changes = {name: value for name, value in fields.items() if value != getattr(post, name)}
        return post.model_copy(update=changes) if changes else post

    def _own(self, names: Iterable[EntityName]) -> set[EntityName]:
        return {name for name in names if name[1] == self.key}

    def _has(self, text: str) -> bool:
        return self._text in text.casefold()

    def _dies(self, row: DeadLetter) -> bool:
        return self._has(json.dumps(row.payload, ensure_ascii=False))


def _names(post: PostEntities) -> set[EntityName]:
    return set(map(name_of, (*post.entities, *(post.found or ()))))
