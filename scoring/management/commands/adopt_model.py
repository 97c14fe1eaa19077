"""Adopt a model that another tool registered in MLflow, here and now; needs no broker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json
from scoring.contracts import AdoptionRefused
from scoring.models import FeatureSet, ForeignVersion, ModelVersion
from scoring.selectors.adoption import fit_of
from scoring.services.adoption import request_adoption, run_adoption, survey_foreign


class Command(DatabaseCommand):
    help = (
        "Check a model that another tool registered in MLflow, turn it into a version, and judge it on the ripe leads. "
        "Without NAME: list what MLflow holds of other tools and whether it fits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="the registered model's name in MLflow")
        parser.add_argument(
            "model_version", nargs="?", metavar="version", help="its version number in MLflow"
        )
        parser.add_argument("--feature-set", type=int, metavar="NUMBER", help="another than the active one")
        parser.add_argument(
            "--recalibrate", action="store_true", help="fit its chances to what became of the ripe leads"
        )
        parser.add_argument("--reason", default="", help="why, for the record")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        feature_set = _feature_set(options["feature_set"])
        try:
            if options["name"] is None:
                self._list(feature_set, json=options["json"])
                return
            if options["model_version"] is None:
                raise CommandError("Name the version too: manage.py adopt_model NAME VERSION")
            run = request_adoption(
                name=options["name"],
                version=options["model_version"],
                feature_set_id=None if feature_set is None else feature_set.pk,
                recalibrate=options["recalibrate"],
                reason=options["reason"],
                wake=False,
            )
            with ProgressBar(quiet=options["json"]) as bar:
                version = run_adoption(run.pk, progress=bar, retry=False)
        except AdoptionRefused as refused:
            raise CommandError("\n".join(f"  {reason}" for reason in refused.reasons).strip()) from refused
        if version is None:
            raise CommandError(f"Adoption {run.pk} was taken by a worker or cancelled; see the admin.")
        if options["json"]:
            print_json(self.stdout.write, _document(version))
        else:
            self._tell(version)

    def _list(self, feature_set: FeatureSet | None, *, json: bool) -> None:
        survey_foreign(as_of=timezone.now())
        if feature_set is None:
            feature_set = FeatureSet.objects.filter(state="active").first()
        rows: list[dict[str, Any]] = []
        for row in ForeignVersion.objects.all():
            found = fit_of(row, feature_set.schema() if feature_set else None)
            rows.append(
                {
                    "name": row.name,
                    "version": row.version,
                    "form": row.flavour_words,
                    "fits": found.ok,
                    "reasons": list(found.reasons),
                }
            )
        if json:
            print_json(self.stdout.write, {"models": rows})
            return
        if not rows:
            self.stdout.write("MLflow holds no model of another tool.")
        for found_row in rows:
            fits = self.style.SUCCESS("fits") if found_row["fits"] else self.style.WARNING("does not fit")
            self.stdout.write(
                f"{found_row['name']} version {found_row['version']}, {found_row['form']}: {fits}"
            )
            for reason in found_row["reasons"]:
                self.stdout.write(f"    {reason}")

    def _tell(self, version: ModelVersion) -> None:
        write, report = self.stdout.write, version.report
        write(
            self.style.SUCCESS(
                f"\nVersion {version.number}: {version.source['name']} {version.source['version']}"
            )
        )
        split, speed = report["split"], report.get("speed") or {}
        write(f"  judged on {split['test_leads']:,} ripe leads, {split['test_conversions']:,} converted")
        for name, estimate in version.metrics.items():
            write(
                f"  {name.replace('_', ' '):<22} {estimate['value']:8.3f}   95 % {estimate['low']:.3f} to "
                f"{estimate['high']:.3f}   n = {estimate['n']:,}"
            )
        if speed:
            write(f"  one lead takes {speed['p50_ms']:.3f} ms, 95 % of them at most {speed['p95_ms']:.3f} ms")
        for note in dict.fromkeys(report["notes"]):
            write(self.style.WARNING(f"  note: {note}"))
        write(f"\n  Put it into service:  manage.py release activate {version.number} --reason TEXT")


def _feature_set(number: int | None) -> FeatureSet | None:
    if number is None:
        return None
    found = FeatureSet.objects.filter(number=number).first()
    if found is None:
        raise CommandError(f"There is no feature set {number}; manage.py feature_set show lists them.")
    return found


def _document(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "estimator": version.estimator,
        "source": version.source,
        "metrics": version.metrics,
        "report": version.report,
        "importance": version.importance,
        "digest": version.artefact_digest,
        "mlflow_run_id": version.mlflow_run_id,
    }
