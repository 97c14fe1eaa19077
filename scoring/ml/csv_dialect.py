"""Finding out how a CSV was written: encoding from all its bytes, delimiter and quoting from its head."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from scoring.ml.tables import TableError

_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_UNDEFINED_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_CONTROL = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 26, 27})
_DELIMITERS = ",;\t|^~"
_DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "^": "caret", "~": "tilde"}


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over all bytes of a file found."""

    total: int
    utf8_sequences: int
    foreign_bytes: int
    undefined_cp1252: bool
    controls: int
    nul: int


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How cells are set apart and quoted, and how many lines come before the header."""

    delimiter: str
    quote: str
    escape: str | None
    skip_blank: bool
    skip: int

    def words(self) -> str:
        """The form for people: “semicolon between cells, texts in double quotes”."""
        mark = _DELIMITER_WORDS.get(self.delimiter, f"“{self.delimiter}”")
        quotes = {'"': "double quotes", "'": "single quotes", "": "no quotes"}.get(self.quote, self.quote)
        escape = " (a quote inside written with a backslash)" if self.escape else ""
        return f"{mark} between cells, {quotes}{escape}"


def scan_bytes(blocks: Iterable[bytes], name: str) -> Scan:
    """Count what tells encodings apart. Raises TableError when there is nothing in the file."""
    total = sequences = foreign = controls = nul = 0
    undefined = False
    carry = b""
    for block in blocks:
        total += len(block)
        if not block.isascii() or carry:
            data = carry + block
            # A character may be cut by the end of a block; its first bytes are counted with the next one.
            cut = max(len(data) - 3, 0)
            while cut < len(data) and data[cut] < 0xC0:
                cut += 1
            carry, data = data[cut:], data[:cut]
            found = _UTF8_SEQUENCE.findall(data)
            sequences += len(found)
            foreign += len(_HIGH.findall(data)) - sum(map(len, found))
            undefined = undefined or _UNDEFINED_CP1252.search(data) is not None
        nul += block.count(0)
        controls += len(block) - len(block.translate(None, _CONTROL))
    if carry:
        found = _UTF8_SEQUENCE.findall(carry)
        sequences += len(found)
        foreign += len(_HIGH.findall(carry)) - sum(map(len, found))
    if not total:
        raise TableError(f"{name} is empty; expected a header row and at least one lead")
    return Scan(total, sequences, foreign, undefined, controls, nul)


def decide_encoding(scan: Scan, head: bytes, wanted: str | None, name: str) -> tuple[str, str]:
    """The codec for the whole file and how it was chosen, in words.

    Raises TableError for an unknown codec and for content that is no text.
    """
    if wanted is not None:
        try:
            codec = codecs.lookup(wanted)
        except LookupError:
            raise TableError(
                f"encoding “{wanted}” is not known; expected one such as utf-8 or cp1252"
            ) from None
        return codec.name, f"{codec.name} as told"
    wide = _wide_encoding(scan, head)
    if wide is not None:
        return wide
    if scan.controls > max(3, scan.total * 0.01):
        raise TableError(
            f"{name} is not text: {scan.controls:,} of its {scan.total:,} bytes are control characters; "
            "expected a CSV, Excel (.xlsx) or Parquet file"
        )
    if scan.foreign_bytes == 0:
        return "utf-8", "UTF-8" if scan.utf8_sequences else "plain ASCII"
    if scan.utf8_sequences > scan.foreign_bytes:
        return "utf-8", f"UTF-8, with {scan.foreign_bytes:,} bytes that are not: their rows are reported"
    codec_name = "latin-1" if scan.undefined_cp1252 else "cp1252"
    return codec_name, f"{codec_name} (Western European) because its bytes are not UTF-8"


def _wide_encoding(scan: Scan, head: bytes) -> tuple[str, str] | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig", "UTF-8 with a byte order mark"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16 with a byte order mark"
    sample = head[:4096]
    if scan.nul > scan.total * 0.2 and len(sample) >= 4:
        odd, even = sample[1::2].count(0), sample[0::2].count(0)
        if odd > 0.4 * (len(sample) // 2) and even < odd * 0.1:
            return "utf-16-le", "UTF-16 without a byte order mark"
        if even > 0.4 * (len(sample) // 2) and odd < even * 0.1:
            return "utf-16-be", "UTF-16 without a byte order mark"
    return None


def decide_form(head: str, wanted: str | None, *, truncated: bool) -> CsvForm:
    """Delimiter, quoting and escaping of the first lines; `wanted` fixes the delimiter."""
    text = head.removeprefix("\ufeff")
    skip = 0
    first, _, after = text.partition("\n")
    if re.fullmatch(r"\"?sep=.\"?\s*", first, re.IGNORECASE):
        wanted = wanted or first.strip().strip('"')[4]
        text, skip = after, 1
    if truncated and "\n" in text:
        text = text[: text.rindex("\n") + 1]
    best, best_score = CsvForm(wanted or ",", '"', None, False, skip), 0.0
    for delimiter in wanted or _DELIMITERS:
        for quote in ('"', "'"):
            if quote == "'" and not _quoted(text, delimiter, "'"):
                continue
            escape = "\\" if '\\"' in text and quote == '"' and _escaped(text, delimiter) else None
            blank = f"{delimiter} {quote}" in text
            form = CsvForm(delimiter, quote, escape, blank, skip)
            score = _score(text, form) + (0.01 if quote == "'" else 0)
            if score > best_score:
                best, best_score = form, score
    return best


def _quoted(text: str, delimiter: str, quote: str) -> bool:
    """Whether this quote encloses cells, rather than standing in words like O'Brien."""
    return text.count(quote + delimiter + quote) >= 2 and '"' + delimiter not in text


def _escaped(text: str, delimiter: str) -> bool:
    inside = re.findall(r'\\"(?!\s*(?:' + re.escape(delimiter) + r"|\r|\n|$))", text)
    return bool(inside) and '""' not in text.replace(f'{delimiter}""', "")


def _score(text: str, form: CsvForm) -> float:
    """Records of the same width as most, weighted by how many columns that makes."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=form.delimiter,
        quotechar=form.quote,
        doublequote=form.escape is None,
        escapechar=form.escape,
        skipinitialspace=form.skip_blank,
    )
    widths: list[int] = []
    try:
        for record in reader:
            if record:
                widths.append(len(record))
            if len(widths) >= 400:
                break
    except csv.Error:
        pass
    if not widths:
        return 0.0
    # The first record is the header, unless hardly any other is as wide: then it is a title above it.
    width = widths[0]
    if widths.count(width) < 0.5 * len(widths):
        width = max(set(widths), key=lambda one: (widths.count(one) * min(one, 8), one))
    if width < 2:
        return 0.0
    same = widths.count(width) / len(widths)
    return same * same * (1.0 + min(width, 50) / 50.0)
