"""The environment of the test run; set before Django reads its settings."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

ROOT = tempfile.mkdtemp(prefix="leadscoring-tests-")


def prepare() -> None:
    """Everything the program writes goes to a directory of this process, removed at its end."""
    os.environ["VAR_DIR"] = ROOT
    os.environ["DJANGO_SETTINGS_MODULE"] = "leadscoring.settings"
    os.environ["LOG_LEVEL"] = "WARNING"
    # Keys of this run only, and no query for a name in the middle of a test that counts queries.
    os.environ["REDIS_PREFIX"] = f"leadscoring-tests-{os.getpid()}"
    for name in (
        "LEADSCORING_WEB",
        "LEADSCORING_PRODUCTION",
        "LEADSCORING_DEBUG",
        "METRICS_TOKEN",
        "CELERY_TASK_ALWAYS_EAGER",
        "EMAIL_URL",
        "EMAIL_FROM",
        "PUBLIC_URL",
        "OUTBOUND_ALLOW",
        "SECRETS_KEY",
    ):
        os.environ.pop(name, None)
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(ROOT, ignore_errors=True))
