"""Files into leads: surveyed once, then written in chunks, each chunk whole or not at all."""

from scoring.services.imports.errors import error_file_name, error_lines
from scoring.services.imports.options import ImportOptions, ImportSummary
from scoring.services.imports.plan import Plan, source_name
from scoring.services.imports.preview import Preview, preview_upload
from scoring.services.imports.run import ImportStopped, import_file
from scoring.services.imports.sources import COUNTED_TO, Suggestion, known_sources, suggest_source
from scoring.services.imports.uploads import (
    cancel_import,
    discard_upload,
    prepare_again,
    remove_uploads,
    request_audit,
    request_import,
    set_reading,
    store_upload,
    stored_path,
    too_large,
)
from scoring.services.imports.work import work_on

__all__ = [
    "COUNTED_TO",
    "ImportOptions",
    "ImportStopped",
    "ImportSummary",
    "Plan",
    "Preview",
    "Suggestion",
    "cancel_import",
    "discard_upload",
    "error_file_name",
    "error_lines",
    "import_file",
    "known_sources",
    "prepare_again",
    "preview_upload",
    "remove_uploads",
    "request_audit",
    "request_import",
    "set_reading",
    "source_name",
    "store_upload",
    "stored_path",
    "suggest_source",
    "too_large",
    "work_on",
]
