"""Training: requested as a row, run by whoever claims it, ending in a registered version."""

from scoring.services.training.data import Collected, collect
from scoring.services.training.run import (
    cancel_training,
    request_training,
    run_and_log,
    run_training,
    train_here,
)

__all__ = [
    "Collected",
    "cancel_training",
    "collect",
    "request_training",
    "run_and_log",
    "run_training",
    "train_here",
]
