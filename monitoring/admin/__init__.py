"""Pages of the watch: one module for each aggregate."""

from monitoring.admin import operations

__all__ = ["operations"]
