from __future__ import annotations

import contextvars
import threading
import time

import pytest
from inference_models_core.download.workers import run_parallel


def test_results_come_in_the_order_of_the_tasks():
    def task(number):
        return lambda _: (time.sleep(0.01 * (5 - number)), number)[1]

    assert run_parallel([task(number) for number in range(5)], 3) == [0, 1, 2, 3, 4]
    assert run_parallel([], 3) == []


def test_so_many_at_a_time():
    running, most, lock = [0], [0], threading.Lock()

    def task(_):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1

    run_parallel([task] * 8, 3)
    assert most == [3]


def test_the_first_failure_ends_the_others_and_starts_no_more():
    started = []

    def waits(cancelled):
        started.append("waits")
        assert cancelled.wait(30)

    def fails(_):
        raise LookupError("this one")

    began = time.monotonic()
    with pytest.raises(LookupError, match="this one"):
        run_parallel([waits, fails, waits, waits, waits], 2)
    assert time.monotonic() - began < 5
    assert started.count("waits") <= 2


def test_a_task_that_does_not_listen_is_left_behind():
    over = threading.Event()

    def fails(_):
        raise LookupError

    began = time.monotonic()
    with pytest.raises(LookupError):
        run_parallel([lambda _: over.wait(30), fails], 2)
    assert time.monotonic() - began < 5
    over.set()


def test_threads_do_not_keep_the_process_and_see_the_callers_context():
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    found = run_parallel([lambda _: (threading.current_thread().daemon, variable.get())], 4)
    assert found == [(True, "set")]
