"""One training run, from its plan to its last epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.errors import TrainingError
from captum_deconvnet_zfnet.data.batches import (
    central_crop,
    generator_for,
    random_crops,
    read,
    shuffled,
)
from captum_deconvnet_zfnet.data.pictures import DataSet
from captum_deconvnet_zfnet.health.activity import ENOUGH, check_activity
from captum_deconvnet_zfnet.health.checks import (
    check_epoch,
    check_step,
    first_epochs,
    learned,
    stop_on,
)
from captum_deconvnet_zfnet.training.beginning import prepare, require_fit
from captum_deconvnet_zfnet.training.checkpoint import (
    EVOLUTION,
    read_state,
    save_state,
    save_weights,
)
from captum_deconvnet_zfnet.training.evaluation import Score, evaluate
from captum_deconvnet_zfnet.training.learner import Learner
from captum_deconvnet_zfnet.training.log import EpochRow, write_log
from captum_deconvnet_zfnet.training.plan import Plan
from captum_deconvnet_zfnet.training.workers import Workers

LOG = "log.csv"


class Run:
    """A net that is being trained.

    Order, crops and dropout follow from seed and epoch alone, so that a run that is taken up again
    after an epoch ends with the weights of one that was never stopped.

    Args:
        plan: what to train, and how.
        data: what to learn from.
        folder: where its files go; made if need be.
        workers: the processes that share the work.
        readers: processes that read ahead.
        say: what to do with a line of news.
    """

    def __init__(
        self,
        plan: Plan,
        data: DataSet,
        folder: Path,
        workers: Workers,
        *,
        readers: int = 0,
        say: Callable[[str], object] = print,
    ) -> None:
        """Build the net; nothing is read or written yet.

        Raises:
            TrainingError: there are more processes than pictures in a batch.
        """
        if plan.batch < workers.count:
            raise TrainingError(
                f"{workers.count} processes cannot share batches of {plan.batch}: raise --batch."
            )
        self.plan, self.data, self.folder, self.workers = plan, data, folder, workers
        self.readers, self.say = readers, say if workers.first else lambda line: None
        self.size, self.classes = plan.architecture().size, len(data.categories)
        self.steps = len(self.order(1))
        self.learner = Learner(plan, self.classes, data.channels, self.steps, workers)
        self.rows: list[EpochRow] = []

    def go(self) -> list[EpochRow]:
        """Train to the last epoch, from where the folder's run stopped, if one did.

        Returns:
            The log, one row an epoch.

        Raises:
            TrainingError: the run cannot learn, or the folder's run had other settings.
            OSError: a file could not be written; the last good one is still there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = read_state(self.folder, self.plan.facts())
        if state is None:
            self.begin()
        else:
            self.go_on(state)
        team = self.workers.joined(self.learner.net)
        for epoch in range(len(self.rows) + 1, self.learner.recipe.epochs + 1):
            self.rows.append(self.epoch(team, epoch))
            self.check(epoch)
            if self.workers.first:
                self.save(epoch)
        return self.rows

    def begin(self) -> None:
        """Prepare the net, and stop here if it cannot learn."""
        net = self.learner.net
        prepare(net, self.learner.recipe, self.data, self.size, self.plan.seed)
        first = self.workers.first
        require_fit(net, *self.sample(), self.classes, show_progress=first)
        self.say("healthy at the start: all checks passed")

    def go_on(self, state: dict[str, Any]) -> None:
        """Take up the run that left ``state``."""
        self.learner.load_state_dict(state)
        self.rows = [EpochRow(**row) for row in state["rows"]]
        self.say(f"going on after epoch {len(self.rows)}")

    def epoch(self, team: nn.Module, epoch: int) -> EpochRow:
        """Learn from every picture once, then validate."""
        began = time.monotonic()
        chance = generator_for(self.plan.seed, epoch, self.workers.rank)
        torch.manual_seed(chance.initial_seed())  # dropout draws from torch's own stream
        rate, loss = self.learner.learning_rate, self.learn(team.train(), epoch)
        self.learner.net.eval()
        score = self.validate()
        self.learner.schedule.epoch_ended(score.error)
        row = EpochRow(epoch, rate, loss, score.loss, score.error, time.monotonic() - began)
        self.say(
            f"epoch {epoch}: train loss {loss:.4f}, validation loss {score.loss:.4f}, "
            f"validation error {score.error:.2%}, {row.seconds:.0f} s"
        )
        return row

    def learn(self, team: nn.Module, epoch: int) -> float:
        """One epoch's steps; the mean loss over them and over all processes."""
        shares = [self.workers.share(batch) for batch in self.order(epoch)]
        batches = read(self.data.train, shares, self.readers)
        hidden = None if self.workers.first else True  # None: shown on a terminal only
        bar = tqdm(batches, f"epoch {epoch}", len(shares), leave=False, disable=hidden)
        total = torch.zeros((), device=self.workers.device)
        for step, (pictures, labels) in enumerate(bar, start=1):
            total += self.step(team, epoch, step, pictures, labels)
        return self.workers.mean(total / len(shares))

    def step(
        self, team: nn.Module, epoch: int, step: int, pictures: Tensor, labels: Tensor
    ) -> Tensor:
        """Crop one batch and learn from it; its loss, which must not explode."""
        chance = generator_for(self.plan.seed, epoch, step, self.workers.rank)
        crops = random_crops(pictures, self.size, chance, self.learner.recipe.smallest_area)
        device, rate = self.workers.device, self.learner.learning_rate
        loss = self.learner.learn(team, crops.to(device), labels.to(device))
        number = (epoch - 1) * self.steps + step
        batch = self.plan.batch
        stop_on(
            check_step(
                float(loss), step=number, classes=self.classes, learning_rate=rate, batch=batch
            )
        )
        return loss

    def validate(self) -> Score:
        """Score the net on the pictures that it never learns from."""
        return evaluate(
            self.learner.net,
            self.data.validation,
            self.size,
            device=self.workers.device,
            workers=self.readers,
        )

    def check(self, epoch: int) -> None:
        """In the first epochs, stop a run that has not learned yet and cannot any more."""
        lowest = min(row.train_loss for row in self.rows)
        if epoch <= first_epochs(self.steps) and not learned(lowest, self.classes):
            stop_on(check_activity(self.learner.net, self.sample()[0]))
            stop_on(check_epoch(lowest, epoch=epoch, steps=self.steps, classes=self.classes))

    def save(self, epoch: int) -> None:
        """Write what the run needs to go on, the log, and at some epochs the weights."""
        if epoch in (*EVOLUTION, self.learner.recipe.epochs):
            save_weights(self.folder, epoch, self.learner.net)
        rows = [asdict(row) for row in self.rows]
        state = {**self.learner.state_dict(), "rows": rows, "plan": self.plan.facts()}
        save_state(self.folder, state)
        write_log(self.folder / LOG, self.rows)

    def order(self, epoch: int) -> list[list[int]]:
        """The numbers of each batch's pictures."""
        return shuffled(len(self.data.train), self.plan.seed, epoch, self.plan.batch)

    def sample(self) -> tuple[Tensor, Tensor]:
        """Some pictures to learn from, central crops of them, and their labels."""
        numbers = [number for batch in self.order(1) for number in batch][:ENOUGH]
        pictures, labels = next(read(self.data.train, [numbers]))
        device = self.workers.device
        return central_crop(pictures, self.size).to(device), labels.to(device)
