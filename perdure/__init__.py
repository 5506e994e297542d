"""Perdure: a durable job engine on Temporal. Jobs are never lost, doubled or unexplained."""

__version__ = "0.1.0"
