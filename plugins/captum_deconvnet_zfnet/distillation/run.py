"""One distillation, from its plan to its last round."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.errors import TrainingError
from captum_deconvnet_zfnet.data.batches import generator_for
from captum_deconvnet_zfnet.distillation.agreement import Agreement, agreement, answers, resized
from captum_deconvnet_zfnet.distillation.lessons import Lessons
from captum_deconvnet_zfnet.distillation.loss import Loss
from captum_deconvnet_zfnet.distillation.plan import DistilPlan
from captum_deconvnet_zfnet.distillation.pupil import Pupil, pupil_net
from captum_deconvnet_zfnet.distillation.references import references
from captum_deconvnet_zfnet.distillation.rounds import Round, write_curve
from captum_deconvnet_zfnet.distillation.teacher import Teacher
from captum_deconvnet_zfnet.health.activity import ENOUGH, check_activity
from captum_deconvnet_zfnet.health.checks import (
    check_epoch,
    check_step,
    first_epochs,
    learned,
    stop_on,
)
from captum_deconvnet_zfnet.training.beginning import require_fit
from captum_deconvnet_zfnet.training.checkpoint import (
    EVOLUTION,
    read_state,
    save_state,
    save_weights,
    write_facts,
)
from captum_deconvnet_zfnet.training.log import write_log

LOG, REFERENCES, CURVE = "log.csv", "references.json", "curve.png"
EVERY = 10
"""Rounds after which weights are kept, beside those of ``EVOLUTION``."""


class Distillation:
    """A net that learns from another.

    Crops and order follow from seed and round alone, so that a run that is taken up again after a
    round ends with the weights of one that was never stopped.

    Args:
        plan: what learns from what.
        folder: where its files go; made if need be.
        device: where both nets run; by default the processor.
        say: what to do with a line of news.

    Raises:
        DataError: there are no pictures.
        TrainingError: the two nets have different labels.
    """

    def __init__(
        self,
        plan: DistilPlan,
        folder: Path,
        *,
        device: torch.device | None = None,
        say: Callable[[str], object] = print,
    ) -> None:
        """Load teacher and pupil."""
        self.plan, self.folder, self.say = plan, folder, say
        self.device = device or torch.device("cpu")
        self.teacher = Teacher(plan, self.device)
        self.first = self.teacher.crops(1)
        start = pupil_net(plan, self.first)
        self.size = start.input_size[-1]
        self.pupil = Pupil(plan, start, self.teacher.last, self.device)
        self.held_out = self.teacher.held_out()
        self.classes = self.held_out.logits.shape[1]
        with torch.no_grad():
            logits = start.model(start.example_input()).shape[-1]
        if logits != self.classes:
            raise TrainingError(
                f"{plan.pupil} tells {logits} classes and {plan.teacher} {self.classes}: choose "
                "two nets that tell the same."
            )
        self.rows: list[Round] = []

    def go(self, sizes: Sequence[int]) -> list[Round]:
        """Learn one round for each size, from where the folder's run stopped, if one did.

        Args:
            sizes: side of the pupil's pictures in each round.

        Returns:
            The log, one row a round.

        Raises:
            TrainingError: the run cannot learn, or the folder's run had other settings.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = read_state(self.folder, self.plan.facts())
        lessons = None
        if state is None:
            lessons = self.begin(sizes[0])
        else:
            self.go_on(state, sizes)
        self.first = self.first[:ENOUGH].clone()
        for number in range(len(self.rows) + 1, len(sizes) + 1):
            self.rows.append(self.round(number, sizes[number - 1], lessons))
            lessons = None
            self.say(str(self.rows[-1]))
            self.check(number)
            self.save(number, last=number == len(sizes))
        return self.rows

    def begin(self, size: int) -> Lessons:
        """See that the net can learn, and measure what it will be compared with.

        Returns:
            The lessons of the first round.
        """
        lessons = self.teacher.say_of(self.first, mixed=self.plan.mixed)
        some = lessons.some(list(range(len(lessons)))[:: max(1, len(lessons) // ENOUGH)][:ENOUGH])
        pictures = self.input(some.pictures, size)
        labels = some.logits.argmax(dim=1).to(self.device)
        require_fit(self.pupil.net.eval(), pictures, labels, self.classes, show_progress=True)
        self.say("healthy at the start: all checks passed")
        found = references(self.teacher, self.pupil, lessons, self.held_out, size)
        write_facts(self.folder / REFERENCES, {name: asdict(each) for name, each in found.items()})
        for name, each in found.items():
            self.say(f"{name}: {each}")
        return lessons

    def go_on(self, state: dict[str, Any], sizes: Sequence[int]) -> None:
        """Take up the run that left ``state``.

        Raises:
            TrainingError: its rounds had other sizes.
        """
        self.pupil.load_state_dict(state)
        self.rows = [Round(**row) for row in state["rows"]]
        before = [row.size for row in self.rows]
        if before[: len(sizes)] != list(sizes)[: len(before)]:
            raise TrainingError(
                f"{self.folder} holds a run whose rounds had the sizes {before}: ask for the same "
                "and more, or give another folder with --out."
            )
        self.say(f"going on after round {len(self.rows)}")

    def round(self, number: int, size: int, lessons: Lessons | None = None) -> Round:
        """Look at new crops, several times each, then measure.

        Args:
            number: of the round, from 1.
            size: side of the pupil's pictures.
            lessons: the round's, where the teacher has been asked already.
        """
        began = time.monotonic()
        lessons = self.teacher.lessons(number) if lessons is None else lessons
        labels, positions, features = self.learn(lessons, number, size)
        whole = self.measure(self.size)
        return Round(
            round=number,
            size=size,
            crops=number * len(lessons),
            views=number * self.teacher.steps * self.plan.batch,
            learning_rate=self.pupil.learning_rate,
            labels=labels,
            positions=positions,
            features=features,
            **asdict(whole),
            top1_at_size=whole.top1 if size == self.size else self.measure(size).top1,
            seconds=time.monotonic() - began,
        )

    def learn(self, lessons: Lessons, number: int, size: int) -> list[float]:
        """All passes of a round; the three parts of the loss, each a mean over its steps."""
        self.pupil.net.train()
        order, total = self.teacher.order(number), torch.zeros(3)
        for step, batch in enumerate(tqdm(order, f"round {number}", leave=False, disable=None)):
            chance = generator_for(self.plan.seed, number, step)
            some = lessons.some(batch)
            some = some.mirrored(torch.randint(2, (len(some),), generator=chance).bool())
            torch.manual_seed(chance.initial_seed())  # dropout draws from torch's own stream
            loss = self.pupil.learn(some, size)
            self.check_step(loss, (number - 1) * len(order) + step + 1)
            total += loss.told()
        parts: list[float] = (total / len(order)).tolist()
        return parts

    def check_step(self, loss: Loss, step: int) -> None:
        """Stop a run that explodes."""
        rate, batch, labels = self.pupil.learning_rate, self.plan.batch, float(loss.labels)
        stop_on(
            check_step(labels, step=step, classes=self.classes, learning_rate=rate, batch=batch)
        )

    def measure(self, size: int) -> Agreement:
        """The agreement of the averaged weights with the teacher on what was held out."""
        net = self.pupil.average.module.eval()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.plan.mixed):
            said = answers(net, self.pupil.normalise, self.held_out.pictures, size, self.device)
        return agreement(said, self.held_out.logits)

    def check(self, number: int) -> None:
        """In the first rounds, stop a run that has not learned yet and cannot any more."""
        lowest, steps = min(row.labels for row in self.rows), self.teacher.steps
        if number <= first_epochs(steps) and not learned(lowest, self.classes):
            pictures = self.input(self.first[:ENOUGH], self.rows[-1].size)
            stop_on(check_activity(self.pupil.net, pictures))
            stop_on(check_epoch(lowest, epoch=number, steps=steps, classes=self.classes))

    def save(self, number: int, *, last: bool) -> None:
        """Write what the run needs to go on, the log, and after some rounds the weights."""
        if number in EVOLUTION or number % EVERY == 0 or last:
            save_weights(self.folder, number, self.pupil.average.module)
        rows = [asdict(row) for row in self.rows]
        state = {**self.pupil.state_dict(), "rows": rows, "plan": self.plan.facts()}
        save_state(self.folder, state)
        write_log(self.folder / LOG, self.rows)
        compared = json.loads((self.folder / REFERENCES).read_text())
        write_curve(
            self.folder / CURVE, self.rows, {k: Agreement(**each) for k, each in compared.items()}
        )

    def input(self, pictures: Tensor, size: int) -> Tensor:
        """The pupil's input for pictures (N, 3, S, S), unsigned 8-bit."""
        inputs: Tensor = self.pupil.normalise(resized(pictures.to(self.device), size))
        return inputs
