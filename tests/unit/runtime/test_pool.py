"""A few threads for work that may take long."""

import threading
from queue import SimpleQueue

import pytest

from meshbot.runtime.pool import WorkerPool

# Real seconds: only a failure waits so long
PATIENCE = 30.0


class Jobs:
    """A pool whose jobs are names: "wait…" jobs hold their thread until released."""

    def __init__(self):
        self.begun = SimpleQueue()
        self.release = threading.Event()
        self.threads = []
        self.pool = WorkerPool("Jobs", self._run)

    def _run(self, job):
        self.threads.append(threading.current_thread())
        self.begun.put(job)
        if job.startswith("wait"):
            assert self.release.wait(PATIENCE)

    def next(self):
        return self.begun.get(timeout=PATIENCE)

    def all_ended(self):
        for thread in [t for t in threading.enumerate() if t.name.startswith("Jobs-")]:
            thread.join(PATIENCE)
        return not any(t.name.startswith("Jobs-") for t in threading.enumerate())


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.release.set()
    jobs.pool.stop()
    assert jobs.all_ended()


def test_jobs_run_in_as_many_threads_as_asked_for(jobs):
    jobs.pool.start(2)
    for job in ("wait 1", "wait 2", "third"):
        jobs.pool.submit(job)
    assert {jobs.next(), jobs.next()} == {"wait 1", "wait 2"}
    assert jobs.begun.empty()
    jobs.release.set()
    assert jobs.next() == "third"


def test_threads_are_daemons_with_a_name(jobs):
    jobs.pool.start(1)
    jobs.pool.submit("job")
    jobs.next()
    assert (jobs.threads[0].name, jobs.threads[0].daemon) == ("Jobs-1", True)


def test_a_thread_that_hangs_is_replaced(jobs):
    jobs.pool.start(1)
    hung = "wait"
    jobs.pool.submit(hung)
    jobs.next()
    assert jobs.pool.replace_worker(hung)
    jobs.pool.submit("next")
    assert jobs.next() == "next"


def test_a_replaced_thread_ends_when_it_can(jobs):
    jobs.pool.start(1)
    hung = "wait"
    jobs.pool.submit(hung)
    jobs.next()
    jobs.pool.replace_worker(hung)
    jobs.release.set()
    jobs.threads[0].join(PATIENCE)
    assert not jobs.threads[0].is_alive()


@pytest.mark.parametrize("state", ["waiting", "unknown"])
def test_a_job_that_no_thread_works_on_replaces_none(jobs, state):
    jobs.pool.start(1)
    hung, waiting = "wait", "later"
    jobs.pool.submit(hung)
    jobs.pool.submit(waiting)
    jobs.next()
    assert not jobs.pool.replace_worker(waiting if state == "waiting" else "never submitted")


def test_stop_ends_idle_threads(jobs):
    jobs.pool.start(3)
    jobs.pool.stop()
    assert jobs.all_ended()


def test_stop_lets_a_job_end_and_runs_no_further_one(jobs):
    jobs.pool.start(1)
    jobs.pool.submit("wait")
    jobs.pool.submit("never")
    jobs.next()
    jobs.pool.stop()
    jobs.release.set()
    assert jobs.all_ended()
    assert jobs.begun.empty()
