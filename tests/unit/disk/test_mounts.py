"""The kernel's list of mounts, and which of them holds a path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.disk.mounts import Mount, holder, parse

TEXT = r"""
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw,errors=remount-ro
30 22 0:26 / /run rw,nosuid - tmpfs tmpfs rw,size=1k
31 22 179:3 / /var/lib ro,relatime - ext4 /dev/mmcblk0p3 rw
32 31 179:4 /sub /var/lib/a\040b rw - ext4 /dev/mmcblk0p4 ro
33 22 0:40 / /data rw shared:3 master:1 - overlay  rw,lowerdir=/a\054b,upperdir=/up\134,per,workdir=/w
34 22 179:5 / /srv/deep rw - ext4 /dev/mmcblk0p5 rw
35 22 179:6 / /srv rw - ext4 /dev/mmcblk0p6 rw
36 30 0:50 / /run rw - ramfs none rw
a line that makes no sense
x 22 0:1 / /no rw - tmpfs tmpfs rw
""".replace(r"\134,", r"\,")


def held(path: str, text: str = TEXT) -> Mount:
    found = holder(parse(text), path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/etc", "/", "ext4"),
        ("/", "/", "ext4"),
        ("/run/x", "/run", "ramfs"),
        ("/runner", "/", "ext4"),
        ("/var/lib/x", "/var/lib", "ext4"),
        ("/var/lib/a b/c", "/var/lib/a b", "ext4"),
        ("/srv/deep/x", "/srv", "ext4"),
    ],
)
def test_who_holds_a_path(path: str, point: str, kind: str) -> None:
    """The walk of the kernel: the last of two on one point, and none that a later mount above has hidden."""
    found = held(path)
    assert (found.point, found.kind) == (point, kind)
    assert path != "/srv/deep/x" or found.device == "179:6"


def test_what_a_line_holds() -> None:
    """Blanks and commas in names, an empty source, and who makes it read-only."""
    assert held("/var/lib/x").read_only
    assert held("/var/lib/a b").read_only
    assert held("/var/lib/a b").root == "/sub"
    assert not held("/etc").read_only
    overlay = held("/data")
    assert (overlay.source, overlay.option("upperdir"), overlay.option("lowerdir")) == ("", "/up,per", "/a,b")
    assert overlay.option("rw") is None


def test_a_root_that_is_no_mount() -> None:
    """In a chroot the kernel names what is mounted below alone: the longest way counts, the later of two."""
    text = "31 22 179:3 / /var rw - ext4 a rw\n32 22 0:9 / /var rw - tmpfs t rw\n"
    assert held("/var/lib", text).kind == "tmpfs"
    assert holder(parse(text), "/etc") is None
    assert holder((), "/") is None


def test_a_root_that_is_mounted_over() -> None:
    """As after a switch of the root: the upper of two is what everybody sees."""
    text = "1 1 0:1 / / rw - rootfs rootfs rw\n22 1 179:2 / / rw - ext4 /dev/x rw\n"
    assert held("/var", text).kind == "ext4"


@given(st.text(st.sampled_from("0123456789 -/:,\\=\nrwaé\x00"), max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Whatever a kernel writes, and however it goes in circles, leads to an answer."""
    holder(parse(text), "/var/lib")


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["/", "/a", "/a/b"])), max_size=8))
def test_any_tree_has_an_end(lines: list[tuple[int, int, str]]) -> None:
    """Numbers that repeat, and parents in a circle: the walk ends, at a mount above the path."""
    text = "\n".join(f"{number} {parent} 0:1 / {point} rw - tmpfs t rw" for number, parent, point in lines)
    found = holder(parse(text), "/a/b/c")
    assert found is None or "/a/b/c".startswith(found.point)
