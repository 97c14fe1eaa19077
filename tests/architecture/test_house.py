"""What holds for the whole repository, checked by machine."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from celery import Task
from django.core.management import call_command
from django.utils.module_loading import import_string

from leadscoring.common.jobs import task_of
from leadscoring.schedule import TABLE

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("leadscoring", "scoring", "monitoring", "experiments", "crm_integration")
LONGEST_MODULE = 400
# They queue what `run_slot` and the schedule name, and both are looked at themselves.
BY_NAME = {ROOT / "leadscoring/common/jobs.py", ROOT / "leadscoring/schedule.py"}


def sources(*roots: str) -> Iterator[Path]:
    for root in roots:
        yield from (path for path in sorted((ROOT / root).rglob("*.py")) if "migrations" not in path.parts)


def queued_paths() -> Iterator[tuple[str, str]]:
    """(where, dotted path) of every `enqueue("…")` with a literal path, and of every `run_slot(job="…")`."""
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "run_slot":
                (job,) = (one.value for one in node.keywords if one.arg == "job")
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield where, task_of(str(job.value)) if isinstance(job, ast.Constant) else "(not a literal)"
            if name == "enqueue" and node.args and path not in BY_NAME:
                first = node.args[0]
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield where, first.value if isinstance(first, ast.Constant) else "(not a literal)"


def test_no_module_is_longer_than_its_limit() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert not long


def test_every_queued_path_is_a_task() -> None:
    found = list(queued_paths())
    assert found, "expected at least one enqueue(…) in the sources"
    wrong = []
    for where, path in found:
        try:
            task = import_string(path)
        except ImportError as error:
            wrong.append(f"{where}: {path}: {error}")
            continue
        if not isinstance(task, Task):
            wrong.append(f"{where}: {path} is not a task")
    assert not wrong


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.task)
def test_every_line_of_the_schedule_is_a_task(entry: object) -> None:
    path = getattr(entry, "task", "")
    task = import_string(path)
    assert isinstance(task, Task)
    assert task.name == path


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    out = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=out)
    except SystemExit:
        pytest.fail(f"Models and migrations differ:\n{out.getvalue()}")


def test_migrations_and_sources_name_no_path_of_a_machine() -> None:
    pattern = re.compile(r"(?<![\w.:/])/(?:work|farm|root|home|Users)/\w")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode:
        pytest.skip("not a git working tree")
    wrong = []
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if (
            path.suffix in {".lock", ".png", ".gz", ".parquet", ".xlsx"}
            or path == Path(__file__)
            or not path.is_file()
        ):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{name}: {found.group()}" for found in pattern.finditer(text)]
    assert not wrong


def names(requirements: list[str]) -> set[str]:
    found = {re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0] for requirement in requirements}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def locked(file: str) -> dict[str, str]:
    """Name → version of each entry; every entry must carry a hash."""
    text = (ROOT / file).read_text(encoding="utf-8")
    entries = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)(.*(?:\n    .*)*)", text)
    unhashed = [name for name, _, rest in entries if "--hash=sha256:" not in rest]
    assert not unhashed
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version, _ in entries}


def test_the_lock_files_hold_every_dependency_with_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")
    assert names(project["project"]["dependencies"]) <= set(runtime)
    assert names(project["dependency-groups"]["dev"]) <= set(development)
    assert {name: version for name, version in development.items() if name in runtime} == runtime


def test_nothing_is_left_open_in_the_sources() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|X{3}|raise NotImplementedError)\b|# type: ignore(?!\[)|# noqa(?!:)")
    wrong = [
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in sources(*PACKAGES, "tests", "benchmarks")
        if path != Path(__file__)
        for found in marks.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not wrong
