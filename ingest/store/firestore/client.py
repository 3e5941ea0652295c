"""The one client of Firestore: where documents lie, how long a call may take, how it fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.api_core import exceptions as google
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1 import Client, CollectionReference, DocumentReference

from ingest.observability import metrics
from ingest.store.base import StoreUnavailable
from ingest.store.firestore import schema


class Database:
    """A Firestore database, and the limits of every call to it."""

    def __init__(self, *, project: str, database: str, timeout: float) -> None:
        self.client = Client(project=project, database=database)
        # The client's own limit for a call is five minutes of retries.
        self.limits: dict[str, Any] = {
            "retry": Retry(initial=0.1, maximum=1, timeout=timeout),
            "timeout": timeout,
        }

    @property
    def posts(self) -> CollectionReference:
        """Return every post, of every publication."""
        return self.client.collection(schema.POSTS)

    @property
    def publications(self) -> CollectionReference:
        """Return every publication."""
        return self.client.collection(schema.PUBLICATIONS)

    @property
    def ramp(self) -> DocumentReference:
        """Return the document that says when the first write was."""
        ramp: DocumentReference = self.client.collection(schema.CONTROL).document(schema.RAMP)
        return ramp

    def entities(self, pub_id: str) -> CollectionReference:
        """Return the entities of a publication."""
        publication = self.publications.document(pub_id)
        entities: CollectionReference = publication.collection(schema.ENTITIES)
        return entities

    def summary(self, pub_id: str, name: str = schema.SUMMARY) -> DocumentReference:
        """Return a document that keeps what the pages show of a publication."""
        summaries = self.publications.document(pub_id).collection(schema.SUMMARIES)
        summary: DocumentReference = summaries.document(name)
        return summary

    def shard(self, pub_id: str, number: int) -> DocumentReference:
        """Return one of the documents over which a publication's own counters are spread."""
        shards = self.publications.document(pub_id).collection(schema.SHARDS)
        shard: DocumentReference = shards.document(str(number))
        return shard


@contextmanager
def unavailable_on_error() -> Iterator[None]:
    """
    Turn every failure of a call but a refusal of its content into StoreUnavailable.

    A missing right or database is one too: a person can mend it, and until then nothing is lost.
    """
    try:
        yield
    except google.AlreadyExists:
        raise
    except google.GoogleAPIError as error:
        metrics.STORE_ERRORS.labels(type(error).__name__).inc()
        raise StoreUnavailable(f"Firestore: {type(error).__name__}: {error}") from error
    except GoogleAuthError as error:
        raise StoreUnavailable(f"Firestore refuses our credentials: {error}") from error
