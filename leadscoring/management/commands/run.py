"""`manage.py run`: web server, worker, beat and, unless REDIS_URL names one, a broker, as one program."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from types import FrameType
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from leadscoring import broker
from leadscoring.supervisor import KeepsDying, Service, Supervisor

PATIENCE_SECONDS = 180.0


class Command(BaseCommand):
    help = "Run the web server, the worker, beat and an embedded broker together. Ctrl-C stops all of them."
    requires_system_checks = "__all__"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
        parser.add_argument("--workers", type=int, default=2, help="web processes (default 2)")
        parser.add_argument("--threads", type=int, default=4, help="threads in each web process (default 4)")
        parser.add_argument("--migrate", action="store_true", help="bring the database up to date first")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        if not 0 < port < 65536:
            raise CommandError(f"--port is {port}; expected a number from 1 to 65535.")
        for name in ("workers", "threads"):
            if not 1 <= options[name] <= 256:
                raise CommandError(f"--{name} is {options[name]}; expected a number from 1 to 256.")
        lock = self.only_one()
        refuse_taken_port(host, port)
        self.prepare(migrate=options["migrate"])
        supervisor = Supervisor(say=self.say, stop_seconds=settings.LEADSCORING_STOP_SECONDS)

        def stop(number: int, frame: FrameType | None) -> None:
            supervisor.stopping.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.start(supervisor, host, port, options["workers"], options["threads"])
            supervisor.run()
            self.say("Stopping …")
        except KeepsDying as error:
            raise CommandError(str(error)) from error
        finally:
            supervisor.stop()
            for number, handler in before.items():
                signal.signal(number, handler)
            lock.close()
        self.say("Stopped.")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def only_one(self) -> IO[str]:
        """Holds the lock of this VAR_DIR; two brokers on one socket would take it from each other."""
        path = settings.VAR_DIR / "run.lock"
        file = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise CommandError(
                f"`run` is already running in {settings.VAR_DIR} (process {holder}); expected one for each "
                "VAR_DIR. Stop it, or set VAR_DIR to another directory."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def prepare(self, *, migrate: bool) -> None:
        """The database up to date and the static files in place."""
        executor = MigrationExecutor(connections["default"])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing and not migrate:
            raise CommandError(
                f"The database lacks {len(missing)} migrations; expected none. "
                "Run `manage.py migrate`, or `manage.py run --migrate`."
            )
        if missing:
            call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        connections.close_all()

    def start(self, supervisor: Supervisor, host: str, port: int, workers: int, threads: int) -> None:
        """Starts the services in order and prints where to find them once the web server answers."""
        embedded = settings.EMBEDDED_BROKER
        if embedded:
            try:
                supervisor.start(broker.service(settings.PLACES))
            except broker.BrokerUnavailable as error:
                raise CommandError(str(error)) from error
        trouble = broker.wait(settings.REDIS_URL, seconds=10 if embedded else 2)
        if trouble:
            self.say(f"The broker does not answer ({trouble}); work waits in the database until it does.")
        for service in services(host, port, workers, threads):
            supervisor.start(service)
        if not self.wait_for_web(supervisor, host, port):
            return
        name = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # compared only
        self.say(
            "\n".join(
                [
                    "",
                    f"  leadscoring is running at http://{name}:{port}/",
                    f"    admin     http://{name}:{port}/admin/",
                    f"    API docs  http://{name}:{port}/api/v1/docs/",
                    f"    health    http://{name}:{port}/health/ready",
                    f"    data      {settings.VAR_DIR}",
                    f"    database  {connections['default'].vendor}",
                    f"    broker    {'embedded Valkey' if embedded else 'REDIS_URL'}",
                    f"    processes {workers} web · {settings.CELERY_WORKER_CONCURRENCY} worker · beat",
                    "  Ctrl-C stops it.",
                    "",
                ]
            )
        )

    def wait_for_web(self, supervisor: Supervisor, host: str, port: int) -> bool:
        """Waits for the first answer while watching the children; False when asked to stop meanwhile."""
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  # compared, not bound
        url = f"http://{name}:{port}/health/live"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not supervisor.stopping.wait(0.1):
            supervisor.watch()
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return True
            except urllib.error.HTTPError:
                return True
            except OSError:
                if time.monotonic() > deadline:
                    raise CommandError(
                        f"The web server did not answer at {url} within {PATIENCE_SECONDS:.0f} s."
                    ) from None
        return False


def services(host: str, port: int, workers: int, threads: int) -> list[Service]:
    """Web server, worker and beat: how each is started."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "leadscoring.celery"]
    web = [
        *python,
        "granian",
        "leadscoring.wsgi:application",
        *("--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers)),
        *("--blocking-threads", str(threads), "--no-ws", "--log-level", "warning"),
        *(
            "--respawn-failed-workers",
            "--workers-kill-timeout",
            "10",
            "--working-dir",
            str(settings.BASE_DIR),
        ),
        *("--static-path-route", "/static", "--static-path-mount", str(settings.STATIC_ROOT)),
    ]
    worker = [
        *celery,
        "worker",
        *("--pool", "prefork", "--concurrency", str(settings.CELERY_WORKER_CONCURRENCY)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"),
    ]
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile="]
    environment = {
        # Celery warns of root at every start; in a container there is often nobody else.
        "C_FORCE_ROOT": "1",
        "PYTHONWARNINGS": "ignore:You're running the worker,ignore::PendingDeprecationWarning",
        "DJANGO_SETTINGS_MODULE": "leadscoring.settings",
        "PYTHONPATH": os.pathsep.join(
            part for part in (str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")) if part
        ),
    }
    return [
        Service("web", web, environment),
        Service("worker", worker, environment),
        Service("beat", beat, environment),
    ]


def refuse_taken_port(host: str, port: int) -> None:
    """Says who is in the way before anything is started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CommandError(f"--host is {host!r} ({error.strerror}); expected one of this machine.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}); expected a free one (--port)."
            ) from error
