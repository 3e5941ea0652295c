"""The one client of Firestore: where documents lie, how long a call may take, how it fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import grpc
from google.api_core import exceptions as google
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore_v1 import Client, CollectionReference, DocumentReference
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import CommitRequest, CommitResponse

from ingest.observability import metrics
from ingest.store.base import StoreUnavailable
from ingest.store.deadline import seconds_left
from ingest.store.firestore import schema

# gRPC refuses a call without time.
LEAST_SECONDS = 0.01


class Database:
    """A Firestore database, and the limits of every call to it."""

    def __init__(self, *, project: str, database: str, timeout: float) -> None:
        self.client = Client(project=project, database=database)
        # Google's client reads this variable too, at the same time.
        self._emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
        self.name = f"projects/{self.client.project}/databases/{database}"
        self._metadata = [("google-cloud-resource-prefix", self.name)]
        if self._emulator:  # it takes a caller that says so for the owner
            self._metadata.append(("authorization", "Bearer owner"))
        self._timeout = timeout

    @property
    def limits(self) -> dict[str, Any]:
        """Return the limits of a call; the client's own one is five minutes of retries."""
        left = seconds_left()
        timeout = self._timeout if left is None else max(LEAST_SECONDS, min(left, self._timeout))
        return {"retry": Retry(initial=0.1, maximum=1, timeout=timeout), "timeout": timeout}

    @cached_property
    def _commits(self) -> FirestoreClient:
        """Return the client below Google's own one, which takes the messages of a commit."""
        if self._emulator is None:
            return FirestoreClient()
        channel = grpc.insecure_channel(self._emulator)
        return FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))

    def commit(self, request: CommitRequest, **limits: Any) -> CommitResponse:
        """Send a commit, and return what its transforms made."""
        return self._commits.commit(request, metadata=self._metadata, **limits)

    @property
    def posts(self) -> CollectionReference:
        """Return every post, of every publication."""
        return self.client.collection(schema.POSTS)

    @property
    def publications(self) -> CollectionReference:
        """Return every publication."""
        return self.client.collection(schema.PUBLICATIONS)

    @property
    def names(self) -> CollectionReference:
        """Return every name."""
        return self.client.collection(schema.NAMES)

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

    def shards(self, pub_id: str) -> list[DocumentReference]:
        """Return the documents over which a publication's own counters are spread."""
        shards = self.publications.document(pub_id).collection(schema.SHARDS)
        return [shards.document(str(number)) for number in range(schema.SHARD_COUNT)]


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
