"""The `Job` workflow: an interpreter over a planned graph of steps, one module a concern."""
