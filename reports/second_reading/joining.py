"""Where second readings take part in what others do. Called once, when the floor starts."""

from dermaclinic.audit import record
from imaging import steps as filing
from reports import steps
from reports.second_reading import blind, services


def join() -> None:
    """Ask what is recorded, taken back or moved; and keep second readers out of the record."""
    steps.on_recorded.append(services.consider)
    steps.on_withdrawn.append(services.forget)
    filing.on_moved.append(services.misfiled)
    record.gates.append(blind.keep_out)
