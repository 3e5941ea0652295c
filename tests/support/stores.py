"""Stores of a test's own, and what they count."""

from ingest.store.base import EntityFilter, Store
from ingest.store.firestore.store import FirestoreStore
from ingestsite import configuration


def firestore_of(project: str) -> FirestoreStore:
    """Open a project's database; each is one of its own, with nothing in it."""
    return FirestoreStore(
        project=project,
        database="(default)",
        keep_content=True,
        commit_posts=configuration.COMMIT_POSTS,
        commit_writes=configuration.COMMIT_WRITES,
        timeout=60,  # seconds: a machine that runs a kill test is slow
    )


def mentions(store: Store, name: str) -> dict[str, tuple[int, int]]:
    """Return the mentions and posts of each entity of a publication."""
    return {e.key: (e.mentions, e.posts) for e in store.entities(name, EntityFilter(limit=1000))}
