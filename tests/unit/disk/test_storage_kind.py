"""What outlasts a boot, by what the kernel says of real systems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_onboard.disk.mounts import parse
from iot_onboard.disk.storage_kind import CLOSED, Disk, Size, Storage, Surroundings, judge

STATE = "/var/lib/iot-onboard"
MEMORY = 24_684_084 * 1024
PAGES = MEMORY // 4096
# As statvfs(3) has it of a disk: some room is root's.
DISK = Size(block_bytes=4096, blocks=66_053_021, free=59_552_788, available=20_097_495, files=16_777_216)
EXT4 = "22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw\n"


def tmpfs_of(percent: int, files: int = 1_048_576) -> Size:
    blocks = -(-PAGES * percent // 100)
    return Size(block_bytes=4096, blocks=blocks, free=blocks, available=blocks, files=files)


def storage(
    text: str,
    *,
    directory: str = STATE,
    seen: dict[str, str] | None = None,
    disks: dict[str, Disk] | None = None,
    size: Size = DISK,
    command_line: str = "",
) -> Storage:
    around = Surroundings(
        mounts=parse(text),
        device_at=(seen or {}).get,
        disk=(disks or {}).get,
        size=size,
        memory_bytes=MEMORY,
        command_line=command_line,
    )
    return judge(directory, around)


def overlay(upper: str = "/tmp/nspawn-volatile-Z8bri8/upper", more: str = "") -> str:
    layers = f"lowerdir=/ro,upperdir={upper},workdir=/work{more}"
    return f"886 820 0:93 / / rw,relatime shared:227 - overlay overlay rw,{layers},uuid=on\n"


TMP = "887 886 0:96 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw,size=2468412k,nr_inodes=409600\n"
RASPBERRY = (
    "24 1 0:24 / / rw,relatime - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,"
    "workdir=/media/root-rw/overlay-workdir/_\n"
    "30 24 179:2 / /media/root-ro ro,relatime - ext4 /dev/mmcblk0p2 ro\n"
    "31 24 0:23 / /media/root-rw rw,relatime - tmpfs tmpfs-root rw\n"
)
DOCKER = (
    "600 500 0:50 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A,"
    "upperdir=/var/lib/docker/overlay2/b/diff,workdir=/var/lib/docker/overlay2/b/work\n"
)
UNIT = (
    EXT4.replace("rw,noatime", "ro,noatime")
    + "40 22 179:2 /var/lib/iot-onboard /var/lib/iot-onboard rw,noatime - ext4 /dev/mmcblk0p2 rw\n"
    + "41 22 179:2 /tmp/systemd-private-5f0c-iot-onboard.service-Xyz/tmp /tmp rw - ext4 /dev/mmcblk0p2 rw\n"
)


def data(rest: str, device: str = "0:70") -> str:
    return f"{EXT4}60 22 {device} / /var/lib/iot-onboard rw - {rest}\n"


@pytest.mark.parametrize(
    "text",
    [
        EXT4,
        UNIT,
        "22 1 0:20 /@ / rw - btrfs /dev/sda2 rw,subvolid=256,subvol=/@\n",
        "22 1 179:2 / / rw - f2fs /dev/mmcblk0p2 rw\n",
        "22 1 0:20 / / rw - nfs4 10.0.0.1:/pi rw,vers=4.2\n",
        data("ext4 /dev/mmcblk0p4 rw", "179:4"),
        data("9p hostshare rw"),
        data("fuse.mergerfs a:b rw"),
        "22 1 0:9 / / rw - tmpfs tmpfs rw\n40 22 179:4 /iot /var/lib/iot-onboard rw - ext4 /dev/mmcblk0p4 rw\n",
        EXT4 + "41 22 0:5 / /var rw - tmpfs tmpfs rw\n42 41 179:4 / /var/lib rw - ext4 /dev/mmcblk0p4 rw\n",
    ],
    ids=lambda text: text.split(" - ")[-1].strip(),
)
def test_what_lasts(text: str) -> None:
    """Disks, networks, and a partition that lies in a directory below a root in memory."""
    found = storage(text)
    assert (found.volatile, found.unseen) == ("", "")
    assert found.mount is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("885 819 0:92 / / rw shared:227 - tmpfs tmpfs rw,size=6171024k\n", "tmpfs at /, which is in memory"),
        (EXT4 + "886 22 0:92 / /var rw - tmpfs tmpfs rw,size=6171024k,mode=755\n", "tmpfs at /var,"),
        (data("ramfs none rw"), "ramfs at /var/lib/iot-onboard, which is in memory"),
        (data("devtmpfs udev rw"), "in memory"),
        ("1 1 0:1 / / rw - rootfs rootfs rw\n", "rootfs at /,"),
        (EXT4 + "40 22 0:26 /iot /var/lib/iot-onboard rw - tmpfs tmpfs rw\n", "tmpfs at /var/lib/iot-onboard"),
        (data("ext4 /dev/mmcblk0p4 rw", "179:4") + "61 60 0:9 / /var/lib/iot-onboard rw - tmpfs t rw\n", "tmpfs"),
        (overlay("/up", ",volatile"), "the option volatile"),
    ],
)
def test_what_lies_in_memory(text: str, words: str) -> None:
    """A bind mount counts as what it shows, and the last of two on one point."""
    assert words in storage(text).volatile


def test_a_directory_that_goes_with_the_service() -> None:
    """PrivateTmp= lies on the disk, and systemd removes it when the service stops."""
    assert "PrivateTmp=" in storage(UNIT, directory="/tmp/state").volatile


def test_an_overlay_over_a_card() -> None:
    """The upper layer is followed to where it lies: the source's own case (a Raspberry Pi's overlay file system)."""
    found = storage(RASPBERRY, seen={"/media/root-rw/overlay": "0:23"})
    assert found.volatile == (
        "overlay at /, and its upper layer /media/root-rw/overlay is on tmpfs at /media/root-rw, which is in memory"
    )
    lasting = RASPBERRY.replace("0:23 / /media/root-rw rw,relatime - tmpfs", "179:3 / /media/root-rw rw - ext4")
    assert storage(lasting, seen={"/media/root-rw/overlay": "179:3"}) == Storage(
        directory=STATE, mount=parse(lasting)[0]
    )


def test_a_layer_where_this_user_may_not_look() -> None:
    """It is there, so the kernel's list is about it; not where the unit covers it, of which nothing is known."""
    assert "tmpfs at /media/root-rw" in storage(RASPBERRY, seen={"/media/root-rw/overlay": CLOSED}).volatile
    covered = RASPBERRY.replace("0:23 / /media", "0:23 /systemd/inaccessible/dir /media")
    assert storage(covered, seen={"/media/root-rw/overlay": CLOSED}).volatile == ""


