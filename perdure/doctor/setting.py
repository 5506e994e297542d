"""Whether the settings in the environment can be read; used by the examination, which goes on with what can be."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from perdure.contract.field_message import field_message
from perdure.doctor.finding import Finding, cause_of, ok, problem, warning
from perdure.doctor.variable import PREFIX, setting_variables, unknown_variables
from perdure.settings import Settings

_CHECK = "settings"
_REFERENCE = "docs/reference/settings.md"


def read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """The settings of this process, defaults in place of those that do not parse, and what is wrong with them.

    `environ` is the process's own environment, which the settings class reads by itself.
    """
    settings, problems = _parse()
    return settings, [*(problems or [ok(_CHECK, _summary(settings, environ))]), *_unknown(environ)]


def _parse() -> tuple[Settings, list[Finding]]:
    try:
        return Settings(), []
    except ValidationError as error:
        findings = [_refused(one) for one in error.errors(include_url=False)]
        return _without({str(one["loc"][0]) for one in error.errors() if one["loc"]}), findings
    except SettingsError as error:
        finding = problem(_CHECK, cause_of(error), f"Correct it ({_REFERENCE}).")
        return Settings.model_construct(), [finding]


def _without(fields: set[str]) -> Settings:
    """The settings with the defaults of `fields`."""
    defaults: dict[str, Any] = {
        name: info.get_default(call_default_factory=True)
        for name, info in Settings.model_fields.items()
        if name in fields
    }
    try:
        return Settings(**defaults)
    except ValidationError:  # what is wrong is no single field's value
        return Settings.model_construct()


def _refused(error: Any) -> Finding:
    variable = PREFIX + "_".join(str(part) for part in error["loc"]).upper()
    words = field_message([error], hide=True)[1]
    return problem(_CHECK, f"{variable}: {words}", f"Correct it: API and worker do not start ({_REFERENCE}).")


def _unknown(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, meant in unknown_variables(environ):
        remedy = f"Did you mean {meant}?" if meant else f"Unset it; all there are stand in {_REFERENCE}."
        yield warning(_CHECK, f"{name} is no variable that Perdure knows: it changes nothing", remedy)


def _summary(settings: Settings, environ: Mapping[str, str]) -> str:
    """Every setting that is given, secret values apart."""
    given = {name.upper() for name in environ}
    shown = [
        f"{variable}={_shown(getattr(settings, field))}"
        for variable, field in setting_variables().items()
        if variable in given
    ]
    return f"all parse; set are {', '.join(shown)}" if shown else "none is set: every one has its default"


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(secret)"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
