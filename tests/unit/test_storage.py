"""External storage on disk: whole files, for their owner only, checked when read."""

import asyncio
import os
import shutil
import stat
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    StorageDriverActivityInfo,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
    WorkflowSerializationContext,
)

from api.temporal_call import TemporalUnavailableError, temporal_call
from perdure.contract.limit import JobLimits
from perdure.projection.history import UNDECODABLE
from perdure.projection.payload import PayloadReader
from perdure.settings import Settings, setting_problems
from perdure.storage import disk
from perdure.storage.converter import data_converter
from perdure.storage.error import PayloadLostError, StorageUnavailableError
from perdure.storage.place import Place, directory_name, job_directory

JOB = StorageDriverWorkflowInfo(namespace="default", id="acme:order-1042", type="Job")
CONTEXT = WorkflowSerializationContext(namespace="default", workflow_id=JOB.id or "")
LARGE = {"text": "x" * 200_000}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "deep" / "storage"
    disk.prepare(made)
    return made


def converter(root: Path, target: StorageDriverWorkflowInfo | StorageDriverActivityInfo | None = JOB) -> DataConverter:
    whole = data_converter(Settings(storage_dir=root))
    return whole._with_store_context(StorageDriverStoreContext(target))


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != disk.MARKER]


def test_all_converters_share_the_payload_converter_and_its_cache_of_types(root: Path) -> None:
    plain, stored = data_converter(Settings()), data_converter(Settings(storage_dir=root))
    made = {id(converter.payload_converter_class()) for converter in (plain, stored, plain.with_context(CONTEXT))}
    assert len(made) == 1
    payloads = plain.payload_converter.to_payloads([JobLimits()])
    assert stored.payload_converter.from_payloads(payloads, [JobLimits]) == [JobLimits()]


async def test_a_large_value_goes_through_a_file_and_back(root: Path) -> None:
    (payload,) = await converter(root).encode([LARGE])
    assert payload.ByteSize() < 1024
    (file,) = files(root)
    assert file.parent == job_directory(root, "default", "acme:order-1042")
    assert await data_converter(Settings(storage_dir=root)).decode([payload]) == [LARGE]


async def test_a_small_value_and_a_heartbeat_stay_in_temporal(root: Path) -> None:
    await converter(root).encode([{"small": True}])
    heartbeat = StorageDriverActivityInfo(namespace="default", id="fetch", type="HTTP_CALL")
    await converter(root, heartbeat).encode([LARGE])
    await converter(root, None).encode([LARGE])
    assert files(root) == []


async def test_the_same_value_is_kept_once_a_job(root: Path) -> None:
    for _ in range(3):
        await converter(root).encode([LARGE, LARGE])
    assert len(files(root)) == 1
    await converter(root, StorageDriverWorkflowInfo(namespace="default", id="acme:other")).encode([LARGE])
    assert len(files(root)) == 2


async def test_everything_is_for_its_owner_only(root: Path) -> None:
    before = os.umask(0)
    try:
        await converter(root).encode([LARGE])
    finally:
        os.umask(before)
    (file,) = files(root)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for directory in (file.parent, file.parent.parent, root):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_a_payload_that_is_gone_or_damaged_is_named(root: Path) -> None:
    (payload,) = await converter(root).encode([LARGE])
    (file,) = files(root)
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"y")
    with pytest.raises(PayloadLostError, match="damaged"):
        await converter(root).decode([payload])
    file.unlink()
    with pytest.raises(PayloadLostError, match=r"erased, or another storage directory"):
        await converter(root).decode([payload])


async def test_a_damaged_file_is_mended_by_whoever_keeps_the_payload_again(root: Path) -> None:
    (payload,) = await converter(root).encode([LARGE])
    (file,) = files(root)
    file.write_bytes(b"rubbish")
    await converter(root).encode([LARGE])
    assert await converter(root).decode([payload]) == [LARGE]


async def test_storage_that_is_not_mounted_says_nothing_of_payloads(root: Path) -> None:
    whole = converter(root)
    (payload,) = await whole.encode([LARGE])
    shutil.rmtree(root)
    root.mkdir()
    with pytest.raises(StorageUnavailableError, match="mounted"):
        await whole.decode([payload])
    with pytest.raises(StorageUnavailableError, match="mounted"):
        await whole.encode([{"text": "y" * 200_000}])


async def test_a_full_disk_leaves_nothing_half_written(root: Path) -> None:
    whole = converter(root)
    with (
        mock.patch("perdure.storage.disk.os.fsync", side_effect=OSError(28, "No space left on device")),
        pytest.raises(StorageUnavailableError, match="No space left"),
    ):
        await whole.encode([LARGE])
    assert files(root) == []


