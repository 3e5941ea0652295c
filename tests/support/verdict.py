"""What became of the accepted posts, compared with the model run by itself on their texts."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from ingest.core.aliases import Rules
from ingest.core.counts import EntityName, name_of
from ingest.core.default_names import defaults_of
from ingest.nlp.ner import find_entities, load_plain_model
from ingest.store.base import Store
from ingestsite import configuration

Sent = Mapping[str, tuple[str, str]]  # publication and text, by post id

DEFAULTS = Rules(defaults=defaults_of({}))

DEAD_LETTER = r"^([0-9a-f]{32}) "


def judge(sent: Sent, dead_letters: str, store: Store) -> dict[str, int]:
    """
    Compare the accepted posts with the store and with the dead letters.

    Args:
        dead_letters: what `manage.py dead_letters list` printed.
    """
    dead = set(re.findall(DEAD_LETTER, dead_letters, re.M))
    expected: dict[str, Counter[EntityName]] = {}
    posts: dict[str, Counter[EntityName]] = {}
    number: Counter[str] = Counter()
    saved, lost, not_poison = 0, 0, 0
    for post_id, (publication, content) in sent.items():
        poison = content.startswith("BOMB")
        if post_id in dead:
            not_poison += not poison
        elif store.post(post_id) is None:
            lost += 1
            print(f"  lost: {post_id}", flush=True)
        else:
            saved += 1
            number[publication] += 1
            found = mentions(content)
            expected.setdefault(publication, Counter()).update(found)
            posts.setdefault(publication, Counter()).update(found.keys())
    wrong, doubled = 0, 0
    for stored in store.publications():
        recount = store.recount(stored.name)
        entities = recount.stored.entities
        doubled += max(0, stored.posts - number[stored.name])
        wrong += stored.posts != number[stored.name]
        wrong += len(recount.diff.entities)
        for name in entities.keys() | expected[stored.name].keys():
            entity = entities.get(name)
            counted = (entity.mentions, entity.posts) if entity else (0, 0)
            wrong += counted != (expected[stored.name][name], posts[stored.name][name])
    return {
        "saved": saved,
        "dead": len(dead & sent.keys()),
        "lost": lost,
        "doubled": doubled,
        "counters_wrong": wrong,
        "not_poison": not_poison,
    }


def redelivered(log: str) -> int:
    """Return how many messages the workers saw again, by what they logged."""
    return sum(map(int, re.findall(r"delivered again .* again=(\d+)", log)))


@cache
def mentions(text: str) -> Counter[EntityName]:
    """Count the entities of a text with the model alone, under the default names."""
    counts: Counter[EntityName] = Counter()
    for entity in find_entities(text, _plain_model(), labels=configuration.LABELS):
        if counted := DEFAULTS.counted_as(entity, publication=""):
            counts[name_of(counted)] += counted.mentions
    return counts


@cache
def _plain_model() -> Any:
    return load_plain_model(configuration.MODEL)
