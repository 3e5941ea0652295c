"""The HTTP API of one post: its status and its deletion, by our id or by the publisher's own."""

from datetime import datetime

from django.db import DatabaseError
from django.utils import timezone
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from structlog import get_logger

from ingest.api import openapi, receipts, schemas
from ingest.api.authentication import Client, KeyedView, actor_of, client_of, lacks_scope
from ingest.api.errors import Conflict, Unprocessable
from ingest.core.posts import id_of_own
from ingest.core.revisions import PostRecord
from ingest.models import DeadLetter, Scope, Webhook, delete_until
from ingest.notify import events
from ingest.operations import audit
from ingest.store import open_store

logger = get_logger()

Status = (
    schemas.SavedPost
    | schemas.QueuedPost
    | schemas.DeadPost
    | schemas.DeletedPost
    | schemas.ForgottenPost
)

UNKNOWN_POST = (
    "No post with this id is saved or dead. To see a queued post, use the url that the API"
    " returned when it accepted the post."
)


class PostView(KeyedView):
    """`GET` and `DELETE /api/posts/{id}`: a post's status, and its deletion."""

    # Who has the receipt of a post may read it.
    scopes = {"GET": None, "DELETE": Scope.SUBMIT}

    @openapi.post_status
    def get(self, request: Request, post_id: str) -> Response:
        accepted_at = _receipt(request, post_id)
        if accepted_at is None and Scope.READ not in client_of(request).scopes:
            raise PermissionDenied(f"{lacks_scope(Scope.READ)} Use the url of the accepted post.")
        record = open_store().get_record(post_id)
        dead_letter = DeadLetter.objects.filter(post_id=post_id).first()
        _check_may_read(client_of(request), record, dead_letter, accepted_at)
        status = _post_status(post_id, record, dead_letter, accepted_at)
        if status is None:
            raise NotFound(UNKNOWN_POST)
        return Response(status.model_dump(mode="json"))

    @openapi.delete
    def delete(self, request: Request, post_id: str) -> Response:
        return _delete(request, post_id)


class OwnPostView(KeyedView):
    """`GET` and `DELETE /api/publications/{name}/posts/{own id}`, which the publisher chose."""

    scopes = {"GET": None, "DELETE": Scope.SUBMIT}

    @openapi.own_post_status
    def get(self, request: Request, name: str, own_id: str) -> Response:
        client, publication = client_of(request), _name(name)
        if not client.may_use(publication):
            raise NotFound(UNKNOWN_OWN_POST)
        if Scope.READ not in client.scopes and not client.publications:
            raise PermissionDenied(lacks_scope(Scope.READ))
        status = read_status(id_of_own(publication, own_id), None)
        if status is None:
            raise NotFound(UNKNOWN_OWN_POST)
        return Response(status.model_dump(mode="json"))

    @openapi.own_delete
    def delete(self, request: Request, name: str, own_id: str) -> Response:
        publication = _name(name)
        if not client_of(request).may_use(publication):
            raise PermissionDenied(NOT_OWN)
        return _delete(request, id_of_own(publication, own_id), publication)


UNKNOWN_OWN_POST = "No post of this publication with this id is saved, dead or deleted."
NOT_OWN = "This key may delete only posts of its own publications."


def _name(name: str) -> str:
    """Return the name of a publication that is given by its name or id."""
    found = open_store().publication_by_id(name)
    return found.name if found else name


def _delete(request: Request, post_id: str, publication: str | None = None) -> Response:
    now = timezone.now()
    dead_letter = DeadLetter.objects.filter(post_id=post_id).first()
    record = open_store().get_record(post_id)
    if publication is None:
        _check_may_delete(client_of(request), record, dead_letter)
    if record.forgotten_at:
        raise Conflict("The post was forgotten after its time. Its counts stay.")
    open_store().remove(post_id, at=now)
    delete_until({post_id: now})
    audit.record(actor_of(request), audit.Action.DELETE, f"post {post_id}")
    _tell(client_of(request).key_id, post_id, now)
    return Response(schemas.DeletedPost(id=post_id, deleted_at=now).model_dump(mode="json"))


def _tell(key_id: int, post_id: str, now: datetime) -> None:
    """Tell the webhooks of a key that it has deleted a post; the deletion needs no database."""
    try:
        data = {"id": post_id, "deleted_at": now.isoformat()}
        about = (post_id, now.isoformat())
        events.record_for_publisher(Webhook.Event.DELETED, key_id, data, *about)
    except DatabaseError as error:
        logger.error("webhooks not told of a deletion", post=post_id, why=str(error))


def _receipt(request: Request, post_id: str) -> datetime | None:
    text = request.query_params.get("receipt")
    if text is None:
        return None
    try:
        return receipts.read(post_id, text)
    except receipts.InvalidReceipt as error:
        raise Unprocessable("This is not the receipt of this post.") from error


def read_status(post_id: str, accepted_at: datetime | None) -> Status | None:
    """Return the status of a post, or of the revision accepted at a time; None if none is known."""
    dead_letter = DeadLetter.objects.filter(post_id=post_id).first()
    return _post_status(post_id, open_store().get_record(post_id), dead_letter, accepted_at)


def _post_status(
    post_id: str, record: PostRecord, dead_letter: DeadLetter | None, accepted_at: datetime | None
) -> Status | None:
    def covers(time: datetime | None) -> bool:
        return time is not None and (accepted_at is None or time >= accepted_at)

    if record.post and covers(record.post.accepted_at):
        return schemas.SavedPost.of(record.post)
    if record.forgotten_at:
        return schemas.ForgottenPost(id=post_id, forgotten_at=record.forgotten_at)
    if record.deleted_at and covers(record.deleted_at):
        return schemas.DeletedPost(id=post_id, deleted_at=record.deleted_at)
    if dead_letter and (accepted_at is None or covers(dead_letter.accepted_at)):
        return schemas.DeadPost(
            id=post_id,
            own_id=dead_letter.payload.get("own_id"),
            step=dead_letter.step,
            reason=dead_letter.reason,
            attempts=dead_letter.attempts,
        )
    return schemas.QueuedPost(id=post_id, accepted_at=accepted_at) if accepted_at else None


def _check_may_read(
    client: Client,
    record: PostRecord,
    dead_letter: DeadLetter | None,
    accepted_at: datetime | None,
) -> None:
    """
    Hide a post of another publication than those of the key, as if there was none.

    Nobody knows the publication of a queued or deleted post. Its receipt came from its submission.
    """
    known = [post.publication for post in (record.post, dead_letter) if post]
    is_own = all(map(client.may_use, known)) if known else accepted_at is not None
    if client.publications and not is_own:
        raise NotFound(UNKNOWN_POST)


def _check_may_delete(client: Client, record: PostRecord, dead_letter: DeadLetter | None) -> None:
    """Refuse a post that is not known to be of the key's own publications."""
    post = record.post or dead_letter
    if client.publications and not (post and client.may_use(post.publication)):
        raise PermissionDenied(NOT_OWN)
