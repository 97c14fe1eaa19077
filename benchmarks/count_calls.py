"""What counting costs a call of the REST interface: the middleware around an empty view, against the view alone.

    python -m benchmarks.count_calls [--json]

The bar is 20 µs. One thread, then four threads at once (they share the lock, and the interpreter).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

BAR_US = 20.0


def per_call_us(view: Callable[[Any], Any], calls: int, threads: int) -> float:
    request = SimpleNamespace(
        path_info="/api/v1/score-lead", resolver_match=SimpleNamespace(url_name="score-lead")
    )

    def work() -> None:
        for _ in range(calls):
            view(request)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - begin) / (calls * threads) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    import django

    django.setup()
    from monitoring.api.middleware import CountCalls

    answer = SimpleNamespace(status_code=200)

    def bare(request: Any) -> Any:
        return answer

    counted = CountCalls(bare)
    found: dict[str, Any] = {"bar_us": BAR_US}
    for threads in (1, 4):
        costs = [
            per_call_us(counted, options.calls, threads) - per_call_us(bare, options.calls, threads)
            for _ in range(options.rounds)
        ]
        found[f"us_per_call_{threads}_threads"] = round(statistics.median(costs), 2)
    found["met"] = all(value <= BAR_US for key, value in found.items() if key.startswith("us_"))
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<24} {value}")


if __name__ == "__main__":
    main()
