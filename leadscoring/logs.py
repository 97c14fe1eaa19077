"""Logging: one line per event through structlog, as text or JSON, with secrets masked before anything is
written."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

MASK = "•••"
SECRET_NAMES = re.compile(
    r"(authorization|cookie|password|passwd|secret|token|api[-_]?key|credential|signature|private)",
    re.IGNORECASE,
)
SECRET_TEXT = re.compile(
    r"(?P<keep>(?:Api-Key|Bearer|Basic)\s+)\S+"
    r"|(?P<scheme>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)",
    re.IGNORECASE,
)


def mask_text(text: str) -> str:
    """The text with credentials in headers and URLs replaced by dots."""
    return SECRET_TEXT.sub(lambda found: (found["keep"] or found["scheme"] or "") + MASK, text)


def mask_value(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {
            key: MASK if SECRET_NAMES.search(str(key)) else mask_value(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [mask_value(item) for item in value]
    return value


def mask_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: masks values whose key names a secret, and credentials inside any text."""
    for key, value in event.items():
        if key.startswith("_"):
            continue
        event[key] = MASK if SECRET_NAMES.search(key) else mask_value(value)
    return event


def logging_config(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING setting; standard loggers and structlog end in the same line format on stderr."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[Any] = [structlog.processors.format_exc_info, mask_secrets]
    if form == "json":
        last.append(structlog.processors.JSONRenderer())
    else:
        last.append(structlog.dev.ConsoleRenderer(colors=False))
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "WARNING", "propagate": True},
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            # An unknown host is the caller's doing and fills the log of every public server.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "axes": {"level": "WARNING"},
            # Warnings of libraries about themselves: the tests turn them into errors, operators cannot act on
            # them.
            "py.warnings": {"level": "ERROR"},
            "mlflow": {"level": "WARNING"},
            "alembic": {"level": "WARNING"},
            "optuna": {"level": "WARNING"},
            "matplotlib": {"level": "WARNING"},
        },
    }
