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

from inference.network import classifier, metadata
from inference.network.classes import KEYS
from inference.network.mobilenet import load_imagenet

from .augment import draw, fine_draws
from .config import Config
from .datasets import Example, Frames


class Draws(keras.utils.PyDataset):
    """Augmented batches ({"image", "metadata"}, one-hot labels) of one epoch after another."""

    def __init__(
        self,
        examples: Sequence[Example],
        coarse: Frames,
        fine: Frames,
        config: Config,
        *,
        epoch: int = 0,
    ) -> None:
        # One worker: a second thread would only take the forward pass's core.
        super().__init__(workers=1, max_queue_size=16)
        self.examples, self.coarse, self.fine, self.config = examples, coarse, fine, config
        self.labels = np.array([row.label for row in examples])
        self.known = metadata.encode([row.metadata for row in examples])
        self.fine_chance = fine_draws(examples, fine, config.augment.fine)
        self.chance = sampling(self.labels, config.fit.prior_power)
        self.epoch = epoch

    def __len__(self) -> int:
        return max(1, len(self.examples) // self.config.fit.batch)

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, step: int) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
        rng = np.random.default_rng((self.config.seed, self.epoch, step))
        size, settings = self.config.network.size, self.config.augment
        rows = rng.choice(len(self.examples), self.config.fit.batch, p=self.chance)
        images = np.empty((len(rows), size, size, 3), np.float32)
        for square, row in zip(images, rows, strict=True):
            source = self.fine if rng.random() < self.fine_chance[row] else self.coarse
            square[:] = draw(source[self.examples[row].image_id], size, settings, rng)
        known = metadata.drop(
            self.known[rows],
            rng,
            each=self.config.metadata.drop_each,
            everything=self.config.metadata.drop_everything,
        )
        labels = np.eye(len(KEYS), dtype=np.float32)[self.labels[rows]]
        return {"image": images, "metadata": known}, labels


def sampling(labels: NDArray[np.int64], power: float) -> NDArray[np.float64]:
    """The chance of each image to be drawn, its class weighing as count ** power."""
    counts = np.bincount(labels, minlength=len(KEYS)).astype(np.float64)
    chance = counts[labels] ** (power - 1)
    return chance / chance.sum()


def drawn_prior(labels: NDArray[np.int64], power: float) -> NDArray[np.float64]:
    """The class shares that the network saw, shape (classes,)."""
    return np.bincount(labels, sampling(labels, power), len(KEYS)).astype(np.float64)


def learning_rate(config: Config, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    warm = max(1, round(steps * config.fit.warmup))
    return keras.optimizers.schedules.CosineDecay(
        config.fit.learning_rate / 50,
        max(1, steps - warm),
        warmup_target=config.fit.learning_rate,
        warmup_steps=warm,
    )


def fit(draws: Draws, config: Config, weights: Path, checkpoints: Path) -> keras.Model:
    """Train to the end of the schedule and return the serving network with averaged weights.

    Goes on from `checkpoints`/state.npz when it is there; writes that and averaged.npz, the
    averaged weights by name, after every epoch.
    """
    keras.utils.set_random_seed(config.seed)
    network = classifier.build(
        size=config.network.size, classes=len(KEYS), dropout=config.network.dropout
    )
    load_imagenet(network.get_layer("mobilenetv2"), weights)
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
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=config.fit.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )
    state = checkpoints / "state.npz"
    checkpoints.mkdir(parents=True, exist_ok=True)
    done = restore(model, state) if state.is_file() else 0
    draws.epoch = done
    model.fit(
        draws,
        epochs=config.fit.epochs,
        initial_epoch=done,
        shuffle=False,
        verbose=0,
        callbacks=[Progress(len(draws), config.fit.epochs), Checkpoints(network, state)],
    )
    return network  # Keras put the averages in place at the end of its fit


class Progress(keras.callbacks.Callback):
    """One bar an epoch, with the running loss and accuracy."""

    def __init__(self, steps: int, epochs: int) -> None:
        super().__init__()
        self.steps, self.epochs = steps, epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar = tqdm(
            total=self.steps, desc=f"epoch {epoch + 1}/{self.epochs}", unit="batch", mininterval=5
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.update()
        self.bar.set_postfix(
            {name: f"{value:.3f}" for name, value in (logs or {}).items()}, refresh=False
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.bar.close()


class Checkpoints(keras.callbacks.Callback):
    """After each epoch: what resuming needs, and the averaged weights for a look on the way."""

    def __init__(self, network: keras.Model, state: Path) -> None:
        super().__init__()
        self.network, self.state = network, state

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        arrays = {name: np.asarray(variable) for name, variable in _variables(self.model)}
        part = self.state.with_name("state.part.npz")
        np.savez(part, allow_pickle=False, epoch=np.array(epoch + 1), **arrays)
        part.replace(self.state)
        trained = self.model.trainable_variables
        current = [np.asarray(variable) for variable in trained]
        self.model.optimizer.finalize_variable_values(trained)
        averaged = {variable.path: np.asarray(variable) for variable in self.network.variables}
        np.savez(self.state.with_name("averaged.npz"), allow_pickle=False, **averaged)
        for variable, value in zip(trained, current, strict=True):
            variable.assign(value)


def restore(model: keras.Model, state: Path) -> int:
    """Put model and optimizer back where the checkpoint left them; the number of epochs done."""
    with np.load(state) as saved:
        for name, variable in _variables(model):
            variable.assign(saved[name])
        return int(saved["epoch"])


def _variables(model: keras.Model) -> list[tuple[str, Any]]:
    variables = [*model.variables, *model.optimizer.variables]
    return [(f"v{index:04d}", variable) for index, variable in enumerate(variables)]
