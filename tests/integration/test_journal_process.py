"""The log of a process of its own: what only its stdout, its locale and its exit code can show."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = "import logging, sys; from meshbot.runtime.log import set_up; set_up('INFO'); LOGGER = logging.getLogger('x')\n"


def start(code, **options):
    return subprocess.Popen(
        [sys.executable, "-c", START + code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_the_log_is_utf8_in_a_service_that_has_no_locale():
    bare = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PATH": os.environ["PATH"]}
    out, err = start(r"LOGGER.info('\u2705 cl\xe9s %s', '\udcff')", env=bare).communicate(timeout=60)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[INFO\] ✅ clés \\udcff\n", out.decode("utf-8"))
    assert not err


def test_a_reader_that_leaves_keeps_the_process_and_its_exit_code():
    child = start(
        "LOGGER.info('first'); sys.stdin.readline()\n"
        "LOGGER.info('second'); LOGGER.info('third'); sys.stderr.write('alive')\n"
    )
    assert child.stdout.readline().endswith(b"[INFO] first\n")
    child.stdout.close()
    child.stdin.write(b"go on\n")
    child.stdin.close()
    assert child.stderr.read() == b"alive"
    child.stderr.close()
    assert child.wait(60) == 0


def test_a_process_started_without_stdout_runs():
    child = start("LOGGER.info('to nobody'); sys.stderr.write('alive')", preexec_fn=lambda: os.close(1))
    out, err = child.communicate(timeout=60)
    assert (out, err, child.returncode) == (b"", b"alive", 0)


def test_an_uncaught_exception_is_a_log_line_and_no_bare_traceback():
    child = start("raise ValueError('no node')")
    out, err = child.communicate(timeout=60)
    assert re.fullmatch(r"\S+ \[CRITICAL\] 💥 MainThread: ValueError: no node \(<string>:2\)\n", out.decode())
    assert (err, child.returncode) == (b"", 1)


def test_a_blocked_stdout_holds_up_no_thread_and_keeps_the_order():
    child = start(
        "import threading\n"
        "for number in range(40_000): LOGGER.info('line %d', number)\n"
        "sys.stderr.write(','.join(thread.name for thread in threading.enumerate()) + '\\n'); sys.stderr.flush()\n"
        "sys.stdin.readline(); LOGGER.info('late')\n"
    )
    # nothing of stdout is read until all has been logged
    assert child.stderr.readline() == b"MainThread,Log\n"
    lines = [child.stdout.readline().decode() for _ in range(4000)]
    child.stdin.write(b"go on\n")
    child.stdin.close()
    lines += child.stdout.read().decode().splitlines(keepends=True)
    assert child.wait(60) == 0
    numbers = [int(match[1]) for line in lines if (match := re.search(r"line (\d+)$", line))]
    assert numbers == sorted(numbers)
    lost = [int(match[1]) for line in lines if (match := re.search(r"Journal: (\d+) lignes perdues", line))]
    assert len(numbers) + sum(lost) == 40_000
    assert lost
    assert lines[-1].endswith("[INFO] late\n")
    child.stdout.close()
    child.stderr.close()


def test_a_blocked_stdout_does_not_hold_the_end_of_the_process():
    child = start("for number in range(40_000): LOGGER.info('line %d', number)\nraise SystemExit(3)\n")
    assert child.wait(60) == 3
    child.communicate()


def test_a_crash_s_last_lines_come_out():
    child = start(
        "import os, threading\n"
        "for number in range(300): LOGGER.info('line %d', number)\n"
        "worker = threading.Thread(target=lambda: 1 / 0, name='Worker'); worker.start(); worker.join()\n"
        "LOGGER.error('last'); logging.shutdown(); os._exit(1)\n"
    )
    out, _err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "💥 Worker: ZeroDivisionError" in out.decode()
    assert out.decode().endswith("[ERROR] last\n")


def test_what_a_library_prints_is_logged_and_holds_up_nobody():
    child = start(
        "from meshbot.runtime.log import take_prints; real = sys.stderr; take_prints()\n"
        "print('✅ SYNC COMPLETE', 3, end=''); print(); print('x' * 500_000, file=sys.stderr)\n"
        "print('y' * 500_000); real.write('alive'); real.flush()\n"
    )
    # nothing of stdout has been read yet
    assert child.stderr.read(5) == b"alive"
    lines = child.communicate(timeout=60)[0].decode().splitlines()
    assert lines[0].endswith("[WARNING] 🖨️ ✅ S\\YNC COMPLETE 3")
    assert len(lines) == 2
    assert child.returncode == 0
