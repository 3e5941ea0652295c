"""The store as the service opens it, on a project of a test's own."""

from ingest.store.firestore import FirestoreStore
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
