"""Without the packages of the extra ``bench`` the tests of the benchmarks are left out."""

from __future__ import annotations

from importlib.util import find_spec

from captum_deconvnet_benchmarks.commands.bench import EXTRAS

BENCH = [package for package, extra in EXTRAS.items() if extra == "bench"]

collect_ignore_glob = [] if all(map(find_spec, BENCH)) else ["*"]
