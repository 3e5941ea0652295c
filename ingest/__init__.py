"""
From a posted article to counts of the entities in it: the packages in the order a post meets them.

    api         accepts posts over HTTP and answers queries
    core        pure rules: posts, messages, entity names, counts, revisions, aliases
    broker      publishes messages, and controls admission
    worker      takes messages in batches, extracts entities, saves counts
    nlp         finds entities in a text
    store       keeps posts and counts, each post once
    analytics   reads counts: entity lists, top entities, comparisons, summaries
    notify      watches, events, and their delivery to webhooks
    web         pages for readers
    admin       pages for operators
    dashboard   the state of the pipeline and the publications, in the admin
    operations  audit log, replay, reprocessing, alias rules and backfills
    management  commands of manage.py
    loader      loads posts from files over HTTP
    follow      posts the articles of feeds over HTTP
    devstack    starts and stops all of it on one machine

Beside them, models has the tables, tasks the Celery tasks, and process and observability the means
that all processes share. ARCHITECTURE.md has the import order.
"""

__version__ = "0.2.0"
