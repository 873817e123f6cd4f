"""The training configuration: one small TOML file, checked key by key."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from inference.network import task as tasks
from inference.network.task import Task

DEFAULT = Path(__file__).with_name("default.toml")


class ConfigError(ValueError):
    """The configuration file cannot be used; the message says which key is wrong."""


@dataclass(frozen=True)
class Members:
    count: int
    symmetries: int
    fast: bool
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class Network:
    size: int
    dropout: float
    fusion: str
    stem_blocks: int
    encoder_weights: str


@dataclass(frozen=True)
class Fit:
    epochs: int
    batch: int
    learning_rate: float
    warmup: float
    weight_decay: float
    label_smoothing: float
    average: float
    imbalance: str
    prior_power: float
    restart_epochs: int
    restart_learning_rate: float


@dataclass(frozen=True)
class MetadataDrop:
    drop_each: float
    drop_everything: float


@dataclass(frozen=True)
class Augment:
    fine: float
    whole_frame: float
    crop: tuple[float, float]
    aspect: float
    colour: float
    light: float
    saturation: float
    gradient: float
    blur: float
    jpeg: float
    hair: float
    ruler: float
    rim: float
    constancy: float


@dataclass(frozen=True)
class ViewCounts:
    fewest: int
    most: int


@dataclass(frozen=True)
class Config:
    name: str
    version: str
    task: Task
    seed: int
    members: Members
    network: Network
    fit: Fit
    metadata: MetadataDrop
    augment: Augment
    views: ViewCounts


SECTIONS: dict[str, type[Any]] = {
    "members": Members,
    "network": Network,
    "fit": Fit,
    "metadata": MetadataDrop,
    "augment": Augment,
    "views": ViewCounts,
}


def load(path: Path = DEFAULT) -> Config:
    """Read a configuration. Raises ConfigError for an unreadable file, a missing or unknown key."""
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    parts = {name: _section(path, name, table.pop(name, {})) for name in SECTIONS}
    _check(path, "", set(table), {"name", "version", "task", "seed"})
    try:
        table["task"] = tasks.load(table["task"])
    except tasks.TaskError as error:
        raise ConfigError(f"{path}: {error}") from error
    return Config(**table, **parts)


def _section(path: Path, name: str, table: dict[str, Any]) -> Any:
    kind = SECTIONS[name]
    _check(path, f"[{name}] ", set(table), {field.name for field in fields(kind)})
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return kind(**values)


def _check(path: Path, where: str, got: set[str], wanted: set[str]) -> None:
    if missing := sorted(wanted - got):
        raise ConfigError(f"{path}: {where}lacks {', '.join(missing)}.")
    if unknown := sorted(got - wanted):
        raise ConfigError(f"{path}: {where}does not know {', '.join(unknown)}.")
