"""Statistics of watching a model: arrays and counts in, frozen dataclasses out. No Django, no clock."""
