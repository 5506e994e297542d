"""Traces of a process (contract 13): one trace a job, exported by OTLP. Entry points open it."""
