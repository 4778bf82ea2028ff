"""Real `cgt` processes without the seconds that importing torch takes.

Run as a program, this file imports once what the commands need and then forks a process for each
order. Import `Forks` from it to send orders.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Forks:
    """The server's other end. A context manager, so that no process outlives the tests."""

    def __enter__(self):
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        return self

    def __exit__(self, *_):
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()

    def start(self, *arguments, log, at_write=None, most_bytes=None, powerless=False):
        """Start `cgt ARGUMENTS`; return the process id.

        log: the file for its output. at_write: a number, from 1, and the signal it sends itself
        when it is about to give that file its final name. most_bytes: the largest file it may
        write. powerless: permissions count, even for root.
        """
        order = {
            "arguments": list(map(str, arguments)),
            "log": str(log),
            "at_write": at_write,
            "most_bytes": most_bytes,
            "powerless": powerless,
        }
        return self._ask(order)

    def wait(self, process):
        """The exit code of a process; that of a signal is negative."""
        return self._ask({"wait": process})

    def run(self, *arguments, log, **options):
        """Run `cgt ARGUMENTS` to its end; return exit code and output."""
        code = self.wait(self.start(*arguments, log=log, **options))
        return code, Path(log).read_text(encoding="utf-8")

    def _ask(self, order):
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return int(self._server.stdout.readline())


def is_stopped(process):
    """Has a process been stopped, as by SIGSTOP?"""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def until(condition, seconds=600):
    """Wait for what another process will bring about; give up only if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "what should have happened has not"
        time.sleep(0.002)


def serve():
    import cgt.analysis.evaluation
    import cgt.analysis.tables
    import cgt.records.manifest
    import cgt.training.loop  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        process = os.fork()
        if process == 0:
            obey(order)
        print(process, flush=True)


def obey(order):
    """Run the command in this process, which ends with it."""
    code = 1
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    try:
        descriptor = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        if order["at_write"]:
            signal_at_write(*order["at_write"])
        if order["most_bytes"] is not None:
            limit = order["most_bytes"]
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if order["powerless"] and os.geteuid() == 0:
            drop_capabilities()
        from cgt.commands.cli import main

        code = main(order["arguments"])
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def drop_capabilities():
    """Root without its privileges (capset(2)): an owner whom a folder's mode binds."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    nothing = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def signal_at_write(number, sent):
    replace, done = os.replace, []

    def counted(source, target):
        done.append(target)
        if len(done) == number:
            os.kill(os.getpid(), sent)
        replace(source, target)

    os.replace = counted


if __name__ == "__main__":
    serve()