def test_a_directory_that_shows_another_one() -> None:
    """What encrypts, or a program that shows another directory, lasts as that does."""
    for kind in ("ecryptfs", "fuse.bindfs", "fuse.gocryptfs"):
        text = data(f"{kind} /run/x rw") + "70 22 0:26 / /run rw - tmpfs tmpfs rw\n"
        assert "which shows /run/x on tmpfs at /run" in storage(text, seen={"/run/x": "0:26"}).volatile
        assert storage(text).volatile == ""
    device = data("fuse.x /dev/fuse rw") + "70 22 0:5 / /dev rw - devtmpfs udev rw\n"
    assert storage(device, seen={"/dev/fuse": "0:5"}).volatile == ""


@pytest.mark.parametrize(
    "root", ["/var/lib/systemd/ephemeral-trees/x/var", "/var/lib/machines/.#machine.gw0123456789abcdef/var"]
)
def test_what_systemd_removes(root: str) -> None:
    """A copy that is made for one run."""
    assert "a copy that systemd removes" in storage(f"22 1 179:2 {root} / rw - ext4 /dev/sda1 rw\n").volatile


def test_a_layer_that_is_not_seen() -> None:
    """A path of another name space means nothing here, even where something else has that name."""
    for text, seen in ((DOCKER, {}), (overlay() + TMP, {}), (overlay("/tmp/x") + TMP, {"/tmp/x": "179:2"})):
        found = storage(text, seen=seen)
        assert found.volatile == ""
        assert found.unseen == "the upper layer of the overlay at / is not visible here"


