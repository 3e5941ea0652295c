"""The kinds of problems that the API answers with; each has an address that says what to do."""

from enum import StrEnum


class ProblemType(StrEnum):
    """The last part of a problem's address, which never changes."""

    BAD_REQUEST = "bad-request"
    UNREADABLE_BODY = "unreadable-body"
    NO_KEY = "no-key"
    NOT_ALLOWED = "not-allowed"
    NOT_FOUND = "not-found"
    WRONG_METHOD = "wrong-method"
    TOO_SLOW = "too-slow"
    IN_PROGRESS = "in-progress"
    CONFLICT = "conflict"
    NO_LENGTH = "no-length"
    TOO_LARGE = "too-large"
    UNSUPPORTED_ENCODING = "unsupported-encoding"
    NOT_VALID = "not-valid"
    TOO_MANY_REQUESTS = "too-many-requests"
    BUG = "bug"
    QUEUE_FULL = "queue-full"
    INTAKE_PAUSED = "intake-paused"
    BROKER_AWAY = "broker-away"
    STORE_AWAY = "store-away"
    DATABASE_AWAY = "database-away"

    @property
    def address(self) -> str:
        """The path on the server of the page about this type."""
        return f"/problems/{self}"

    @property
    def advice(self) -> str:
        """What it means, and what a client does."""
        return ADVICE[self]


AGAIN = (
    "Wait for the seconds of Retry-After, and send the same request again. No post counts twice."
)
ADVICE = {
    ProblemType.BAD_REQUEST: "The request is not one that this server reads. Correct the request.",
    ProblemType.UNREADABLE_BODY: "The body is not JSON in UTF-8. Correct the body.",
    ProblemType.NO_KEY: "The request has no valid API key. Send `Authorization: Bearer KEY`.",
    ProblemType.NOT_ALLOWED: "The key may not do this. Ask an operator for a key that may.",
    ProblemType.NOT_FOUND: "There is nothing at this address, or no longer.",
    ProblemType.WRONG_METHOD: "The address has no such method. `Allow` names those that it has.",
    ProblemType.TOO_SLOW: "The body took too long. Send the rest in another request.",
    ProblemType.IN_PROGRESS: "A request with this Idempotency-Key has no answer yet. "
    "Wait for the seconds of Retry-After, and send it again.",
    ProblemType.CONFLICT: "The post is in a state that does not allow this; `detail` says which.",
    ProblemType.NO_LENGTH: "A request with a body needs a Content-Length header.",
    ProblemType.TOO_LARGE: "The request has more than one request may have. Send it in parts.",
    ProblemType.UNSUPPORTED_ENCODING: "The body's type or encoding is none that we read.",
    ProblemType.NOT_VALID: "`errors` point at the fields that are not valid. Correct them.",
    ProblemType.TOO_MANY_REQUESTS: "The key has used its requests of this minute. "
    "Wait for the seconds of Retry-After.",
    ProblemType.BUG: "Something is wrong in the service. Tell an operator the X-Request-ID.",
    ProblemType.QUEUE_FULL: f"More messages wait than the queues may hold. {AGAIN}",
    ProblemType.INTAKE_PAUSED: f"An operator has paused the intake, or the service stops. {AGAIN}",
    ProblemType.BROKER_AWAY: "The broker does not answer, so the posts may or may not be queued. "
    + AGAIN,
    ProblemType.STORE_AWAY: f"The store of the counts does not answer. {AGAIN}",
    ProblemType.DATABASE_AWAY: f"The database of the keys does not answer. {AGAIN}",
}
