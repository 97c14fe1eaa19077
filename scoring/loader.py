"""What this process serves: the open release, compiled, followed without a restart.

One follower per process looks at the open release twice a second. When it changed, the new version is fetched,
checked (size and digest before parsing), compiled, compared with the reference pipeline and run once; only then it
takes the place of the old one, which answers until that moment. A version that cannot be used never takes the place
of one that can: the old one stays and `status()` says why.

The newest version is loaded once as soon as it is registered, and let go again: what its kind of model needs (a file
from MLflow; LightGBM, whose import is half a second of processor time in each process) is then there before its
release, and a swap costs what checking and compiling cost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import close_old_connections, connection

from scoring import registry, store
from scoring.contracts import (
    GradeLimits,
    NoModelReleased,
    ReleasedVersionUnusable,
    VersionState,
    VersionUnusable,
)
from scoring.ml.compile import (
    DocumentError,
    RowScore,
    RowScorer,
    compile_document,
    load_document,
    parity,
    rank,
    reference_probabilities,
)
from scoring.ml.schema import FeatureSchema, Value
from scoring.models import ModelVersion, Release
from scoring.selectors.versions import grade_limits, open_release

log = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.5
# A follower that has been silent for this long (forked process, database away) is not trusted: look inline.
STALE_SECONDS = 1.5
RETRY_BROKEN_SECONDS = 5.0
# How often to look for a version that was registered.
REHEARSE_SECONDS = 5.0
MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CompiledVersion:
    """One version ready to score, with what it was compared against. `unread` names the features of its set that it
    does not look at."""

    version_id: int
    number: int
    name: str
    schema: FeatureSchema
    scorer: RowScorer
    document: Mapping[str, Any] = field(repr=False)
    max_difference: float
    parity_rows: int
    exact: bool
    unread: frozenset[str]
    cuts: tuple[float, ...] = ()

    def score(
        self, values: Sequence[Mapping[str, Value]], attributes: Sequence[Mapping[str, object]]
    ) -> list[RowScore]:
        """Scores of parsed rows. Where the row scorer differs from the reference pipeline, the pipeline's
        probabilities are the ones answered."""
        import pandas as pd

        scores = self.scorer.score_many(values)
        if self.exact:
            return scores
        frame = pd.DataFrame.from_records([dict(row) for row in attributes])
        exact = reference_probabilities(self.document, frame)
        cuts = self.document["score_quantiles"]
        return [
            replace(row, probability=float(p), score=rank(cuts, float(p)))
            for row, p in zip(scores, exact, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Serving:
    """A release and what it needs to answer."""

    release_id: int
    champion: CompiledVersion
    limits: GradeLimits


@dataclass(frozen=True, slots=True)
class LoaderStatus:
    """What this process serves and what stands in its way, for health checks and pages."""

    release_id: int | None
    version_number: int | None
    warm: bool
    exact: bool
    error: str


def load_version(version: ModelVersion, *, cuts: Sequence[float] = ()) -> CompiledVersion:
    """Fetch, check, compile and try one version; with `cuts` its scores are ranks between those.

    Raises:
        VersionUnusable: its file is missing, altered or no model document; the sentence says which.
    """
    document = _parsed(version)
    if cuts:
        document = {**document, "score_quantiles": list(cuts)}
    try:
        schema = FeatureSchema.from_json(document["schema"])
        scorer = compile_document(document)
        compared = parity(document, scorer)
    except Exception as error:  # whatever a file does to the compiler, the file is what cannot be used
        raise VersionUnusable(
            version.number, f"{type(error).__name__}: {error}", why="its model cannot be run here"
        ) from error
    if not compared.ok:
        log.warning(
            "Version %s: the row scorer differs from the reference pipeline by %.3g on %s rows; the pipeline serves.",
            version.number,
            compared.max_difference,
            compared.n,
        )
    return CompiledVersion(
        version_id=version.pk,
        number=version.number,
        name=version.name,
        schema=schema,
        scorer=scorer,
        document=document,
        max_difference=compared.max_difference,
        parity_rows=compared.n,
        exact=compared.ok,
        unread=frozenset(spec.name for spec in schema.trainable).difference(scorer.features),
        cuts=tuple(cuts),
    )


def _parsed(version: ModelVersion) -> dict[str, Any]:
    if version.artefact_size > MAX_DOCUMENT_BYTES:
        raise VersionUnusable(
            version.number,
            f"the model file has {version.artefact_size:,} bytes; at most {MAX_DOCUMENT_BYTES:,} are read.",
            why="its file is larger than a model's may be",
        )
    try:
        return load_document(_bytes(version), limit=MAX_DOCUMENT_BYTES)
    except store.ArtefactAltered as error:
        raise VersionUnusable(
            version.number, f"{error}.", why="its file is not the one that was registered"
        ) from error
    except DocumentError as error:
        raise VersionUnusable(
            version.number, f"{error}.", why="its file holds no model that this program reads"
        ) from error


def _bytes(version: ModelVersion) -> bytes:
    try:
        return store.get(version.artefact_digest, size=version.artefact_size)
    except store.ArtefactMissing as missing:
        if not version.mlflow_run_id:
            raise VersionUnusable(
                version.number,
                f"{missing}, and MLflow has no copy.",
                why="its file is missing or cannot be read, and MLflow has no copy",
            ) from missing
    try:
        document = registry.fetch_document(version.mlflow_run_id)
    except registry.RegistryUnavailable as error:
        raise VersionUnusable(
            version.number,
            f"its file is not on this machine and {error}",
            why="its file is missing or cannot be read, and MLflow did not give its copy",
        ) from error
    store.check(document, digest=version.artefact_digest, size=version.artefact_size)
    try:
        store.put(document)
    except OSError:
        # A full or read-only disk costs the next process another download, not this one its model.
        log.warning("Version %s: its file could not be kept here.", version.number, exc_info=True)
    return document


def _is_loaded(champion: CompiledVersion, release: Release) -> bool:
    # Two releases of one version rank its probabilities among different leads.
    return champion.version_id == release.champion_id and champion.cuts == tuple(release.score_cuts)


class Loader:
    """The state of one process. Swapping is one assignment, so readers need no lock."""

    def __init__(self) -> None:
        self._serving: Serving | None = None
        self._error = ""
        self._told = ""
        self._broken: tuple[int, float] | None = None
        self._checked = float("-inf")
        self._loading = threading.Lock()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._rehearsed: int | None = None

    def serving(self) -> Serving:
        """What answers now.

        Raises:
            NoModelReleased: no release is open.
            ReleasedVersionUnusable: its version cannot be used and none served before.
        """
        if not self._followed():
            self.refresh()
        if self._serving is None:
            if self._told:
                raise ReleasedVersionUnusable(self._told)
            raise NoModelReleased(
                "No model version has been released yet. The lead is kept and scored as soon as one is."
            )
        return self._serving

    def _followed(self) -> bool:
        """Whether a living follower looked lately. Commands and workers start none and look at every call."""
        alive = self._thread is not None and self._thread.is_alive()
        return alive and time.monotonic() - self._checked <= STALE_SECONDS

    def status(self) -> LoaderStatus:
        """What this process serves, without loading anything."""
        serving = self._serving
        return LoaderStatus(
            release_id=serving.release_id if serving else None,
            version_number=serving.champion.number if serving else None,
            warm=serving is not None,
            exact=serving.champion.exact if serving else True,
            error=self._error,
        )

    def refresh(self) -> None:
        """Look at the open release and swap if it changed. One thread loads; others go on with the old one."""
        # While the first version loads there is nothing old to go on with: wait for it.
        if not self._loading.acquire(blocking=self._serving is None):
            return
        try:
            self._follow()
            self._checked = time.monotonic()
        finally:
            self._loading.release()

    def _follow(self) -> None:
        release = open_release()
        if release is None:
            self._serving = None
            self._error = self._told = ""
            return
        limits = grade_limits()
        serving = self._serving
        if serving is not None and serving.release_id == release.pk:
            if serving.limits != limits:
                self._serving = replace(serving, limits=limits)
            return
        if self._broken is not None and self._broken[0] == release.pk and time.monotonic() < self._broken[1]:
            return
        try:
            champion = (
                serving.champion
                if serving is not None and _is_loaded(serving.champion, release)
                else load_version(release.champion, cuts=release.score_cuts)
            )
        except VersionUnusable as error:
            self._error = error.detail
            self._told = (
                f"Version {error.number} is released but cannot be used: {error.why}. "
                "The lead is kept and scored as soon as a version can be used."
            )
            # Not at every look: a broken file on a slow registry must not cost two downloads a second.
            self._broken = (release.pk, time.monotonic() + RETRY_BROKEN_SECONDS)
            log.error("Release %s cannot be served: %s", release.pk, error.detail)  # noqa: TRY400  # the sentence says all
            return
        self._serving = Serving(release_id=release.pk, champion=champion, limits=limits)
        self._error = self._told = ""
        log.info("Release %s serves version %s.", release.pk, champion.number)

    def rehearse(self) -> None:
        """Load the newest version once, ahead of its release, and let it go. What stands in its way is for the release
        to say."""
        version = ModelVersion.objects.filter(state=VersionState.READY.value).order_by("-number").first()
        if version is None or version.pk == self._rehearsed:
            return
        self._rehearsed = version.pk
        serving = self._serving
        if serving is not None and serving.champion.version_id == version.pk:
            return
        try:
            load_version(version)
        except VersionUnusable as error:
            log.info("Version %s was looked at ahead of a release: %s", version.number, error.detail)

    def start(self) -> None:
        """Start this process's follower, once; called by the web server's entry point."""
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="release-follower", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        rehearse_at = float("-inf")
        while True:
            try:
                close_old_connections()
                self.refresh()
                if time.monotonic() >= rehearse_at:
                    rehearse_at = time.monotonic() + REHEARSE_SECONDS
                    self.rehearse()
            except Exception:
                # The database is away, or anything else: what serves goes on serving, and the next look tries
                # again. A follower that died would leave every request to look for itself.
                log.exception("The open release could not be followed.")
                connection.close()
            time.sleep(FOLLOW_SECONDS)


_loader = Loader()
serving = _loader.serving
status = _loader.status
start = _loader.start
refresh = _loader.refresh


def forget() -> None:
    """Drop what is loaded, as a fresh process would have it (tests, and after a fork)."""
    _loader.__init__()  # type: ignore[misc]  # the module's functions are bound to this one object