@pytest.mark.parametrize("files", [1_048_576, 409_600, PAGES // 2, 0, 400_000, 194_381], ids=str)
@pytest.mark.parametrize("percent", [10, 25, 33, 50, 100])
def test_a_layer_that_gives_itself_away(percent: int, files: int) -> None:
    """An overlay reports its upper layer's size, and a tmpfs is as large as a round part of the memory."""
    found = storage(overlay() + TMP, size=tmpfs_of(percent, files))
    assert f"it is {percent} % of the memory" in found.volatile


@pytest.mark.parametrize(
    "size",
    [
        DISK,
        tmpfs_of(37),
        Size(block_bytes=4096, blocks=2 * PAGES, free=9, available=9, files=PAGES // 2),
        # btrfs and xfs keep nothing back for root, either.
        Size(block_bytes=4096, blocks=PAGES // 3 + 99_000, free=9, available=9, files=0),
        Size(block_bytes=4096, blocks=PAGES // 5, free=9, available=9, files=PAGES // 5 * 8 - 77),
        Size(block_bytes=4096, blocks=PAGES // 2, free=PAGES // 3, available=PAGES // 4, files=1_048_576),
        Size(block_bytes=1024, blocks=PAGES // 2, free=9, available=9, files=1_048_576),
        Size(block_bytes=4096, blocks=PAGES // 2, free=9, available=9, files=1_234_567),
    ],
)
def test_a_layer_as_large_as_it_may_be(size: Size) -> None:
    """Of a size that is no round part, with room kept for root, with other blocks: a disk, and so it lasts."""
    assert storage(DOCKER, size=size).volatile == ""


def test_a_layer_of_a_fixed_size() -> None:
    """Nobody counts files by half of the memory's pages but the kernel, for a tmpfs."""
    size = Size(block_bytes=4096, blocks=76_800, free=70_000, available=70_000, files=PAGES // 2)
    assert "a file for every two pages of the memory" in storage(overlay(), size=size).volatile


def test_a_layer_below_a_private_tmp() -> None:
    """What PrivateTmp= hides lies where it lies itself; a container's layers are named by its host."""
    private = "88 22 {} /systemd-private-5f0c-iot-onboard.service-Xyz/tmp /tmp rw - {} x rw\n"
    memory = overlay("/tmp/up") + private.replace("22", "886").format("0:96", "tmpfs")
    assert "/tmp/up is on tmpfs at /tmp" in storage(memory, command_line="quiet").volatile
    assert storage(memory).volatile == ""
    disk = overlay("/tmp/up") + private.replace("22", "886").format("179:2", "ext4")
    assert storage(disk, command_line="quiet").volatile == ""


def test_a_word_does_not_count_where_the_layer_is_seen() -> None:
    """An initramfs of one's own may know the word, and put the layer on a partition."""
    lasting = RASPBERRY.replace("0:23 / /media/root-rw rw,relatime - tmpfs", "179:3 / /media/root-rw rw - ext4")
    assert storage(lasting, seen={"/media/root-rw/overlay": "179:3"}, command_line="boot=overlay").volatile == ""
    live = "22 1 253:0 / / rw - ext4 /dev/mapper/live-rw rw\n"
    assert "rd.live.image" in storage(live, command_line="rd.live.image").volatile


def test_a_disk_that_only_its_source_names() -> None:
    """A btrfs has a number of no disk."""
    text = data("btrfs /dev/zram1 rw", "0:44")
    assert "on zram1, a disk in memory" in storage(text, disks={"/dev/zram1": Disk(name="zram1")}).volatile
    assert storage(data("btrfs /dev/sda2 rw", "0:44"), disks={"/dev/sda2": Disk(name="sda")}).volatile == ""


def test_a_layer_without_an_end() -> None:
    """A ramfs, and a tmpfs without a limit, say that they have no blocks."""
    nothing = Size(block_bytes=4096, blocks=0, free=0, available=0, files=0)
    assert "ramfs" in storage(DOCKER, size=nothing).volatile
    assert storage(EXT4, size=nothing).volatile == ""


@pytest.mark.parametrize(
    ("words", "volatile"),
    [
        ("boot=overlay root=/dev/mmcblk0p2", True),
        ("overlayroot=tmpfs", True),
        ('overlayroot="tmpfs:swap=1,recurse=0"', True),
        ("overlayroot=disabled", False),
        ("overlayroot=", False),
        ('overlayroot=""', False),
        ("overlayroot=device:dev=/dev/sda3,timeout=20", False),
        ("overlayroot=tmpfs overlayroot=disabled", False),
        ("systemd.volatile=overlay quiet", True),
        ("systemd.volatile=no", False),
        ("boot=live components", True),
        ("boot=live persistence", False),
        ("boot=casper", True),
        ("boot=casper persistent", False),
        ("rd.live.image root=live:CDLABEL=x", True),
        ("rd.live.image rd.live.overlay=/dev/sda3", False),
        ("root=/dev/mmcblk0p2 rootwait quiet", False),
    ],
)
def test_what_the_kernel_was_told(words: str, volatile: bool) -> None:
    """Where an initramfs hides the layers its orders are still to be read; they are about an overlay on the root."""
    assert bool(storage(overlay("/hidden"), command_line=words).volatile) is volatile
    assert storage(EXT4, command_line=words).volatile == ""
    beside = overlay("/hidden") + "900 886 179:4 / /var/lib/iot-onboard rw - ext4 /dev/mmcblk0p4 rw\n"
    assert storage(beside, command_line=words).volatile == ""


def test_the_unit_sees_the_root_by_another_mount() -> None:
    """In the sandbox of the service the state directory is a mount of its own, of the same file system."""
    bound = overlay("/hidden") + overlay("/hidden").replace("886 820 0:93 / /", f"900 886 0:93 {STATE} {STATE}")
    assert "overlayroot=tmpfs" in storage(bound, command_line="overlayroot=tmpfs").volatile


BOTH = ("8:1", "252:0")


@pytest.mark.parametrize(
    ("disks", "volatile"),
    [
        ({"253:0": Disk(name="zram0")}, True),
        ({"253:0": Disk(name="ram0")}, True),
        ({"253:0": Disk(name="ramblock0")}, False),
        ({"253:0": Disk(name="dm-0", parts=("252:0",)), "252:0": Disk(name="zram1")}, True),
        ({"253:0": Disk(name="dm-0", parts=BOTH), "252:0": Disk(name="zram1"), "8:1": Disk(name="sda")}, True),
        ({"253:0": Disk(name="md0", parts=BOTH), "252:0": Disk(name="zram1"), "8:1": Disk(name="sda")}, False),
        ({"253:0": Disk(name="dm-0", parts=("253:0",))}, False),
        ({"253:0": Disk(name="sda")}, False),
        ({}, False),
    ],
)
def test_disks_of_memory(disks: dict[str, Disk], volatile: bool) -> None:
    """Whatever lies on them: also what is encrypted or put together from them; a mirror needs one good half."""
    assert bool(storage(data("ext4 /dev/x rw", "253:0"), disks=disks).volatile) is volatile


def test_a_file_in_memory() -> None:
    """A loop device lasts as its file does, where that can be seen."""
    text = data("ext4 /dev/loop0 rw", "7:0") + "70 22 0:26 / /run rw - tmpfs tmpfs rw\n"
    disks = {"7:0": Disk(name="loop0", file="/run/x.img")}
    why = storage(text, disks=disks, seen={"/run/x.img": "0:26"}).volatile
    assert why == "ext4 at /var/lib/iot-onboard, a file (/run/x.img) that is on tmpfs at /run, which is in memory"
    assert storage(text, disks=disks).volatile == ""
    gone = {"7:0": Disk(name="loop0", file="/x.img (deleted)")}
    assert "a file that has been deleted (/x.img)" in storage(text, disks=gone).volatile
    assert storage(text, disks={"7:0": Disk(name="loop0", file="/x.img")}, seen={"/x.img": "179:2"}).volatile == ""


def test_layers_in_a_circle() -> None:
    """Whatever a kernel says, the judgement has an end."""
    text = overlay("/up")
    found = storage(text, seen={"/up": "0:93"})
    assert (found.volatile, bool(found.unseen)) == ("", True)


@given(
    text=st.text(st.sampled_from("0123456789 -/:,\\=\nrw"), max_size=200),
    command_line=st.text(max_size=50),
    files=st.integers(0, 2**40),
    blocks=st.integers(0, 2**40),
)
def test_in_doubt_it_lasts(text: str, command_line: str, files: int, blocks: int) -> None:
    """Nothing that makes no sense keeps a gateway from registering."""
    size = Size(block_bytes=4096, blocks=blocks, free=0, available=0, files=files)
    found = storage(text, size=size, command_line=command_line)
    assert found.mount is not None or (found.volatile == "" and found.unseen)
