"""The metrics of contract 13, one module a subject; each takes the registry of its process.

docs/reference/metrics.md lists them all, held together by a test.
"""
