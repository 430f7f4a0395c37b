"""The network namespace in which a cluster lives; it has no way out.

The node's address sits on a bridge without ports, because a dummy device is not in every kernel.
Services are routed to that bridge so that the kernel has a route for them; kube-proxy rewrites
their packets before any leaves.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.commands import run
from dev.errors import DevError
from dev.layout import NODE_ADDRESS, SERVICE_RANGE, Layout

_CLONE_NEWNET = 0x40000000
_BRIDGE = "node0"
_ADDRESSES = f"""\
link set lo up
addr replace {NODE_ADDRESS}/32 dev {_BRIDGE}
link set {_BRIDGE} up
route replace {SERVICE_RANGE} dev {_BRIDGE} src {NODE_ADDRESS}
"""


def make(layout: Layout) -> None:
    """Make the namespace and its addresses, or what is missing of them."""
    if not layout.netns.exists():
        run("ip", "netns", "add", layout.name)
    with inside(layout.netns):
        if _BRIDGE not in run("ip", "-br", "link"):
            run("ip", "link", "add", _BRIDGE, "type", "bridge")
        run("ip", "-batch", "-", stdin=_ADDRESSES)
        # /proc/sys/net shows the namespace of whoever looks.
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def is_ours(netns: Path) -> bool:
    """Tell whether a network namespace is a cluster's: the node's address sits on our bridge."""
    try:
        with inside(netns):
            return NODE_ADDRESS in run("ip", "-br", "address", "show", "dev", _BRIDGE)
    except (OSError, DevError):
        return False


def remove(layout: Layout) -> None:
    """Remove the namespace with all devices and packet filter rules in it."""
    if layout.netns.exists():
        run("ip", "netns", "delete", layout.name)


@contextmanager
def inside(netns: Path) -> Iterator[None]:
    """Let this thread, and the processes and threads it starts, be in the network namespace.

    Only the network changes: other threads stay, /sys and the cgroups remain visible, which
    `ip netns exec` would hide. OSError: not root, or no such namespace.
    """
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        target = os.open(netns, os.O_RDONLY)
        try:
            _enter(target)
        finally:
            os.close(target)
        try:
            yield
        finally:
            _enter(outside)
    finally:
        os.close(outside)


def _enter(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
