"""Ways to people, by name."""

from leadscoring.common.registry import Registry
from monitoring.channels.apprise import Apprise
from monitoring.channels.base import Channel
from monitoring.channels.email import Email
from monitoring.channels.pagerduty import PagerDuty
from monitoring.channels.slack import Slack

CHANNELS: Registry[Channel] = Registry("channel")
CHANNELS.add("email", Email())
CHANNELS.add("slack", Slack())
CHANNELS.add("pagerduty", PagerDuty())
CHANNELS.add("apprise", Apprise())

__all__ = ["CHANNELS"]
