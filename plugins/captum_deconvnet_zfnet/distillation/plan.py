"""What a distillation was asked to be: all that decides its weights, but for its length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from captum_deconvnet.errors import TrainingError

BATCH = 32
STAGE = re.compile(r"(\d+)@(\d+)")


@dataclass(frozen=True)
class DistilPlan:
    """The settings of one run.

    Args:
        pupil: name of the net that learns, such as ``"zfnet/zfnet_gap"``.
        teacher: name of the net that it learns from.
        data: the folder of images.
        crops: of one round, over all pictures; the teacher looks at each once.
        passes: how often the pupil looks at each crop of a round.
        smallest_area: of a crop, as a share of its picture's.
        batch: pictures a step.
        learning_rate: the highest.
        weight_decay: of AdamW.
        rise: steps over which the learning rate rises.
        averaging: of the weights handed out: the share of the average that a step keeps.
        seed: of weights, crops and order.
        mixed: whether to compute in 16 bits where that is safe.
    """

    pupil: str
    teacher: str
    data: str
    crops: int = 4096
    passes: int = 4
    smallest_area: float = 0.08
    batch: int = BATCH
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    rise: int = 150
    averaging: float = 0.998
    seed: int = 0
    mixed: bool = True

    def facts(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)


def sizes_of(stages: Sequence[str]) -> list[int]:
    """The side of the pupil's pictures in each round, from texts such as ``"40@128"``.

    Raises:
        TrainingError: a text is not of that form.

    Example:
        >>> sizes_of(["2@128", "1@224"])
        [128, 128, 224]
    """
    sizes: list[int] = []
    for stage in stages:
        match = STAGE.fullmatch(stage)
        if match is None or not all(int(each) for each in match.groups()):
            raise TrainingError(
                f"{stage!r} does not say how many rounds of which size: 40@128 is forty rounds "
                "with pictures of 128 pixels."
            )
        sizes += [int(match[2])] * int(match[1])
    return sizes
