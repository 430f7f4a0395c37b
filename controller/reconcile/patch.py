"""The smallest merge patch from one JSON value to another (RFC 7386).

A status is written as the difference to what is stored, so a look costs a few hundred bytes.
"""

from typing import Any


def merge_difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch that turns `old` into `new`; empty when they are equal.

    A key that is gone becomes null. Lists are replaced as a whole.
    """
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = merge_difference(before, value)
            if inner:
                patch[key] = inner
        elif key not in old or before != value:
            patch[key] = value
    return patch
