"""Scans that are shared by several processes, and scans that are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import captum_deconvnet as cdn

SCRIPT = """
import sys, time, torch
import captum_deconvnet as cdn

class Slow:
    def __init__(self, images, seconds):
        self.images, self.seconds = images, seconds
    def __len__(self):
        return len(self.images)
    def __getitem__(self, number):
        time.sleep(self.seconds)
        return self.images[number]

out, seconds = sys.argv[1], float(sys.argv[2])
torch.manual_seed(5)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 3), torch.nn.ReLU(), torch.nn.Conv2d(6, 8, 3))
images = torch.rand(40, 1, 12, 12)
top = cdn.top_activations(
    net, ["0", "2"], Slow(images, seconds), batch_size=3, k=4, out=out, save_every=0
)
assert top.to_bytes() == open(out, "rb").read()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "scan.py"
    path.write_text(SCRIPT)
    return path


def run(*command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr


def torchrun(count):
    return ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}")


def test_under_torchrun_every_process_has_the_bytes_that_one_process_writes(script, tmp_path):
    folders = [tmp_path / name for name in ("one", "three")]
    for folder in folders:
        folder.mkdir()
    run(script, folders[0] / "top.safetensors", 0)
    run(*torchrun(3), script, folders[1] / "top.safetensors", 0)
    for name in ("top.safetensors", "top.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert sorted(os.listdir(folders[1])) == ["top.json", "top.safetensors"]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_scan_ends_in_the_same_bytes(script, tmp_path, processes):
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    run(script, tmp_path / "whole/top.safetensors", 0)
    out = tmp_path / "killed/top.safetensors"
    start = torchrun(processes) if processes > 1 else ()
    command = [sys.executable, *start, str(script), str(out), "0.1"]
    scan = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not any(done_images(path) for path in out.parent.glob("*.safetensors")):
        time.sleep(0.05)
        assert scan.poll() is None
    for process in running(str(out)):  # torchrun's workers have sessions of their own
        os.kill(process, signal.SIGKILL)
    scan.wait()
    while running(str(out)):
        time.sleep(0.05)
    run(script, out, 0)
    assert out.read_bytes() == (tmp_path / "whole/top.safetensors").read_bytes()
    assert [path.name for path in out.parent.glob("*part-*")] == []


def running(argument):
    """The processes that were started with this argument, torchrun's last."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument in (folder / "cmdline").read_bytes().decode().split("\0"):
                found.append(int(folder.name))
    return sorted(found)


def done_images(path):
    return int(cdn.TopActivations.load(path).done.sum())
