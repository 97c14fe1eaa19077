"""Pages of monitoring: one module for each aggregate."""

from monitoring.admin import drift, limits

__all__ = ["drift", "limits"]
