"""The clocks of this package, and how Kubernetes writes a time with microseconds."""

import time
from datetime import UTC, datetime


def boot_clock() -> float:
    """Return the seconds since the machine started, including those it was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def utc_now() -> datetime:
    """Return the time of day, for people; machines' clocks differ, so nothing compares it."""
    return datetime.now(UTC)


def micro_time(value: datetime) -> str:
    """Write a time in UTC as the API type MicroTime: `2026-11-21T12:00:00.000000Z`."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
