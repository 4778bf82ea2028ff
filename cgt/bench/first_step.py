"""A training job that says when it would take its first step, and ends there.

A process of its own, as the job is: python -m cgt.bench.first_step ARGUMENTS OF `cgt train`.
"""

import runpy
import sys

READY = "first step"


def main() -> None:
    """Start the job as `python -m cgt train` does; print :data:`READY` in place of its first step.

    The process ends with status 0 there.
    """
    from cgt.training.loop import Trainer

    def stop(*_: object, **__: object) -> None:
        print(READY, flush=True)
        raise SystemExit

    Trainer._run_epoch = stop
    sys.argv[1:1] = ["train"]
    runpy.run_module("cgt", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
