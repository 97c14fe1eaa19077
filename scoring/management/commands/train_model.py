"""Train a model here and now; needs no broker."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json
from scoring.contracts import TrainingRefused
from scoring.models import ModelVersion
from scoring.services.training import train_here


class Command(DatabaseCommand):
    help = "Train a model on the ripe leads of the active feature set, judge it and register a version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--feature-set", type=int, metavar="NUMBER", help="another than the active one")
        parser.add_argument("--trials", type=int, default=25, help="most settings tried (25)")
        parser.add_argument("--timeout", type=int, default=90, help="most seconds for trying settings (90)")
        parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same model (0)")
        parser.add_argument("--reason", default="", help="why, for the record")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with ProgressBar(quiet=options["json"]) as bar:
                run, version = train_here(
                    feature_set_id=_key(options["feature_set"]),
                    trials=options["trials"],
                    timeout_s=options["timeout"],
                    seed=options["seed"],
                    reason=options["reason"],
                    progress=bar,
                )
        except TrainingRefused as refused:
            raise CommandError(refused.detail) from refused
        if version is None:
            raise CommandError(f"Training run {run.pk} was taken by a worker or cancelled; see the admin.")
        if options["json"]:
            print_json(self.stdout.write, _document(version))
        else:
            self._tell(version)

    def _tell(self, version: ModelVersion) -> None:
        write, report = self.stdout.write, version.report
        write(self.style.SUCCESS(f"\nVersion {version.number}: {version.estimator.replace('_', ' ')}"))
        write(f"  trained on {version.training_rows:,} leads, {version.training_conversions:,} converted")
        split = report["split"]
        write(
            f"  judged on {split['test_leads']:,} leads ({split['test_conversions']:,} converted) kept apart, "
            f"by a model trained on the other {split['train_leads']:,}: {split['why']}"
        )
        for name, estimate in version.metrics.items():
            write(f"  {name.replace('_', ' '):<22} {_estimate(estimate)}")
        for other in report.get("other_splits", []):
            auc = other["metrics"].get("roc_auc")
            write(f"  beside it, {other['name']}: ROC-AUC {_estimate(auc) if auc else 'not to be had'}")
            if other["warning"]:
                write(self.style.WARNING(f"    {other['warning']}"))
        write("\n  Candidates, judged out of fold on the training part")
        for candidate in report.get("candidates", []):
            mark = "→" if candidate["chosen"] else " "
            auc = candidate["auc"]
            write(
                f"  {mark} {candidate['name']:<22} ROC-AUC {auc['value']:.3f} "
                f"({auc['low']:.3f} to {auc['high']:.3f})  {candidate['why']}"
            )
        if version.importance:
            write("\n  What it looks at")
            for row in version.importance[:8]:
                write(f"    {row['share']:6.1%}  {row['label']}")
        self._tell_second_look(report)
        for note in dict.fromkeys([*report["readiness"]["messages"], *report["notes"]]):
            write(self.style.WARNING(f"  note: {note}"))
        write(f"\n  Put it into service:  manage.py release activate {version.number} --reason TEXT")

    def _tell_second_look(self, report: dict[str, Any]) -> None:
        write, slices = self.stdout.write, report.get("slices", {})
        told = [report.get(name, {}).get("words", "") for name in ("split_spread", "learning_curve")]
        told += [slices.get("words", ""), *(one["words"] for one in slices.get("slices", []) if one["weak"])]
        told += [
            column["words"] for column in report.get("held_out", {}).get("columns", []) if column["lift"]
        ]
        if any(told):
            write("\n  A second look")
        for words in filter(None, told):
            write(f"    {words}")


def _estimate(estimate: dict[str, Any]) -> str:
    return f"{estimate['value']:8.3f}   95 % {estimate['low']:.3f} to {estimate['high']:.3f}   n = {estimate['n']:,}"


def _key(number: int | None) -> int | None:
    from scoring.models import FeatureSet

    if number is None:
        return None
    found = FeatureSet.objects.filter(number=number).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no feature set {number}; manage.py feature_set show lists them.")
    return int(found)


def _document(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.number,
        "estimator": version.estimator,
        "training_rows": version.training_rows,
        "training_conversions": version.training_conversions,
        "metrics": version.metrics,
        "report": version.report,
        "importance": version.importance,
        "digest": version.artefact_digest,
        "mlflow_run_id": version.mlflow_run_id,
    }
