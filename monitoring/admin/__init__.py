"""Pages of the watch: one module for each aggregate."""

from monitoring.admin import reports, stakeholders

__all__ = ["reports", "stakeholders"]
