"""Measurements against other tools; they need what `make peers` installs."""
