"""The training loop: AdamW, warm-up and cosine decay, averaged weights, resumable after each epoch.

Draws are a function of (seed, epoch, step), so a resumed run sees what an unbroken one would.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference.network import classifier
from inference.network.metadata import Fields
from inference.network.mobilenet import load_imagenet, reduction

from . import imbalance
from .config import Config
from .datasets import Example
from .views import Views

Batch = tuple[dict[str, NDArray[np.float32]], NDArray[np.float32], NDArray[np.float32]]


class Draws(keras.utils.PyDataset):
    """Batches ({"maps", "metadata"}, one-hot labels, weights) of one epoch after another.

    `rows` are the examples to draw from, as indices into `examples` and `views`.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        rows: NDArray[np.int64],
        views: Views,
        fields: Fields,
        config: Config,
        *,
        classes: int,
        seed: int,
    ) -> None:
        # One worker: a second thread would only take the training step's core.
        super().__init__(workers=1, max_queue_size=16)
        self.rows, self.views, self.fields, self.config = rows, views, fields, config
        self.labels = np.array([examples[row].label for row in rows])
        self.known = fields.encode([examples[row].metadata for row in rows])
        self.plan = imbalance.plan(self.labels, classes, config.fit)
        self.seed, self.epoch = seed, 0
        self.one_hot = np.eye(classes, dtype=np.float32)

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.config.fit.batch)

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((self.seed, self.epoch, step))
        drawn = rng.choice(len(self.rows), self.config.fit.batch, p=self.plan.chance)
        known = self.fields.drop(
            self.known[drawn],
            rng,
            each=self.config.metadata.drop_each,
            everything=self.config.metadata.drop_everything,
        )
        labels = self.labels[drawn]
        inputs = {"maps": self.views.pick(self.rows[drawn], rng), "metadata": known}
        return inputs, self.one_hot[labels], self.plan.weights[labels]


def learning_rate(config: Config, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warm = max(1, round(steps * config.fit.warmup))
    return keras.optimizers.schedules.CosineDecay(
        config.fit.learning_rate / 50,
        max(1, steps - warm),
        warmup_target=config.fit.learning_rate,
        warmup_steps=warm,
    )


def fit(
    draws: Draws, config: Config, weights: Path, checkpoints: Path, *, start: Path | None = None
) -> keras.Model:
    """Train to the end of the schedule and return the member with averaged weights.

    Begins with the ImageNet `weights`, or with the averages of the finished run in `start`. Goes on
    from `checkpoints`/state.npz when it is there; writes that, log.csv and averaged.npz, the
    averaged weights by name, after every epoch.
    """
    keras.utils.set_random_seed(draws.seed)
    network = classifier.member(
        side=config.network.size // reduction(config.network.stem_blocks),
        width=draws.fields.width,
        classes=len(draws.one_hot),
        fusion=config.network.fusion,
        dropout=config.network.dropout,
        stem_blocks=config.network.stem_blocks,
    )
    if start is None:
        load_imagenet(network.get_layer("trunk"), weights)
    else:
        load_averaged(network, start)
    model = keras.Model(network.input, network.output["logits"])
    optimizer = keras.optimizers.AdamW(
        learning_rate(config, config.fit.epochs * len(draws)),
        weight_decay=config.fit.weight_decay,
        clipnorm=5.0,
        use_ema=True,
        ema_momentum=config.fit.average,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        imbalance.loss(config.fit, draws.plan),
        weighted_metrics=["accuracy"],
        jit_compile=False,
    )
    state = checkpoints / "state.npz"
    checkpoints.mkdir(parents=True, exist_ok=True)
    done = restore(model, state) if state.is_file() else 0
    draws.epoch = done
    if done < config.fit.epochs:
        model.fit(
            draws,
            epochs=config.fit.epochs,
            initial_epoch=done,
            shuffle=False,
            verbose=0,
            callbacks=[
                Progress(len(draws), config.fit.epochs, checkpoints.name),
                Checkpoints(network, state),
                keras.callbacks.CSVLogger(str(checkpoints / "log.csv"), append=done > 0),
            ],
        )
    load_averaged(network, checkpoints)
    return network


def load_averaged(network: keras.Model, checkpoints: Path) -> None:
    """Fill a member with the averaged weights of a run. Raises KeyError, FileNotFoundError."""
    with np.load(checkpoints / "averaged.npz") as saved:
        for weight in network.weights:
            weight.assign(saved[weight.path])


class Progress(keras.callbacks.Callback):
    """One bar an epoch, with the running loss and accuracy."""

    def __init__(self, steps: int, epochs: int, name: str) -> None:
        super().__init__()
        self.steps, self.epochs, self.name = steps, epochs, name

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar = tqdm(
            total=self.steps,
            desc=f"{self.name} epoch {epoch + 1}/{self.epochs}",
            unit="batch",
            mininterval=5,
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.update()
        self.bar.set_postfix(
            {name: f"{value:.3f}" for name, value in (logs or {}).items()}, refresh=False
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()


class Checkpoints(keras.callbacks.Callback):
    """After each epoch: what resuming needs, and the averaged weights."""

    def __init__(self, network: keras.Model, state: Path) -> None:
        super().__init__()
        self.network, self.state = network, state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        arrays = {name: np.asarray(variable) for name, variable in _variables(self.model)}
        part = self.state.with_name("state.part.npz")
        trained = self.model.trainable_variables
        current = [np.asarray(variable) for variable in trained]
        self.model.optimizer.finalize_variable_values(trained)
        averaged = {weight.path: np.asarray(weight) for weight in self.network.weights}
        np.savez(self.state.with_name("averaged.npz"), allow_pickle=False, **averaged)
        for variable, value in zip(trained, current, strict=True):
            variable.assign(value)
        np.savez(part, allow_pickle=False, epoch=np.array(epoch + 1), **arrays)
        part.replace(self.state)


def restore(model: keras.Model, state: Path) -> int:
    """Put model and optimizer back where the checkpoint left them; the number of epochs done."""
    with np.load(state) as saved:
        for name, variable in _variables(model):
            variable.assign(saved[name])
        return int(saved["epoch"])


def _variables(model: keras.Model) -> list[tuple[str, Any]]:
    variables = [*model.variables, *model.optimizer.variables]
    return [(f"v{index:04d}", variable) for index, variable in enumerate(variables)]
