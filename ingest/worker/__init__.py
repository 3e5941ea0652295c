"""The Celery worker: batching, acknowledgement, failure isolation, steps and lifecycle."""
