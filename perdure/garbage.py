"""How the garbage collector of a process that serves for long is set; used by API and worker."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 50_000
"""Objects between two looks; Python's 700 are a few milliseconds of a busy worker, and what is in use is looked at
again and again."""


def settle_garbage_collection() -> None:
    """Never look again at what was imported and made until now, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    _, *older = gc.get_threshold()
    gc.set_threshold(_YOUNG, *older)


@contextmanager
def collection_paused() -> Iterator[None]:
    """While much JSON is read or written: it makes no garbage, and looking for some takes six times as long as reading.

    Of two threads at once the first to end ends it for both, which costs time only.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
