"""When a column becomes known, guessed from its name and its values; words of several languages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scoring.ml.labels import words_of
from scoring.ml.values import FeatureSpec, Kind, KnownAt
from scoring.ml.words import EARLIER_WORDS, PERSONAL_STATUS_WORDS


@dataclass(frozen=True, slots=True)
class KnownAtGuess:
    """When a value becomes known, and why it is thought so. `certain` marks names that leave little doubt."""

    known_at: KnownAt
    reason: str
    certain: bool = False


# Groups of stems; a header matches a group when each of its stems begins one of the header's words.
_OUTCOME: tuple[tuple[str, str], ...] = (
    ("lost reason", "why a lead was lost is written after it was lost"),
    ("loss reason", "why a lead was lost is written after it was lost"),
    ("reason lost", "why a lead was lost is written after it was lost"),
    ("win reason", "why a lead was won is written after it was won"),
    ("closed", "it is written when the lead is closed"),
    ("close date", "it is written when the lead is closed"),
    ("closing date", "it is written when the lead is closed"),
    ("date closed", "it is written when the lead is closed"),
    ("won", "it tells who won"),
    ("lost", "it tells what was lost"),
    ("contract", "a contract exists only after the win"),
    ("vertrag", "a contract exists only after the win"),
    ("contrat", "a contract exists only after the win"),
    ("signed", "signing is the outcome"),
    ("signature", "signing is the outcome"),
    ("signing", "signing is the outcome"),
    ("unterschr", "signing is the outcome"),
    ("firma date", "signing is the outcome"),
    ("invoice", "an invoice follows the sale"),
    ("rechnung", "an invoice follows the sale"),
    ("factur", "an invoice follows the sale"),
    ("payment", "payment follows the sale"),
    ("amount paid", "payment follows the sale"),
    ("paid amount", "payment follows the sale"),
    ("paid on", "payment follows the sale"),
    ("paid date", "payment follows the sale"),
    ("refund", "a refund follows the sale"),
    ("onboard", "onboarding follows the sale"),
    ("converted", "it tells of the conversion itself"),
    ("conversion date", "it tells of the conversion itself"),
    ("outcome", "it is the outcome"),
    ("churn", "only customers leave"),
    ("renewal", "only customers renew"),
    ("order value", "an order follows the sale"),
    ("order number", "an order follows the sale"),
    ("order date", "an order follows the sale"),
    ("deal value", "the amount is settled by the sale"),
    ("deal amount", "the amount is settled by the sale"),
    ("revenue booked", "the amount is settled by the sale"),
    ("customer since", "only customers have it"),
    ("customer number", "only customers have it"),
    ("kundennummer", "only customers have it"),
)
_CONTACT: tuple[tuple[str, str], ...] = (
    ("duration", "a call has a length only once it is over"),
    ("call length", "a call has a length only once it is over"),
    ("talk time", "a call has a length only once it is over"),
    ("dauer", "a call has a length only once it is over"),
    ("duración", "a call has a length only once it is over"),
    ("durée", "a call has a length only once it is over"),
    ("stage", "the stage moves with the contact and ends with the outcome"),
    ("pipeline", "the pipeline moves with the contact and ends with the outcome"),
    ("status", "a status moves with the contact and ends with the outcome"),
    ("probability", "a probability entered by hand moves with the contact"),
    ("forecast", "a forecast moves with the contact"),
    ("tag", "tags are written during and after the contact"),
    ("last activity", "the last activity is overwritten until the lead is closed"),
    ("last notable", "the last activity is overwritten until the lead is closed"),
    ("last modified", "it is overwritten with every change"),
    ("last contact", "it is overwritten with every contact"),
    ("updated", "it is overwritten with every change"),
    ("modified", "it is overwritten with every change"),
    ("quality", "a quality given by a rep follows the contact"),
    ("disposition", "it is noted after a call"),
    ("attempt", "it is counted during the contact"),
    ("note", "notes are written during the contact"),
    ("comment", "comments are written during the contact"),
    ("remark", "remarks are written during the contact"),
    ("meeting", "meetings happen during the contact"),
    ("followup", "follow-ups happen during the contact"),
    ("follow up", "follow-ups happen during the contact"),
    ("first response", "the first response is the beginning of the contact"),
    ("response time", "the first response is the beginning of the contact"),
    ("time to response", "the first response is the beginning of the contact"),
    ("replied", "a lead replies during the contact"),
    ("reply", "a lead replies during the contact"),
    ("replies", "a lead replies during the contact"),
    ("email open", "mails are opened during the contact"),
    ("mail open", "mails are opened during the contact"),
    ("email click", "mails are opened during the contact"),
    ("owner", "the owner can change until the lead is closed"),
    ("assigned", "the owner can change until the lead is closed"),
    ("days in", "it grows until the lead is closed"),
    ("age of deal", "it grows until the lead is closed"),
    ("cycle", "it grows until the lead is closed"),
    ("quote", "a quote is written during the contact"),
    ("proposal", "a proposal is written during the contact"),
    ("angebot", "a quote is written during the contact"),
)
_VALUE_OUTCOME = re.compile(
    r"\b(closed[ _-]?(won|lost)|closed by|won(?![\'’])|lost|signed(?! (?:in|up)\b)|"
    r"deal (won|lost)|converted(?! to lead)|"
    r"gewonnen|verloren|abgeschlossen|"
    r"gagné|perdu|ganado|ganada|perdido|perdida|ganho|vinto|perso|выигран|проигран)\b",
    re.IGNORECASE,
)


def guess_known_at(spec: FeatureSpec, values: tuple[str, ...] = ()) -> KnownAtGuess:
    """When the column is known, by its name and by the values that occur; creation when nothing speaks."""
    words = words_of(spec.name)
    if not EARLIER_WORDS & set(words):
        for stems, why in _OUTCOME:
            if _matches(words, stems):
                reason = f"“{spec.name}” sounds like after the outcome: {why}"
                return KnownAtGuess(KnownAt.OUTCOME, reason, certain=True)
        told = [value for value in values if len(value) < 60 and _VALUE_OUTCOME.search(value)]
        if told and spec.kind is not Kind.TEXT:
            return KnownAtGuess(
                KnownAt.OUTCOME,
                f"values such as “{told[0]}” are written after the outcome",
                certain=len(told) >= 2,
            )
        for stems, why in _CONTACT:
            if _matches(words, stems) and not PERSONAL_STATUS_WORDS & set(words):
                return KnownAtGuess(KnownAt.CONTACT, f"“{spec.name}” sounds like during the contact: {why}")
    return KnownAtGuess(KnownAt.CREATION, "nothing in its name or values says that it comes later")


def _matches(words: tuple[str, ...], stems: str) -> bool:
    wanted = stems.split()
    spans = len(words) - len(wanted) + 1
    return any(all(_begins(words[i + k], wanted[k]) for k in range(len(wanted))) for i in range(spans))


def _begins(word: str, stem: str) -> bool:
    # “tag” must not match “stage”, nor “won” “wonder”; a plural is the same word.
    return word in (stem, stem + "s") if len(stem) <= 4 else word.startswith(stem)
