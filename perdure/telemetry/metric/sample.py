"""Families of samples made at the time of a scrape. Used by the collectors."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

Families = Iterable[Metric]
Samples = Mapping[tuple[str, ...], float]
"""Values by label values, in the order of the labels."""


def gauge(name: str, documentation: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """A gauge with these samples."""
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family


def counter(name: str, documentation: str, samples: Samples, labels: tuple[str, ...] = ()) -> Metric:
    """A counter with these samples; its samples are named `name` and `_total`."""
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, value in samples.items():
        family.add_metric(values, value)
    return family
