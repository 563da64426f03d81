"""The bench: a small process that does one media job after another, each in a child of its own.

Started by `worker.py` as `python -m distributor.media.bench` with no secret in its environment. Reads one
job a line from standard input, writes one answer a line to standard output. The bench itself never decodes
anything: it forks (a few milliseconds, all libraries loaded), the child is confined, does the job, and
ends. Whatever happens to the child, the bench answers. It ends when its standard input closes, and takes a
running child with it.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from typing import Any

from distributor.core.asset import MediaRefused
from distributor.media.jail import confine
from distributor.media.jobs import perform
from distributor.media.store import NO_ROOM

_ANSWER_BYTES = 1 << 16


def answer_to(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job in this process: `{"done": …}`, `{"refused": code, "params": …}` or `{"full": true}`."""
    try:
        return {"done": perform(job)}
    except MediaRefused as refusal:
        return {"refused": refusal.code, "params": refusal.params}
    except MemoryError:
        return {"refused": "crashed", "params": {}}
    except OSError as error:
        if error.errno in NO_ROOM:
            return {"full": True}
        raise


def _child(job: dict[str, Any], answers: int) -> None:
    """The whole life of a child: confine, work, answer. Never returns."""
    code = 1
    try:
        limits = job["limits"]
        confine(limits["memory"], limits["cpu"], limits["file"])
        os.write(answers, json.dumps(answer_to(job)).encode())
        code = 0
    except Exception as error:  # an error of ours or of a library: named on the log, answered as a failure
        os.write(answers, json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
    finally:
        os._exit(code)


def _await_answer(child: int, answers: int, deadline: float) -> bytes | None:
    """What the child said; None at the deadline. Ends the bench if nobody listens any more."""
    said = b""
    watched = [answers, sys.stdin.fileno()]
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select(watched, [], [], left)
        if sys.stdin.fileno() in ready:  # no second job comes before the answer: this is the end of the service
            os.kill(child, signal.SIGKILL)
            raise SystemExit(0)
        if answers in ready:
            piece = os.read(answers, _ANSWER_BYTES)
            if not piece:
                return said
            said += piece
    return None


def _one(line: bytes) -> dict[str, Any]:
    """Do one job in a child and tell how it ended."""
    job = json.loads(line)
    answers, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answers)
        _child(job, theirs)
    os.close(theirs)
    said = _await_answer(child, answers, time.monotonic() + job["limits"]["wall"])
    os.close(answers)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return {"refused": "timeout", "params": {}}
    if not said or os.WIFSIGNALED(status):
        return {"refused": "crashed", "params": {}}
    answer: dict[str, Any] = json.loads(said)
    return answer


def main() -> None:
    """Serve jobs until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the group; the service decides
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    waiting = b""
    while piece := os.read(sys.stdin.fileno(), _ANSWER_BYTES):  # unbuffered: select must see what is there
        waiting += piece
        while b"\n" in waiting:
            line, waiting = waiting.split(b"\n", 1)
            sys.stdout.buffer.write(json.dumps(_one(line)).encode() + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
