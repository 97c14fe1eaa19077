"""Files into leads: surveyed once, then written in chunks, each chunk whole or not at all."""

from scoring.services.imports.options import ImportOptions, ImportSummary
from scoring.services.imports.run import import_file

__all__ = ["ImportOptions", "ImportSummary", "import_file"]
