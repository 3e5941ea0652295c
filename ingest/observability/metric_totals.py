"""
The totals of the metrics that all our processes on this machine counted.

Prometheus' own collector makes objects of each value of each process before it adds them up. Here
equal values are added first, since most processes count the same things.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.utils import floatToGoString

from ingest.observability import metric_slots

LIMIT = "le"  # the label with a bucket's upper limit

Labels = tuple[tuple[str, str], ...]


def totals() -> Iterator[Metric]:
    """Yield the counters and histograms, each with its values added over all processes."""
    metrics: dict[str, Metric] = {}
    buckets: dict[str, dict[Labels, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    for (kind, key), value in _sums().items():
        family, name, labels, help_ = json.loads(key)
        metric = metrics.get(family)
        if metric is None:
            metric = metrics[family] = Metric(family, help_, kind)
        if LIMIT in labels:
            limit = float(labels.pop(LIMIT))
            buckets[family][tuple(labels.items())][limit] = value
        else:
            metric.add_sample(name, labels, value)
    for family, by_labels in buckets.items():
        for own, values in by_labels.items():
            _add_buckets(metrics[family], dict(own), values)
    yield from metrics.values()


def _sums() -> dict[tuple[str, str], float]:
    """Return the sum of each value over all files, by the kind of its metric and its key."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for kind in metric_slots.KINDS:
        for path in metric_slots.folder().glob(f"{kind}_*.db"):
            values: Any = MmapedDict.read_all_values_from_file(path)
            for key, value, _, _ in values:
                sums[kind, key] += value
    return sums


def _add_buckets(metric: Metric, labels: dict[str, str], values: dict[float, float]) -> None:
    """Add the samples of a histogram's buckets, each of which counts those below it too."""
    count = 0.0
    for limit, value in sorted(values.items()):
        count += value
        metric.add_sample(f"{metric.name}_bucket", {**labels, LIMIT: floatToGoString(limit)}, count)
    metric.add_sample(f"{metric.name}_count", labels, count)
