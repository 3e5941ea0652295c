"""
The proof that a post was accepted: a signature, so that nobody has to write it down.

An accepted post is saved, or queued, or a dead letter. So one that is neither saved nor dead is
queued, if it was accepted; and that is what a receipt proves, without a look at any queue.
"""

from datetime import UTC, datetime, timedelta

from django.core.signing import BadSignature, Signer

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidReceipt(Exception):
    """The text is no receipt of ours for this post."""


def write(post_id: str, accepted_at: datetime) -> str:
    """Certify that a post was accepted at a moment."""
    moment = (accepted_at - EPOCH) // timedelta(microseconds=1)
    return _signer().sign(f"{post_id}.{moment}").removeprefix(f"{post_id}.")


def read(post_id: str, receipt: str) -> datetime:
    """
    Return when a post was accepted.

    Raises:
        NotAReceipt: nobody knows that it ever was.
    """
    try:
        signed = _signer().unsign(f"{post_id}.{receipt}")
    except BadSignature as error:
        raise InvalidReceipt from error
    return EPOCH + timedelta(microseconds=int(signed.removeprefix(f"{post_id}.")))


def _signer() -> Signer:
    return Signer(salt="ingest.receipt", sep=".")
