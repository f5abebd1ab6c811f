"""A few threads for work that may take long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

J = TypeVar("J")


class WorkerPool(Generic[J]):
    """Runs jobs in daemon threads. A job that hangs costs its thread; `replace_worker` makes up for it."""

    def __init__(self, name: str, run: Callable[[J], None]) -> None:
        """`run(job)` must not raise: it answers for its own errors."""
        self._name = name
        self._run = run
        self._jobs: SimpleQueue[J | None] = SimpleQueue()
        self._workers: list[_Worker[J]] = []
        self._made = 0

    def start(self, workers: int) -> None:
        """Start that many threads."""
        for _ in range(workers):
            self._add_worker()

    def submit(self, job: J) -> None:
        """Queue a job; the caller bounds how many."""
        self._jobs.put(job)

    def replace_worker(self, job: J) -> bool:
        """Give up the thread that works on `job`: another takes its place, it ends when it can. False if none does."""
        for worker in self._workers:
            if worker.job is job:
                worker.dismissed = True
                self._workers.remove(worker)
                self._add_worker()
                return True
        return False

    def stop(self) -> None:
        """Ask every thread to end after its present job; returns at once. What still waits is not run."""
        for worker in self._workers:
            worker.dismissed = True
        self._jobs.put(None)

    def _add_worker(self) -> None:
        self._made += 1
        worker = _Worker(f"{self._name}-{self._made}", self._jobs, self._run)
        self._workers.append(worker)
        worker.start()


class _Worker(threading.Thread, Generic[J]):
    def __init__(self, name: str, jobs: SimpleQueue[J | None], run: Callable[[J], None]) -> None:
        # daemon: a command that hangs must not keep the process from exiting
        super().__init__(name=name, daemon=True)
        self._jobs = jobs
        self._run_job = run
        self.job: J | None = None
        self.dismissed = False

    def run(self) -> None:
        while not self.dismissed:
            job = self._jobs.get()
            # the end of all; or dismissed while it waited: that job is another's
            if job is None or self.dismissed:
                self._jobs.put(job)
                return
            self.job = job
            self._run_job(job)
            self.job = None
