"""The format of log lines. No line has the text of a post or a secret."""

import logging
import logging.config
import os
import sys
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from ingest.observability import tracing
from ingestsite import configuration


class WithoutBodies(logging.Filter):
    """Remove the bodies of messages, which Celery prints if it cannot read one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "body" in str(record.msg):
            record.msg, record.args = "refused a message of an unknown task or format", ()
            record.exc_info = None
        return True


def _process(_logger: Any, _name: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _trace(_logger: Any, _name: str, event: EventDict) -> EventDict:
    event.update(tracing.log_ids())
    return event


# The fields of every line, of ours and of the libraries.
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _process,
    _trace,
]


def _renderers() -> list[Processor]:
    """Return the processors that write a line, without local variables, which may be posts."""
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
        # It warns about delayed tasks on each queue. We have none.
        "kombu.transport.native_delayed_delivery": {"level": "ERROR"},
        # Celery logs two lines a message, our workers one a batch.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.consumer.consumer": {"filters": ["without_bodies"]},
        # The audit log has the failures.
        "axes": {"level": "ERROR"},
        "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
    },
    # The libraries' DEBUG lines contain the bodies of messages.
    "root": {
        "handlers": ["stderr"],
        "level": "INFO" if configuration.LOG_LEVEL == "DEBUG" else configuration.LOG_LEVEL,
    },
}


def configure(config: dict[str, Any]) -> None:
    """
    Configure the libraries' log and ours. Django calls this once in each process.

    Our lines go directly to stderr. Through the logging library, each would cost three times more.
    """
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[*_SHARED, *_renderers()],
        wrapper_class=structlog.make_filtering_bound_logger(configuration.LOG_LEVEL),
        logger_factory=structlog.WriteLoggerFactory(file=sys.__stderr__),
        cache_logger_on_first_use=True,
    )
