"""Gunicorn's settings: `gunicorn --config python:ingestsite.webserver ingestsite.wsgi`."""

import signal
from typing import Any

from gunicorn import glogging

from ingest.process import fork_memory
from ingestsite import configuration, logs

bind = f"{configuration.host_in_url(configuration.WEB_HOST)}:{configuration.WEB_PORT}"
workers = configuration.WEB_WORKERS
# Requests wait for the broker and the store more than they compute, so threads suffice.
# Ours gives no thread to a client that is slow to send its request.
worker_class = "ingestsite.webworker.Worker"
threads = configuration.WEB_THREADS
# A stop lets the requests in flight finish. No publish takes so long.
graceful_timeout = 30  # seconds
# Proxies keep an idle connection for 60 s. One that we close first could have a request under way.
keepalive = 75  # seconds
logconfig_dict = logs.CONFIG
# We control gunicorn by signals. Every stack of a user would share its control socket.
control_socket_disable = True
# A name of 200 characters may take 2,400 bytes in a URL, and a comparison has two names.
limit_request_line = 8190  # bytes
# Only these proxies are believed about TLS.
forwarded_allow_ips = ",".join(configuration.PROXIES)


class Logger(glogging.Logger):  # type: ignore[misc]
    """Gunicorn's, without its access log: metrics and our own lines say more."""

    # Nothing shows that log, but each line of it would take a tenth of a millisecond.
    access_log_enabled = False


logger_class = Logger


def when_ready(server: Any) -> None:
    """Let the requests in flight finish at SIGINT too, as at SIGTERM."""
    signal.signal(signal.SIGINT, lambda *_: server.signal(signal.SIGTERM, None))


def post_worker_init(worker: Any) -> None:
    """Start metrics and traces, and handle a SIGINT to the whole process group as SIGTERM."""
    from ingest.observability import metric_slots, tracing  # needs Django's settings

    fork_memory.freeze()
    metric_slots.take_role("web")
    tracing.start(configuration.TRACES_ENDPOINT, role="web")
    signal.signal(signal.SIGINT, worker.handle_exit)
