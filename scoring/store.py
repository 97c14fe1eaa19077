"""Model documents on this machine: files named by their digest.

The registry keeps the same bytes for other machines. A file is written aside and renamed, so a reader sees a whole
document or none, and it is handed out only when size and digest are the ones its version recorded.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from django.conf import settings


class ArtefactMissing(Exception):
    """The file is not on this machine, or cannot be read."""


class ArtefactAltered(Exception):
    """The bytes are not the ones the version recorded."""


def digest_of(document: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def path_of(digest: str) -> Path:
    """Where the document with this digest lies. Only a well-formed digest becomes part of a path."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ArtefactAltered(f"{digest!r} is not a SHA-256 digest (64 hexadecimal digits expected).")
    return Path(settings.VAR_DIR) / "models" / f"{digest}.json"


def put(document: bytes) -> str:
    """Keep a document durably and return its digest; keeping the same bytes twice is the same file."""
    digest = digest_of(document)
    path = path_of(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        # A full disk: half a document under a name of its own would stay for ever.
        aside.unlink(missing_ok=True)
        raise
    return digest


def check(document: bytes, *, digest: str, size: int) -> bytes:
    """The same bytes, if they are the recorded ones.

    Raises:
        ArtefactAltered: size or digest differ.
    """
    if len(document) != size:
        raise ArtefactAltered(f"the file has {len(document):,} bytes, {size:,} were recorded")
    found = digest_of(document)
    if found != digest:
        raise ArtefactAltered(f"the file's SHA-256 is {found[:12]}…, {digest[:12]}… was recorded")
    return document


def get(digest: str, *, size: int) -> bytes:
    """The document with this digest.

    The size is compared before a byte is read, so a file grown to any length costs nothing.

    Raises:
        ArtefactMissing: there is no such file here, or it cannot be read.
        ArtefactAltered: the file is not the recorded one.
    """
    path = path_of(digest)
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno()).st_size
            if found != size:
                raise ArtefactAltered(f"the file has {found:,} bytes, {size:,} were recorded")
            return check(file.read(size + 1), digest=digest, size=size)
    except FileNotFoundError as error:
        raise ArtefactMissing(f"model file {digest[:12]}… is not on this machine") from error
    except OSError as error:
        raise ArtefactMissing(f"model file {digest[:12]}… cannot be read here: {error.strerror}") from error
