"""
Admission control: whether posts may come in, and whether all that came in has gone through.

A request publishes its messages while the intake is not paused. *Drained* means not writable,
nothing in flight, nothing waiting and nothing in progress, so no post can slip in behind the
answer. How that is read depends on the broker.
"""

from functools import cache

from celery import current_app

from ingest.broker.admission.base import AdmissionControl


@cache
def get_admission() -> AdmissionControl:
    """Return the admission control that goes with the broker."""
    if current_app.conf.broker_url.startswith("amqp"):
        from ingest.broker.admission.rabbitmq import RabbitmqAdmission

        return RabbitmqAdmission()
    from ingest.broker.admission.redis import RedisAdmission

    return RedisAdmission()
