"""Which class decides when a worker acknowledges a message."""

from kombu.utils.imports import symbol_by_name

from ingest.worker.acknowledgement import ReliableRequest, ReliableTask


def test_celery_finds_the_request_of_a_reliable_task() -> None:
    assert symbol_by_name(ReliableTask.Request) is ReliableRequest
