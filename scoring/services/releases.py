"""Opening and closing releases, and setting the grade limits: the one place that does either."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from leadscoring.common.queue import enqueue
from scoring import loader, signals
from scoring.contracts import GradeLimits, GradeMode, ReleaseConflict, ScoringError
from scoring.ml.scale import ScaleError, limits_of_shares
from scoring.models import GradeBand, ModelVersion, Release
from scoring.services.grades import request_regrade
from scoring.services.scale import Scale, cut_scale


class ReasonMissing(ScoringError):
    """A decision was asked for without saying why."""

    code = "reason-missing"


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason:
        raise ReasonMissing("A reason is needed: it is what others read later.")
    return reason


def activate_version(
    version_id: int,
    *,
    expected_open_release_id: int | None,
    by: User | None,
    reason: str,
    as_of: datetime,
) -> Release:
    """Put a version into service for every lead.

    The version is fetched, checked, compiled and its scale cut on the newest leads before any row is written.
    `expected_open_release_id` is what the person saw (None: nothing served); if another release was opened
    meanwhile nothing changes.

    Raises:
        ReleaseConflict: another release is open than expected, or this version serves already.
        VersionUnusable: its file is missing, altered or cannot be read.
        ReasonMissing: the reason is blank.
    """
    reason = _reason(reason)
    try:
        version = ModelVersion.objects.select_related("feature_set").get(pk=version_id)
    except ModelVersion.DoesNotExist as error:
        raise ScoringError(f"There is no model version with the key {version_id}.") from error
    scale = cut_scale(loader.load_version(version), as_of=as_of)
    try:
        with transaction.atomic():
            release = _replace_open(
                version,
                scale,
                expected_open_release_id=expected_open_release_id,
                by=by,
                reason=reason,
                as_of=as_of,
            )
    except IntegrityError as error:
        raise ReleaseConflict("Another release was opened at this moment; look again.") from error
    return release


def _replace_open(
    version: ModelVersion,
    scale: Scale,
    *,
    expected_open_release_id: int | None,
    by: User | None,
    reason: str,
    as_of: datetime,
) -> Release:
    current = Release.objects.filter(is_open=True).select_related("champion").first()
    if (current.pk if current else None) != expected_open_release_id:
        shown = f"version {current.champion.number} (release {current.pk})" if current else "nothing"
        raise ReleaseConflict(f"The open release changed meanwhile: {shown} serves now. Look again.")
    if current is not None and current.champion_id == version.pk and current.challenger_id is None:
        raise ReleaseConflict(f"Version {version.number} serves already.")
    if current is not None:
        # A conditional UPDATE and its row count: row locks are silently ignored by SQLite.
        closed = Release.objects.filter(pk=current.pk, is_open=True).update(is_open=False, closed_at=as_of)
        if closed != 1:
            raise ReleaseConflict("Another release was opened at this moment; look again.")
    release = Release.objects.create(
        champion=version,
        is_open=True,
        opened_at=as_of,
        opened_by=by,
        reason=reason,
        score_cuts=list(scale.cuts),
        score_population=scale.population,
    )
    signals.release_changed.send(sender=Release, ids=[release.pk])
    enqueue("scoring.tasks.after_release", release.pk)
    return release


def set_grade_limits(
    *,
    a: int,
    b: int,
    c: int,
    by: User | None,
    reason: str,
    as_of: datetime,
    shares: Mapping[str, int] | None = None,
) -> GradeBand:
    """Set the least scores of grades A, B and C from now on, and have every scored lead graded anew.

    Predictions keep the grade that was said; `shares` are the target shares the limits follow from, None with
    limits set one by one.

    Raises:
        ScoringError: the limits are not 99 ≥ A > B > C ≥ 2.
        ReasonMissing: the reason is blank.
    """
    reason = _reason(reason)
    if not 99 >= a > b > c >= 2:
        raise ScoringError(f"Grade limits A {a}, B {b}, C {c}: expected 99 ≥ A > B > C ≥ 2.")
    try:
        with transaction.atomic():
            GradeBand.objects.filter(is_current=True).update(is_current=False)
            band = GradeBand.objects.create(
                a=a,
                b=b,
                c=c,
                mode=GradeMode.SHARES if shares else GradeMode.LIMITS,
                shares=dict(shares or {}),
                set_at=as_of,
                set_by=by,
                reason=reason,
            )
            request_regrade(band, by=by)
            return band
    except IntegrityError as error:
        raise ReleaseConflict("Other limits were set at this moment; look again.") from error


def set_grade_shares(
    *, a: int, b: int, c: int, d: int, by: User | None, reason: str, as_of: datetime
) -> GradeBand:
    """Set the share of leads each grade shall hold, in per cent; the limits follow from them.

    Raises:
        ScoringError: the shares do not make 100, or one is too small.
        ReasonMissing: the reason is blank.
    """
    try:
        limits = limits_of_shares(a, b, c, d)
    except ScaleError as error:
        raise ScoringError(f"{str(error).rstrip('.')}.") from error
    shares = {"A": a, "B": b, "C": c, "D": d}
    return set_grade_limits(
        a=limits[0], b=limits[1], c=limits[2], by=by, reason=reason, as_of=as_of, shares=shares
    )


def preview_limits(limits: GradeLimits, scores: dict[int, int]) -> dict[str, int]:
    """How many leads each grade would hold, from counts of leads by score."""
    counts = dict.fromkeys("ABCD", 0)
    for score, n in scores.items():
        counts[limits.grade(score).value] += n
    return counts
