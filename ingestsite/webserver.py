"""Gunicorn's settings: `gunicorn --config python:ingestsite.webserver ingestsite.wsgi`."""

import signal
from typing import Any

from ingestsite import configuration, logs

bind = f"{configuration.WEB_HOST}:{configuration.WEB_PORT}"
workers = configuration.WEB_WORKERS
# Requests wait for the broker and the store, not for the processor.
worker_class = "gthread"
threads = configuration.WEB_THREADS
# A stop lets the requests in work finish; no publish takes so long.
graceful_timeout = 30
logconfig_dict = logs.CONFIG
# Signals are all the control we need; the socket would be shared by every stack of a user.
control_socket_disable = True
# A name of 200 characters may take 2,400 bytes in an address, and two may be compared.
limit_request_line = 8190
# The proxy that ends TLS; from nobody else is it believed that a request was encrypted.
forwarded_allow_ips = ",".join(configuration.PROXIES)


def when_ready(server: Any) -> None:
    """Let the requests in work finish at SIGINT too, which would otherwise cut them."""
    signal.signal(signal.SIGINT, lambda *_: server.signal(signal.SIGTERM, None))


def post_worker_init(worker: Any) -> None:
    """Do the same in a worker, for a signal that is sent to the whole group."""
    from ingest.observability import metric_slots, tracing  # Django's settings are there only now

    metric_slots.take_role("web")
    tracing.start(configuration.TRACES_ENDPOINT, role="web")
    signal.signal(signal.SIGINT, worker.handle_exit)
