"""Files of a run: a damaged one is noticed, wherever the damage is."""

from __future__ import annotations

import contextlib

import pyarrow as pa
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.runs.store.schema import NO_IMAGE, SCHEMA
from captum_deconvnet_benchmarks.runs.store.store import (
    read_maps,
    read_unit,
    write_maps,
    write_unit,
)

ROW = dict.fromkeys(SCHEMA.names, "text") | NO_IMAGE
ROW |= {"control": True, "metric_version": 1, "value": 0.5}
ROWS = pa.Table.from_pylist([ROW | {"image": number} for number in range(5)], SCHEMA)
COST = {"seconds": 1.5, "metric": "road"}
MAPS = torch.arange(24.0).view(2, 1, 3, 4)


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "unit.parquet"
    write_unit(path, ROWS, COST)
    return path, path.read_bytes()


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "maps.safetensors"
    write_maps(path, MAPS, COST)
    return path, path.read_bytes()


def damaged(path, content, place, bit):
    changed = bytearray(content)
    changed[place % len(changed)] ^= 1 << bit
    path.write_bytes(changed)
    return path


def test_what_is_written_is_read(unit, maps):
    unit[0].write_bytes(unit[1])
    rows, cost = read_unit(unit[0], SCHEMA)
    assert rows.to_pylist()[3]["image"] == 3
    assert cost == COST
    maps[0].write_bytes(maps[1])
    found, cost = read_maps(maps[0])
    assert torch.equal(found, MAPS)
    assert cost == COST


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_one_wrong_bit_is_noticed_or_changes_nothing_that_is_read(unit, place, bit):
    with contextlib.suppress(ResultsError):
        rows, cost = read_unit(damaged(*unit, place, bit), SCHEMA)
        same = [list(map(repr, each.to_pylist())) for each in (rows, ROWS)]
        assert same[0] == same[1]
        assert cost == COST


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_one_wrong_bit_in_maps_is_noticed_or_changes_nothing_that_is_read(maps, place, bit):
    with contextlib.suppress(ResultsError):
        found, cost = read_maps(damaged(*maps, place, bit))
        assert torch.equal(found, MAPS)
        assert cost == COST


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, 10**6))
def test_a_file_cut_short_is_noticed(unit, maps, length):
    for (path, content), read in ((unit, lambda p: read_unit(p, SCHEMA)), (maps, read_maps)):
        path.write_bytes(content[: length % len(content)])
        with pytest.raises(ResultsError, match="is damaged"):
            read(path)


def test_a_missing_file_is_not_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_unit(tmp_path / "none.parquet", SCHEMA)
    with pytest.raises(FileNotFoundError):
        read_maps(tmp_path / "none.safetensors")