async def test_many_keep_the_same_payload_at_once(root: Path) -> None:
    whole = converter(root)
    done = await asyncio.gather(*(whole.encode([LARGE]) for _ in range(20)))
    assert len({payload.SerializeToString(deterministic=True) for (payload,) in done}) == 1
    assert len(files(root)) == 1


async def test_erasing_a_job_leaves_others_and_the_job_can_go_on(root: Path) -> None:
    whole, other = converter(root), converter(root, StorageDriverWorkflowInfo(namespace="default", id="acme:other"))
    await whole.encode([LARGE])
    (kept,) = await other.encode([LARGE])
    shutil.rmtree(job_directory(root, "default", "acme:order-1042"))
    assert await other.decode([kept]) == [LARGE]
    (again,) = await whole.encode([LARGE])
    assert await whole.decode([again]) == [LARGE]


async def test_the_projection_tells_what_is_away_from_what_is_gone(root: Path) -> None:
    whole = converter(root)
    (payload,) = await whole.encode([LARGE])
    (file,) = files(root)
    file.unlink()
    assert (await PayloadReader(whole).one(payload))[UNDECODABLE]["reason"] == "PayloadLostError"
    (root / disk.MARKER).unlink()
    with pytest.raises(StorageUnavailableError):
        await PayloadReader(whole).one(payload)


async def test_the_api_says_that_it_is_away(root: Path) -> None:
    whole = converter(root)
    (root / disk.MARKER).unlink()
    with pytest.raises(TemporalUnavailableError, match="external storage") as refused:
        async with temporal_call():
            await whole.encode([LARGE])
    assert refused.value.code == "API.UNAVAILABLE"


@pytest.mark.parametrize(
    "claim",
    [
        {},
        {"namespace": "..", "job": "x", "sha256": "0" * 64},
        {"namespace": "n", "job": "../../etc", "sha256": "0" * 64},
        {"namespace": "n", "job": "", "sha256": "0" * 64},
        {"namespace": "n", "job": "j", "sha256": "passwd"},
        {"namespace": "n", "job": "j", "sha256": "0" * 63 + "\n"},
        {"namespace": "n/../..", "job": "j", "sha256": "0" * 64},
    ],
)
def test_no_reference_leads_out_of_the_directory(claim: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not made by Perdure"):
        Place.from_claim(claim)


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_every_name_becomes_one_directory(namespace: str, job: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in namespace + job):
        return
    place = Place.of(namespace, job, b"")
    assert Place.from_claim(place.claim) == place
    root = Path("/s")
    assert place.path(root).parent.parent.parent == root
    assert ".." not in place.path(root).parts


def test_names_stay_apart() -> None:
    names = ["a", "a.", ".", "..", "a:b", "a~b", "a/b", "x" * 300, "x" * 301, "ü" * 100]
    assert len({directory_name(name) for name in names}) == len(names)
    assert all(len(directory_name(name)) <= 255 for name in names)


@pytest.fixture
def unwritable(tmp_path: Path) -> Path:
    place = tmp_path / "file"
    place.write_text("no directory")
    return place / "storage"


def test_a_directory_that_cannot_be_made_is_told_at_start(unwritable: Path) -> None:
    with pytest.raises(StorageUnavailableError, match="cannot be used"):
        data_converter(Settings(storage_dir=unwritable))
    with pytest.raises(OSError, match="no directory"):
        disk.check(unwritable)


@pytest.mark.parametrize("name", ["limit_output_bytes", "limit_state_bytes"])
def test_limits_above_temporals_need_storage(name: str, tmp_path: Path) -> None:
    raised: dict[str, Any] = {name: 2_000_000}
    with pytest.raises(ValidationError) as refused:
        Settings(**raised)
    problem = setting_problems(refused.value)
    assert problem.startswith(f"PERDURE_{name.upper()}: ")
    assert "PERDURE_STORAGE_DIR" in problem
    assert Settings(**raised, storage_dir=tmp_path).limits.external_bytes == 128 * 1024


def test_a_relative_directory_is_refused() -> None:
    with pytest.raises(ValidationError, match="absolute"):
        Settings(storage_dir=Path("storage"))


def test_what_a_message_holds_is_counted() -> None:
    assert JobLimits().sent_bytes(10**6) == 10**6
    stored = JobLimits(external_bytes=100)
    assert (stored.sent_bytes(99), stored.sent_bytes(100), stored.sent_bytes(10**9)) == (99, 1024, 1024)


def test_a_reference_fits_into_what_is_counted_for_it(root: Path) -> None:
    longest = StorageDriverWorkflowInfo(namespace="n" * 255, id="ü" * 255, type="Job")
    (payload,) = asyncio.run(converter(root, longest).encode([LARGE]))
    assert isinstance(payload, Payload)
    assert payload.ByteSize() <= 1024
