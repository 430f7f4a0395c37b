"""Mounts are found below a folder, whatever their names, and in an order that can be unmounted."""

from pathlib import Path

from dev.teardown import mount_points

MOUNTINFO = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
41 22 0:31 / /state/a rw - tmpfs tmpfs rw
42 41 0:32 / /state/a/pods/x rw shared:7 - tmpfs tmpfs rw
43 41 0:33 / /state/a/with\\040blank\\134 rw - tmpfs tmpfs rw
44 42 0:34 / /state/a/pods/x rw - tmpfs tmpfs rw
45 22 0:35 / /state/ab rw - tmpfs tmpfs rw
"""


def test_mounts_below_a_folder_come_deepest_first() -> None:
    assert mount_points(MOUNTINFO, Path("/state/a")) == [
        Path("/state/a/pods/x"),
        Path("/state/a/pods/x"),
        Path("/state/a/with blank\\"),
        Path("/state/a"),
    ]


def test_neighbour_with_a_longer_name_is_left_alone() -> None:
    assert mount_points(MOUNTINFO, Path("/state/b")) == []
