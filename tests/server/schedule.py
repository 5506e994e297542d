"""Which worker of pytest-xdist runs which file, and when; `tests/conftest.py` hands it over."""

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]
from xdist.workermanage import WorkerController  # type: ignore[import-untyped]

ON_THE_STACK = (
    "tests/acceptance/test_c_",
    "tests/acceptance/test_dead_letters",
    "tests/acceptance/test_f2_",
    "tests/acceptance/test_jobs",
    "tests/acceptance/test_record",
    "tests/browser/",
    "tests/integration/cli/",
    "tests/integration/doctor/test_stack",
    "tests/integration/telemetry/",
)
"""Where the files with tests of the session's `stack` are. One that is missing here costs another stack, no more."""
SHORT = "tests/unit/"


class Schedule(LoadFileScheduling):  # type: ignore[misc]  # xdist's classes are untyped
    """Whole files, as with `--dist loadfile`; but one worker has those that share a stack, and short ones come last.

    A stack takes ten seconds to start and costs processor time as long as it is up. What is short evens the end out.
    """

    _home: WorkerController | None = None
    """Who has the stack."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self._home not in self.nodes:
            self._home = node
        file = min(self.workqueue, key=lambda file: self._order(file, at_home=node is self._home))
        self.workqueue.move_to_end(file, last=False)
        super()._assign_work_unit(node)

    @staticmethod
    def _order(file: str, *, at_home: bool) -> tuple[bool, bool, str]:
        return file.startswith(ON_THE_STACK) is not at_home, file.startswith(SHORT), file
