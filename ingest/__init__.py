"""
From a posted article to counts of the names in it: the packages in the order a post meets them.

    api            a client submits posts over HTTP, and reads counts
    core           posts, messages, entity names and counts: pure functions without Django
    broker         admission control, the queues, and the publishing of messages
    worker         batches of messages, acknowledgement and dead-lettering
    nlp            the entities that a post mentions        (queue: extract)
    operations     aliases, replay and reprocessing
    store          each post counts once, in Firestore      (queue: save)
    analytics      rankings, comparisons, snippets and exports of counts
    web            the same counts on pages
    admin          pages for operators: keys, aliases, patterns, dead letters, the audit log
    dashboard      the admin's start page: the state of the pipeline, drain and resume
    models         the database: keys, pauses, dead letters, aliases, the audit log
    observability  metrics, traces, the post log and probes
    process        shutdown, time limits and memory of processes
    loader         a client that sends posts from files
    devstack       the whole stack on one machine, started and stopped
    management     the commands of manage.py
    samples        sample posts and stories

tasks.py has the four Celery tasks. ARCHITECTURE.md has the import order.
"""
