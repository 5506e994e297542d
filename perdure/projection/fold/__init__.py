"""The fold: (state of a run, decoded history event) -> journal rows; pure, one module an event family.

Called by the projector, by rebuild and by `GET …?consistency=strong`. `start`, then `apply` each event in
order; `record` gives the job at any point, `changed_items` the items of fan-outs that changed since `settle`.
"""

from perdure.projection.fold.dispatch import apply, fold_run, start
from perdure.projection.fold.item import all_items, changed_items, known_items, settle
from perdure.projection.fold.record import record
from perdure.projection.fold.state import FoldState

__all__ = ["FoldState", "all_items", "apply", "changed_items", "fold_run", "known_items", "record", "settle", "start"]
