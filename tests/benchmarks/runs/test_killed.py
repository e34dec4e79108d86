"""A run shared by several processes, one of which is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = "captum_deconvnet_benchmarks.run"


@pytest.fixture
def command(photos):
    """The command's words for a folder and a number of processes."""

    def words(out, processes):
        start = ["-m", RUN]
        if processes > 1:
            start = ["-m", "torch.distributed.run", "--standalone"]
            start += [f"--nproc-per-node={processes}", "-m", RUN]
        return [
            sys.executable, *start, "--model=toy/net@random", f"--images={photos}", "--block=1",
            "--explainer=gradient", "--explainer=control/random", "--explainer=adjoint",
            "--metric=toy/*", f"--out={out}",
        ]  # fmt: skip

    return words


def workers(out):
    """The processes that work on a folder, torchrun's own left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            if f"--out={out}" in words and "torch.distributed.run" not in words:
                found.append(int(folder.name))
    return found


def units(out):
    return len(list((out / "units").glob("*.parquet")))


def test_a_killed_run_goes_on_with_another_world_and_ends_in_the_same_bytes(
    bench, command, environment, tmp_path
):
    alone = bench("--block=1", out="alone", explainers=("gradient", "control/random", "adjoint"))
    out = tmp_path / "killed"
    first = subprocess.Popen(
        command(out, 3), env={**environment, "TOY_SLEEP": "0.3"}, stderr=subprocess.PIPE, text=True
    )
    while units(out) < 9:
        time.sleep(0.05)
        assert first.poll() is None, first.communicate()
    victim = workers(out)[-1]
    os.kill(victim, signal.SIGKILL)
    assert first.communicate(timeout=120)[1]
    done = units(out)
    assert first.returncode != 0
    assert 9 <= done < 42
    assert not (out / "scores.parquet").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "units").glob("*.parquet")}
    again = subprocess.run(
        command(out, 2), env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "42 units, 42 ok" in again.stderr
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    for name in ("scores.parquet", "scores.csv"):
        assert (out / name).read_bytes() == (alone.out / name).read_bytes()
    assert not [path for path in out.rglob("*") if ".part" in path.name]
    print(f"killed worker {victim} of 3 with {done} of 42 units done; 2 processes did the rest")
