"""A client of the API, for programs that send posts and read counts. It needs only requests."""

from ingest.client.api import ApiClient, ApiError, seconds_of_retry_after

__all__ = ["ApiClient", "ApiError", "seconds_of_retry_after"]
