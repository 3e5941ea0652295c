"""
Receipts: signatures that prove when a post was accepted, so that no record of it is needed.

An accepted post is saved, deleted, a dead letter, or still queued. If the store and the dead
letters do not have it, a valid receipt proves that it is queued. No queue has to be read.
"""

from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, Signer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidReceipt(Exception):
    """The text is not a receipt that we signed for this post."""


def write(post_id: str, accepted_at: datetime) -> str:
    """Return the receipt of a post that was accepted at a time."""
    microseconds = (accepted_at - EPOCH) // timedelta(microseconds=1)
    return _signer().sign(f"{post_id}.{microseconds}").removeprefix(f"{post_id}.")


def read(post_id: str, receipt: str) -> datetime:
    """
    Return when a post was accepted.

    Raises:
        InvalidReceipt: the text proves nothing about this post.
    """
    try:
        signed = _signer().unsign(f"{post_id}.{receipt}")
    except BadSignature as error:
        raise InvalidReceipt from error
    return EPOCH + timedelta(microseconds=int(signed.removeprefix(f"{post_id}.")))


def _signer() -> Signer:
    return Signer(salt="ingest.receipt", sep=".")
