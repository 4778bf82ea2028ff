"""Run a command and print its largest resident memory in bytes: python -m cgt.bench.peak COMMAND.

A process of its own, and a small one: on Linux a process starts with the peak of its parent.
"""

import os
import subprocess
import sys


def main() -> int:
    """Return the command's exit status; what it prints goes to stderr."""
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    print(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
