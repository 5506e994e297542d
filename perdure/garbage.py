"""How the garbage collector of a process that serves for long is set; called by the entry points of API and worker."""

import gc

_YOUNG = 10_000
"""Objects between two looks; Python's 700 are a few milliseconds of a busy worker, and what is in use is looked at
again and again."""


def settle_garbage_collection() -> None:
    """Never look again at what was imported and made until now, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_YOUNG, *older)
