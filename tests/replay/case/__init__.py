"""The jobs that are recorded for replay, one function a history; `tests.replay.record` runs them."""
