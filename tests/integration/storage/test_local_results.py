"""A batch of local tries whose parameters and outputs together are large enough for external storage."""

import asyncio
import json
from pathlib import Path
from uuid import uuid4

from perdure.projection import fold
from perdure.projection.reader import read_new
from tests.integration.storage.test_large_state import failed_tasks, settings_of, start, storing


async def test_a_large_batch_is_kept_outside_and_read_by_workflow_and_fold(
    temporal_address: str, tmp_path: Path
) -> None:
    settings, queue = settings_of(tmp_path), f"t{uuid4().hex[:12]}"
    parts = [f"{n}" + "x" * 2_000 for n in range(30)]
    texts = [part * 5 for part in parts]
    params = {"expression": "item + item + item + item + item"}
    step = {"id": "each", "type": "COMPUTE", "with": params, "for_each": {"items": "${ input }", "max_parallel": 30}}
    async with storing(temporal_address, settings, queue) as bench:
        handle = await start(bench, settings, [step], input=parts, output="${ size(steps.each.output) }")
        result = await asyncio.wait_for(bench.finish(handle), 60)
        assert (result.status, result.output) == ("COMPLETED", 30)
        assert await failed_tasks(handle) == []
        raw = (await handle.fetch_history()).events
        events = await read_new(bench.client, handle.id, handle.first_execution_run_id or "")
    state, journal = fold.fold_run(handle.id, handle.first_execution_run_id or "", events)
    assert state.steps["each"].collected() == texts
    assert [row.type.value for row in journal].count("STEP_COMPLETED") == 31
    markers = [event.marker_recorded_event_attributes.details for event in raw]
    inline = [len(details["result"].payloads[0].data) for details in markers if "result" in details]
    assert inline
    assert max(inline) < settings.storage_threshold_bytes
    assert json.dumps(texts[0])[-5_000:].encode() not in b"".join(event.SerializeToString() for event in raw)


async def test_the_input_of_a_batch_leaves_nothing_in_external_storage(temporal_address: str, tmp_path: Path) -> None:
    settings, queue = settings_of(tmp_path), f"t{uuid4().hex[:12]}"
    many = {"items": list(range(300)), "max_parallel": 300}
    step = {"id": "each", "type": "LOG", "with": {"message": "row ${ index }"}, "for_each": many}
    async with storing(temporal_address, settings, queue) as bench:
        handle = await start(bench, settings, [step], output=1)
        assert (await asyncio.wait_for(bench.finish(handle), 60)).status == "COMPLETED"
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    assert kept == []
