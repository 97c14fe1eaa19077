"""Uploads that are too large are read past, never kept: the view says so in words instead of a broken connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

TOO_LARGE = "leadscoring.upload_too_large"
"""Set in `request.META` when a file was left out."""


class SizeLimit(FileUploadHandler):
    """Leaves out a file larger than IMPORT_MAX_BYTES, by its announced length or as soon as it has grown past it."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._received = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: Mapping[str, Any],  # noqa: N803  Django's name
        content_length: int | None,
        boundary: bytes | str,
        encoding: str | None = None,
    ) -> None:
        # The form's other fields and the boundaries take a few hundred bytes.
        self._announced_too_much = (content_length or 0) > settings.IMPORT_MAX_BYTES + 65_536

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._received += len(raw_data)
        if self._announced_too_much or self._received > settings.IMPORT_MAX_BYTES:
            if self.request is not None:
                self.request.META[TOO_LARGE] = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        return None
