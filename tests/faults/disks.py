"""File systems for one test: in an image, of which the power can be cut, or in memory, which can be full."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.needs import as_root, needed
from tests.waiting import wait_until

FILE_SYSTEMS = ("ext4", "xfs")
_PACKAGES = {"ext4": "e2fsprogs", "xfs": "xfsprogs"}
_IMAGE_BYTES = 320 * 1024 * 1024
"""xfs makes nothing smaller than 300 MiB; the image is sparse."""
_SHUTDOWN = 0x8004587D
"""FS_IOC_SHUTDOWN, _IOR('X', 125, u32), of ext4, xfs and f2fs: linux/fs.h."""
_WITHOUT_FLUSHING_THE_LOG = 2
_WHY = "a power cut needs a file system in a loop device"


class LoopDisk:
    """A file system in an image file, mounted at `place`."""

    def __init__(self, kind: str, workdir: Path) -> None:
        """Make the image; kind: one of FILE_SYSTEMS."""
        make = needed(f"mkfs.{kind}", _PACKAGES[kind])
        self.place = workdir / kind
        self.place.mkdir()
        self._image = workdir / f"{kind}.img"
        with self._image.open("wb") as image:
            image.truncate(_IMAGE_BYTES)
        as_root(make, "-q", self._image, why=_WHY)
        self._device = as_root(needed("losetup", "mount"), "--find", "--show", self._image, why=_WHY).strip()

    def mount(self) -> None:
        """Mount it; after a power cut this is where the file system mends itself by its log."""
        as_root(needed("mount", "mount"), self._device, self.place, why=_WHY)

    def cut_power(self) -> None:
        """Lose all that was not made durable: from now on every call fails, and nothing more reaches the image."""
        assert os.path.ismount(self.place), "or the machine's own file system would be shut down"
        descriptor = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount it; nobody may have a file of it open.

        Another program that made itself a copy of all mounts (`ip netns exec`) holds it a moment longer, and to mount
        it then would bring back the very file system that was cut off.
        """
        as_root(needed("umount", "mount"), self.place, why=_WHY)
        wait_until(self._is_free, f"{self._device} is let go of")

    def _is_free(self) -> bool:
        try:
            os.close(os.open(self._device, os.O_RDONLY | os.O_EXCL))
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return False
        return True

    def close(self) -> None:
        """Remove it, mounted or not."""
        if os.path.ismount(self.place):
            as_root(needed("umount", "mount"), "--lazy", self.place, why=_WHY)
        as_root(needed("losetup", "mount"), "--detach", self._device, why=_WHY)
        self._image.unlink()


@contextmanager
def loop_disk(kind: str, workdir: Path) -> Iterator[LoopDisk]:
    """Yield a mounted LoopDisk."""
    disk = LoopDisk(kind, workdir)
    try:
        disk.mount()
        yield disk
    finally:
        disk.close()


@contextmanager
def memory_disk(place: Path, *options: str) -> Iterator[Path]:
    """Mount a file system in memory at the new folder `place`; options: of tmpfs, such as size=48m, nr_inodes=400."""
    place.mkdir()
    why = "a small file system is needed"
    as_root(needed("mount", "mount"), "-t", "tmpfs", "-o", ",".join(options), "tmpfs", place, why=why)
    try:
        yield place
    finally:
        as_root(needed("umount", "mount"), "--lazy", place, why=why)


@contextmanager
def without_space(disk: Path) -> Iterator[None]:
    """Fill the file system to its last byte, and free it afterwards."""
    filler = disk / "filler"
    block = bytes(64 * 1024)
    try:
        with filler.open("wb", buffering=0) as sink, contextlib.suppress(OSError):
            while True:
                if sink.write(block) < len(block):
                    block = block[: max(1, len(block) // 2)]
        yield
    finally:
        filler.unlink()


@contextmanager
def with_little_space(disk: Path, left_bytes: int) -> Iterator[None]:
    """Fill the file system but for so many bytes, and free it afterwards."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    try:
        with filler.open("wb") as sink:
            os.posix_fallocate(sink.fileno(), 0, free.f_bavail * free.f_frsize - left_bytes)
        yield
    finally:
        filler.unlink()


@contextmanager
def without_inodes(disk: Path) -> Iterator[None]:
    """Make files until no more can be made, and remove them afterwards."""
    fillers: list[Path] = []
    try:
        with contextlib.suppress(OSError):
            while True:
                filler = disk / f"filler-{len(fillers)}"
                filler.touch()
                fillers.append(filler)
        yield
    finally:
        for filler in fillers:
            filler.unlink()
