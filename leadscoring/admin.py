"""Found by Django's admin at start: the pages that belong to no app of ours."""

from leadscoring import admin_site

__all__ = ["admin_site"]
