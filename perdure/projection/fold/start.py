"""WORKFLOW_EXECUTION_STARTED: who and what the job is, and what an earlier run handed over."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from perdure.contract.duration import parse_duration
from perdure.contract.execution import JobState
from perdure.contract.identifier import STEP_ID_FORM, UnitId
from perdure.contract.journal import JournalType
from perdure.contract.name import (
    MEMO_FINGERPRINT,
    MEMO_REASON,
    MEMO_REQUEST_ID,
    MEMO_SUBMITTED_BY,
    MEMO_TRACEPARENT,
    TASK_QUEUE_PREFIX,
)
from perdure.contract.state import StepStatus
from perdure.contract.timestamp import parse_timestamp
from perdure.contract.trace import read_traceparent
from perdure.projection.fold import reading
from perdure.projection.fold.carried import take_over
from perdure.projection.fold.change import finish
from perdure.projection.fold.failure import StepTerms
from perdure.projection.fold.row import Row
from perdure.projection.fold.state import FoldState
from perdure.projection.fold.unit import StepFold
from perdure.projection.fold.waiting import WAITING_TYPES
from perdure.projection.history import HistoryEvent

_STEP_ID = re.compile(STEP_ID_FORM, re.ASCII)
_PRIORITIES = range(1, 6)
_LONGEST_TEXT = 255
"""Characters of a text that the store indexes; a spec that the API took is within it."""


def on_started(state: FoldState, event: HistoryEvent) -> list[Row]:
    """The run began: the first one submitted the job, a later one says nothing new."""
    data = event.data
    state.run_started_at = state.created_at = event.at
    state.first_run_id = reading.text(data, "first_run_id")
    state.continued_from = reading.text(data, "continued_from")
    state.copied = reading.text(data, "original_run_id") not in (None, state.run_id)
    state.parent_id = reading.text(data, "parent_id")
    _read_memo(state, data)
    start = reading.mapping(data, "input")
    _read_spec(state, reading.mapping(start, "spec"))
    state.resubmit_of = reading.text(start, "resubmit_of")
    state.tenant = reading.text(start, "tenant") or state.tenant
    state.queue = (reading.text(data, "task_queue") or state.queue).removeprefix(TASK_QUEUE_PREFIX)
    carried = reading.model(JobState, start.get("carried"))
    if carried is not None:
        take_over(state, carried)
    state.start_at = _start_at(reading.mapping(start, "spec"), state.created_at)
    if state.continued_from:
        return []
    kept = reading.mapping(start, "kept")
    for step_id in kept:
        _keep(state, step_id, kept[step_id], event.at)
    return [_submitted(state, event, list(kept))]


def _keep(state: FoldState, step_id: str, output: Any, at: datetime) -> None:
    """A step that the job this one resubmits had completed."""
    step = state.steps.get(step_id)
    if step is not None:
        finish(state, step, StepStatus.COMPLETED, at)
        step.output = output


def _start_at(spec: Mapping[str, Any], submitted_at: datetime | None) -> datetime | None:
    start_at, delay = reading.text(spec, "start_at"), reading.text(spec, "delay")
    with suppress(ValueError, OverflowError):
        if delay is not None and submitted_at is not None:
            return submitted_at + parse_duration(delay)
        if start_at is not None:
            return parse_timestamp(start_at)
    return None


def _submitted(state: FoldState, event: HistoryEvent, kept: list[str]) -> Row:
    memo = reading.mapping(event.data, "memo")
    facts = {
        "name": state.name,
        "type": state.type,
        "queue": state.queue,
        "priority": state.priority,
        "steps": len(state.steps),
        "fingerprint": state.fingerprint,
        "request_id": reading.text(memo, MEMO_REQUEST_ID),
        "start_at": state.start_at and state.start_at.isoformat(),
        "resubmit_of": state.resubmit_of,
        "reason": reading.text(memo, MEMO_REASON),
        "kept": kept or None,
    }
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return Row(JournalType.JOB_SUBMITTED, event.at, actor=state.submitted_by, data=known)


def _read_memo(state: FoldState, data: Mapping[str, Any]) -> None:
    memo = reading.mapping(data, "memo")
    state.submitted_by = reading.text(memo, MEMO_SUBMITTED_BY) or reading.text(data, "identity")
    state.fingerprint = reading.text(memo, MEMO_FINGERPRINT)
    trace = read_traceparent(reading.text(memo, MEMO_TRACEPARENT))
    state.trace_id = trace and trace.trace_id
    state.traceparent = trace and trace.traceparent


def _read_spec(state: FoldState, spec: Mapping[str, Any]) -> None:
    # By hand: a `Job` that somebody starts with another input, or a newer version does, is shown all the same.
    state.name = _short(spec, "name") or state.name
    state.type = _short(spec, "type") or state.type
    state.queue = _short(spec, "queue") or state.queue
    priority = reading.number(spec, "priority")
    state.priority = priority if priority is not None and priority in _PRIORITIES else state.priority
    state.correlation_id = _short(spec, "correlation_id")
    state.input = spec.get("input")
    labels = reading.mapping(spec, "labels")
    state.labels = {key: value for key, value in labels.items() if isinstance(value, str)}
    for step in reading.items(spec, "steps"):
        _read_step(state, step if isinstance(step, Mapping) else {})


def _short(spec: Mapping[str, Any], key: str) -> str | None:
    found = reading.text(spec, key)
    return found and found[:_LONGEST_TEXT]


def _read_step(state: FoldState, spec: Mapping[str, Any]) -> None:
    step_id = reading.text(spec, "id")
    if step_id is None or _STEP_ID.fullmatch(step_id) is None or step_id in state.steps:
        return
    type_ = _short(spec, "type") or ""
    params = reading.mapping(spec, "with")
    step = StepFold(
        UnitId(step_id),
        position=len(state.steps),
        terms=_terms(state, spec),
        undo_terms=_terms(state, reading.mapping(spec, "compensate")),
        awaits_child=params.get("wait") is not False,
        params=params if type_ in WAITING_TYPES else {},
    )
    state.add(step)


def _terms(state: FoldState, spec: Mapping[str, Any]) -> StepTerms:
    usual = StepTerms()
    return StepTerms(
        type=_short(spec, "type") or "",
        job_type=state.type,
        timeout=reading.text(spec, "timeout") or usual.timeout,
        total_timeout=reading.text(spec, "total_timeout"),
        heartbeat_timeout=reading.text(spec, "heartbeat_timeout") or usual.heartbeat_timeout,
    )
