"""Celery's settings that differ from its defaults, each with its reason."""

from kombu import Queue

from ingest.broker import publish
from ingestsite import configuration

broker_url = configuration.BROKER_URL
imports = ["ingest.tasks", "ingest.worker.lifecycle"]
# A message that Celery cannot start a task for becomes a dead letter. Celery drops it.
worker_consumer = "ingest.worker.consumer:Consumer"

# Acknowledge a message after its effect. The broker redelivers it if its process dies before.
task_acks_late = True
task_reject_on_worker_lost = True
# Waiting messages stay on the queue, where every worker can take them.
worker_prefetch_multiplier = 1
# The effect is in the store. A result would be a second, weaker record of it.
task_ignore_result = True
# Every queue is declared by name, so that a typo creates no queue.
task_create_missing_queues = False
task_default_queue = publish.EXTRACT
task_default_exchange = ""
task_queues = [Queue(name, routing_key=name) for name in publish.QUEUES]

# A worker waits for its broker without a limit, at the start and later.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A worker outlives an error of its channel: RabbitMQ's consumer timeout, a name that is still taken
# after a reconnect, and a Redis that became a replica.
broker_channel_error_retry = True
# A request must not wait without a limit for a connection that other threads use.
broker_pool_acquire_timeout = 2  # seconds
broker_pool_limit = configuration.WEB_THREADS + 2
# A new child on a busy machine may need longer than the default of four seconds.
worker_proc_alive_timeout = 120  # seconds
# Printed text is no log line.
worker_redirect_stdouts = False

if configuration.BROKER_IS_RABBITMQ:
    # A quorum queue is on the disks of several nodes, and counts deliveries. Beyond the limit, a
    # message moves to the dead-letter queue. RabbitMQ never drops it.
    durable = {"x-queue-type": "quorum"}
    limited = {
        **durable,
        "x-delivery-limit": configuration.DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": publish.DEAD_QUEUE,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    task_queues = [Queue(q, routing_key=q, queue_arguments=limited) for q in publish.QUEUES]
    # RabbitMQ 4 drops a message after 20 deliveries, unless its queue has another limit.
    unlimited = {**durable, "x-delivery-limit": 2**31 - 1}
    task_queues.append(
        Queue(publish.DEAD_QUEUE, routing_key=publish.DEAD_QUEUE, queue_arguments=unlimited)
    )
    broker_transport_options: dict[str, object] = {
        # A publish ends when a majority of nodes has the message.
        "confirm_publish": True,
        # A frozen broker counts as unavailable after these seconds: a client has its 503 within 5.
        "connect_timeout": 2,
        "read_timeout": 4,
        "write_timeout": 4,
        # A request fails at once if the broker is unavailable; its client retries. Workers wait.
        "max_retries": 0,
    }
else:
    broker_transport_options = {
        "visibility_timeout": configuration.VISIBILITY_SECONDS,
        # Restore the messages of dead workers every five seconds, not every hundred.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 1000,
        # A worker that restores takes a lock. The lock of a killed worker must expire long before
        # the default of five minutes. Two workers that restore at once do no harm.
        "unacked_mutex_expire": 10,
        # Without priorities, each queue is one list instead of four.
        "priority_steps": [0],
        # A request fails at once if the broker is unavailable; its client retries. Workers wait.
        "max_retries": 0,
        # A frozen broker counts as unavailable after these seconds: a client has its 503 within 5.
        "socket_timeout": 4,
        "socket_connect_timeout": 2,
        "health_check_interval": 25,
    }
    if configuration.BROKER_MASTER:
        broker_transport_options["master_name"] = configuration.BROKER_MASTER
