"""The door: one thin subcommand per rule, and one clean message about what went wrong."""

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import PurePath

from cgt.commands.bench import add_bench
from cgt.commands.data import add_data
from cgt.commands.draw import add_draw
from cgt.commands.evaluate import add_evaluate
from cgt.commands.join import add_join
from cgt.commands.pictures import add_pictures
from cgt.commands.publish import add_publish
from cgt.commands.train import add_train
from cgt.commands.tune import add_tune

UNFORESEEN = 70
"""Exit code of an error that no reader has named: EX_SOFTWARE of sysexits.h."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, or 2 after one clean message about what was wrong.

    70 if nobody has foreseen what was wrong: one message then, too.
    """
    # A notebook's own stops every figure where its package is missing. Ours open no window.
    os.environ["MPLBACKEND"] = "agg"
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print(f"cgt {arguments.command}: stopped; run it again to go on", file=sys.stderr)
        return 128 + signal.SIGINT
    except (ValueError, OSError, ModuleNotFoundError) as error:
        if arguments.debug:
            traceback.print_exc()
        print(f"cgt {arguments.command}: {_reason(error)}", file=sys.stderr)
        return 2
    except Exception as error:
        # Nobody has foreseen it: a fault of ours, or a file that no reader refuses by name yet.
        if arguments.debug:
            traceback.print_exc()
        print(f"cgt {arguments.command}: {_unforeseen(error)}", file=sys.stderr)
        return UNFORESEEN
    return 0


def _unforeseen(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "cgt" in PurePath(frame.filename).parts] or frames
    said = " ".join(str(error).split())
    return (
        f"stopped by {type(error).__name__} ({said}) in {PurePath(ours[-1].filename).name}, line "
        f"{ours[-1].lineno}: an input may be damaged, or this is a fault of cgt; "
        f"`cgt --debug` before the same words shows where it comes from"
    )


def _reason(error: Exception) -> str:
    """What to tell the user, with what can be done where the system refused."""
    if isinstance(error, ModuleNotFoundError) and str(error).startswith("No module named"):
        return (
            f"{error.name} is not installed in {sys.prefix}; `make` sets up an environment in "
            f".venv, pip install -e '.[benchmark]' in the folder of this project completes yours"
        )
    if not (isinstance(error, OSError) and error.filename):
        return str(error)
    advice = {
        errno.ENOSPC: "; free some space and run again: finished files are kept",
        errno.EDQUOT: "; free some of your quota and run again: finished files are kept",
        errno.EACCES: "; the folder must be readable and writable for you",
        errno.EROFS: "; choose a folder that can be written",
    }
    return f"{error.strerror}: {error.filename}{advice.get(error.errno, '')}"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; each sets `run` to its handler."""
    parser = argparse.ArgumentParser(
        prog="cgt", description="A reproducible benchmark of early-exit training methods."
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        add_data,
        add_train,
        add_tune,
        add_evaluate,
        add_draw,
        add_pictures,
        add_publish,
        add_join,
        add_bench,
    ):
        add(commands)
    return parser
