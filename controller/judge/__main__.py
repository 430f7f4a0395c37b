"""`python -m controller.judge replay FILE|-`: the verdicts of a recorded release.

Reads a record (docs/judge.md) and prints one JSON object a look, each as soon as it is known. Exits
with 0, or with 1 and a line on stderr that begins with "error:" and names the line of the record.
Needs no cluster.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from controller.judge.record import RecordError, read_record
from controller.judge.replay import verdicts

USAGE = "usage: python -m controller.judge replay FILE|-"


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"{__doc__}\n{USAGE}\n")
        return 0
    if len(arguments) != 2 or arguments[0] != "replay":
        sys.stderr.write(f"error: {' '.join(arguments) or 'no command'} is no command; {USAGE}\n")
        return 1
    try:
        if arguments[1] == "-":
            return _print_verdicts(sys.stdin.buffer, sys.stdout)
        with Path(arguments[1]).open("rb") as lines:
            return _print_verdicts(lines, sys.stdout)
    except BrokenPipeError:
        # Whoever read the verdicts has seen enough; nothing may be written to that pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        hint = "name a file with a record, or - for standard input"
        sys.stderr.write(f"error: {arguments[1]}: {error.strerror}; {hint}\n")
        return 1


def _print_verdicts(lines: Iterable[bytes], out: TextIO) -> int:
    try:
        for verdict in verdicts(read_record(lines)):
            out.write(json.dumps(verdict, allow_nan=False) + "\n")
            out.flush()
    except RecordError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
