"""
Admission control: whether the API may accept posts, and whether the pipeline is drained.

A request publishes its messages while the intake is not paused. *Drained* means not writable,
nothing in flight, nothing waiting and nothing in progress. So no post can slip in after that
answer. Each broker has its own way to read this.
"""

from typing import get_args

from celery import current_app

from ingest.broker.admission.base import AdmissionControl, PauseOwner
from ingest.process.once import once


@once
def get_admission() -> AdmissionControl:
    """Return the admission control that goes with the broker."""
    if current_app.conf.broker_url.startswith("amqp"):
        from ingest.broker.admission.rabbitmq import RabbitmqAdmission

        return RabbitmqAdmission()
    from ingest.broker.admission.redis import RedisAdmission

    return RedisAdmission()


def resume_intake() -> None:
    """
    End every pause, also one that an interrupted stop left; a running stop or drain pauses again.

    Raises:
        BrokerUnavailable: the broker or its database does not answer.
    """
    for owner in get_args(PauseOwner):
        get_admission().resume(owner)
