"""Celery's settings: only those that differ from its defaults, each with its reason."""

from kombu import Queue

from ingest.broker import publish
from ingestsite import configuration

broker_url = configuration.BROKER_URL
imports = ["ingest.tasks", "ingest.worker.lifecycle"]

# A message is acknowledged after its effect, and comes again if its process dies before.
task_acks_late = True
task_reject_on_worker_lost = True
# What waits belongs to the queue, where every worker can take it, and not to one worker.
worker_prefetch_multiplier = 1
# The effect is in the store; a result would be a second, weaker truth.
task_ignore_result = True
# Every queue is made by name; a typo must not make a new one.
task_create_missing_queues = False
task_default_queue = publish.EXTRACT
task_default_exchange = ""
task_queues = [Queue(name, routing_key=name) for name in publish.QUEUES]

# A worker waits for its broker, at the start and later, for as long as it takes.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A request must not wait for ever for a connection that threads before it hold.
broker_pool_acquire_timeout = 2
broker_pool_limit = configuration.WEB_THREADS + 2
# A child that is forked again while the machine is busy needs longer than four seconds.
worker_proc_alive_timeout = 120
# What a process prints is not a log line.
worker_redirect_stdouts = False

if configuration.BROKER_IS_RABBITMQ:
    # A queue that is kept by more than one node, on disk, and counts deliveries; what is delivered
    # too often goes to a queue of its own, and is never dropped.
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
    task_queues.append(
        Queue(publish.DEAD_QUEUE, routing_key=publish.DEAD_QUEUE, queue_arguments=durable)
    )
    broker_transport_options: dict[str, object] = {
        # A publish is over when a majority of nodes has the message.
        "confirm_publish": True,
        # A broker that is frozen is away.
        "connect_timeout": 2,
        "read_timeout": 5,
        "write_timeout": 5,
    }
else:
    broker_transport_options = {
        "visibility_timeout": configuration.VISIBILITY_SECONDS,
        # Look for messages of dead workers every five seconds, not every hundred.
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_restore_limit": 1000,
        # Whoever looks holds a lock; a killed worker's must end by itself, long before the default
        # of five minutes. Two who look at once do no harm.
        "unacked_mutex_expire": 10,
        # Priorities would split each queue into four lists.
        "priority_steps": [0],
        # A request does not wait until a broker is back; its client tries again. Workers do wait.
        "max_retries": 0,
        # A broker that is frozen is away.
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "health_check_interval": 25,
    }
