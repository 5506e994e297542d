"""Step types that other packages bring through the entry-point group `perdure.steps`.

The worker loads them at its start to run them, the API to check their parameters.
"""

from importlib.metadata import EntryPoint, entry_points

from perdure.steps.catalogue import add_type
from perdure.steps.definition import StepDefinition, definition_of

GROUP = "perdure.steps"


def load_plugins() -> list[StepDefinition]:
    """The step types of every installed plugin, which are in the catalogue from now on.

    An entry point names a function with `@step`.

    Raises:
        RuntimeError: a plugin cannot be loaded, is no step, or takes a name that exists; the message names it.
    """
    return [_load(entry) for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)]


def _load(entry: EntryPoint) -> StepDefinition:
    try:
        definition = definition_of(entry.load())
        add_type(definition)
    except Exception as problem:
        origin = entry.dist.name if entry.dist else "an unknown package"
        raise RuntimeError(f"the plugin step {entry.name!r} of {origin} cannot be used: {problem}") from problem
    return definition
