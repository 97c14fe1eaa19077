"""Pages of the watch: one module for each aggregate."""

from monitoring.admin import performance

__all__ = ["performance"]
