"""The weekly report: counted and written (`build`), released and sent (`sending`)."""

from monitoring.services.reports.build import prepare, send_weekly
from monitoring.services.reports.contents import Week
from monitoring.services.reports.sending import deliver, missing_recipients, release, resend, sweep

__all__ = ["Week", "deliver", "missing_recipients", "prepare", "release", "resend", "send_weekly", "sweep"]
