"""How a log line looks, what is in each, and what is in none: the text of a post, or a secret."""

import logging
import logging.config
import os
import sys
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from ingestsite import configuration


class WithoutBodies(logging.Filter):
    """Leave out the bodies of messages, which Celery would print when it cannot read one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "body" in str(record.msg):
            record.msg, record.args = "a message is none of ours, and nobody takes it", ()
            record.exc_info = None
        return True


def _process(_logger: Any, _name: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


# What stands in each line, of ours and of the libraries.
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _process,
]


def _renderers() -> list[Processor]:
    """Return what writes a line; never the values of variables, which may be posts."""
    if configuration.LOG_FORMAT == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        pad_event_to=0,
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [console]


CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_bodies": {"()": WithoutBodies}},
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [structlog.stdlib.add_logger_name, *_SHARED],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # It warns, for each queue, of tasks that are to run later: there are none.
        "kombu.transport.native_delayed_delivery": {"level": "ERROR"},
        # Two lines for each message, where ours has one for each batch.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.consumer.consumer": {"filters": ["without_bodies"]},
        "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
    },
    # The libraries' own DEBUG prints what is in messages.
    "root": {
        "handlers": ["stderr"],
        "level": "INFO" if configuration.LOG_LEVEL == "DEBUG" else configuration.LOG_LEVEL,
    },
}


def configure(config: dict[str, Any]) -> None:
    """
    Set up the libraries' logging, and our own: Django calls this once in each process.

    Ours goes straight to the same place: the library's way would cost a line three times as much.
    """
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[*_SHARED, *_renderers()],
        wrapper_class=structlog.make_filtering_bound_logger(configuration.LOG_LEVEL),
        logger_factory=structlog.WriteLoggerFactory(file=sys.__stderr__),
        cache_logger_on_first_use=True,
    )
