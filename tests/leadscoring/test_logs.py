import json
import logging
import logging.config
from typing import Any

import pytest
import structlog

from leadscoring.logs import MASK, logging_config, mask_secrets, mask_text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Authorization: Api-Key abc.def", f"Authorization: Api-Key {MASK}"),
        ("postgresql://me:hunter2@host/db", f"postgresql://me:{MASK}@host/db"),
        ("redis://:hunter2@host/0 is away", f"redis://:{MASK}@host/0 is away"),
        ("12 leads at http://host:80/x", "12 leads at http://host:80/x"),
    ],
)
def test_credentials_inside_text_are_masked(text: str, safe: str) -> None:
    assert mask_text(text) == safe


def test_values_named_like_secrets_are_masked_at_any_depth() -> None:
    event: dict[str, Any] = {"event": "x", "api_key": "k", "nested": {"Password": "p", "lead": ["Bearer t"]}}
    assert mask_secrets(None, "info", event) == {
        "event": "x",
        "api_key": MASK,
        "nested": {"Password": MASK, "lead": [f"Bearer {MASK}"]},
    }


@pytest.mark.parametrize("through", ["structlog", "logging"])
def test_every_logger_ends_in_one_line_of_json_without_secrets(through: str) -> None:
    config = logging_config("INFO", "json")
    formatter = logging.config.DictConfigurator(config).configure_formatter(config["formatters"]["line"])
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(formatter.format(record))

    logger = logging.getLogger("tests.logs")
    logger.setLevel("INFO")
    logger.handlers = [Keep()]
    logger.propagate = False
    if through == "structlog":
        structlog.get_logger("tests.logs").info("connected", url="redis://:hunter2@host/0")
    else:
        logger.info("connected to %s", "redis://:hunter2@host/0")
    (line,) = lines
    assert json.loads(line)["level"] == "info"
    assert "hunter2" not in line
