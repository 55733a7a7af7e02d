"""A journal on a volume that nobody named goes with its container."""

from __future__ import annotations

from pathlib import Path

import pytest

from user_miner.place import is_throwaway

NAMELESS = "9" * 64
LINE = "{number} 1 8:1 {shown} {at} rw,relatime shared:1 - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (f"/var/lib/docker/volumes/{NAMELESS}/_data", True),
        (f"/home/me/.local/share/containers/storage/volumes/{NAMELESS}/_data", True),
        (f"/with\\040space/volumes/{NAMELESS}/_data", True),
        ("/var/lib/docker/volumes/user-miner_journal/_data", False),
        (f"/var/lib/docker/volumes/{NAMELESS[:-1]}/_data", False),
        ("/srv/user-miner", False),
    ],
)
def test_a_volume_without_a_name_is_known_by_its_folder(tmp_path: Path, shown: str, *, expected: bool) -> None:
    """It counts for whatever lies in the mount, there or not yet, and by a link to it; not for what is beside it."""
    place = tmp_path / "with space" / "journal"
    place.mkdir(parents=True)
    (tmp_path / "link").symlink_to(place)
    mounts = tmp_path / "mountinfo"
    at = str(place).replace(" ", "\\040")
    mounts.write_text(LINE.format(number=1, shown="/", at="/") + LINE.format(number=2, shown=shown, at=at))
    for folder in (place, place / "5Hotkey", tmp_path / "link" / "5Hotkey"):
        assert is_throwaway(folder, mounts=mounts) is expected
    assert not is_throwaway(place.parent, mounts=mounts)


def test_nothing_is_claimed_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    """Nor of this machine's own folders."""
    assert not is_throwaway(tmp_path, mounts=tmp_path / "none")
    assert not is_throwaway(tmp_path)
