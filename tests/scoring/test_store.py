"""Model files by digest: whole or not at all, and never other bytes than the recorded ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scoring import store

DOCUMENT = b'{"format":"leadscoring-model"}'
DIGEST = hashlib.sha256(DOCUMENT).hexdigest()


def test_it_gives_back_what_was_put(place: Path) -> None:
    assert store.put(DOCUMENT) == DIGEST
    assert store.get(DIGEST, size=len(DOCUMENT)) == DOCUMENT


def test_it_keeps_the_same_bytes_once(place: Path) -> None:
    store.put(DOCUMENT)
    store.put(DOCUMENT)
    assert [file.name for file in (place / "models").iterdir()] == [f"{DIGEST}.json"]


def test_it_keeps_model_files_to_itself(place: Path) -> None:
    store.put(DOCUMENT)
    assert store.path_of(DIGEST).stat().st_mode & 0o077 == 0


def test_a_write_that_fails_leaves_no_document(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.put(DOCUMENT)
    with pytest.raises(store.ArtefactMissing):
        store.get(DIGEST, size=len(DOCUMENT))
    assert list((place / "models").iterdir()) == [], "no torn file stays behind"


def test_a_deleted_file_is_missing(place: Path) -> None:
    store.put(DOCUMENT)
    store.path_of(DIGEST).unlink()
    with pytest.raises(store.ArtefactMissing, match=DIGEST[:12]):
        store.get(DIGEST, size=len(DOCUMENT))


def test_a_file_altered_by_one_byte_is_refused(place: Path) -> None:
    store.put(DOCUMENT)
    store.path_of(DIGEST).write_bytes(DOCUMENT.replace(b"model", b"modeL"))
    with pytest.raises(store.ArtefactAltered, match=r"SHA-256 is .* was recorded"):
        store.get(DIGEST, size=len(DOCUMENT))


def test_a_file_that_grew_is_refused_without_being_read(place: Path) -> None:
    store.put(DOCUMENT)
    with store.path_of(DIGEST).open("r+b") as file:
        file.truncate(10 * 2**40)  # ten tebibytes of nothing: reading them would end the process
    with pytest.raises(store.ArtefactAltered, match=r"has 10,995,116,277,760 bytes, 30 were recorded"):
        store.get(DIGEST, size=len(DOCUMENT))


def test_a_directory_in_the_place_of_the_file_is_not_a_document(place: Path) -> None:
    store.path_of(DIGEST).mkdir(parents=True)
    with pytest.raises(store.ArtefactMissing, match="cannot be read"):
        store.get(DIGEST, size=len(DOCUMENT))


@pytest.mark.parametrize(
    "digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "g" * 64, "0" * 63 + "/"]
)
def test_only_a_digest_becomes_part_of_a_path(place: Path, digest: str) -> None:
    with pytest.raises(store.ArtefactAltered, match="64 hexadecimal digits expected"):
        store.path_of(digest)


def test_the_size_alone_does_not_make_it_the_same() -> None:
    with pytest.raises(store.ArtefactAltered, match="31 bytes, 30 were recorded"):
        store.check(DOCUMENT + b" ", digest=DIGEST, size=len(DOCUMENT))
    with pytest.raises(store.ArtefactAltered, match="SHA-256"):
        store.check(DOCUMENT, digest="0" * 64, size=len(DOCUMENT))
