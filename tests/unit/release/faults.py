"""What goes wrong in a pass of the model's controllers, and the writes that it goes wrong in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from controller.kube.errors import Forbidden, Unavailable


@dataclass(frozen=True)
class Fault:
    """What goes wrong in one pass; `at` counts its writes from 0, the status being the last.

    A write that is "refused" is answered with a Forbidden and has not taken effect. One that is
    "unclear" has, and is answered with what an API server says of a store that was too slow.
    """

    lag: int = 0
    at: int = 99
    how: Literal["before", "half", "after", "refused", "unclear"] = "after"
    judge_is_slow: bool = False
    loses_rollbacks: bool = False  # dies when traffic is off and nothing is recorded yet


class PassError(Exception):
    """The pass ends here: an error of the API server, a conflict, or the end of the process."""


def do_write(
    fault: Fault,
    number: int,
    write: Callable[[], None],
    half: Callable[[], None] | None = None,
) -> None:
    """Do the pass's write of this number, or let it fail as the fault has it.

    Raises PassError, or the ApiError that the cluster answers.
    """
    if number != fault.at:
        write()
        return
    if fault.how == "half" and half is not None:
        half()
    elif fault.how not in ("before", "refused"):
        write()
    if fault.how == "refused":
        raise Forbidden(403, "Forbidden", "denied by a webhook")
    if fault.how == "unclear":
        raise Unavailable(500, "InternalError", "etcdserver: request timed out")
    raise PassError
