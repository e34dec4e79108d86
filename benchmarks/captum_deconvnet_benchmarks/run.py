"""The entry for torchrun: ``torchrun --nproc-per-node 4 -m captum_deconvnet_benchmarks.run ...``.

What follows is what ``deconvnet bench run`` takes.
"""

from __future__ import annotations

import sys

from captum_deconvnet.cli import main

if __name__ == "__main__":
    main(["bench", "run", *sys.argv[1:]])
