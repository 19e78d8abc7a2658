"""The archive of an image (`docker save`) without the layers that a server has.

`docker load` reads no layer that its store has above the same layers, so these can be left out. It looks for all others.
"""

from __future__ import annotations

import atexit
import functools
import gzip
import json
import posixpath
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import IO

from selvedge.errors import SelvedgeError
from selvedge.resources.code.local_engine import environment, last_line, missing

_LOCK = Lock()


def known_layers(layers: Sequence[str], images: Iterable[Sequence[str]]) -> int:
    """Return how many of the lowest layers one of the images has, too, in the same order."""
    found = 0
    for other in images:
        same = 0
        for mine, theirs in zip(layers, other, strict=False):
            if mine != theirs:
                break
            same += 1
        found = max(found, same)
    return found


@functools.cache
def _folder() -> Path:
    """Return a folder for archives, which is deleted at the end of the run."""
    folder = tempfile.TemporaryDirectory(prefix="selvedge-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def _saved(tag: str, image_id: str) -> Path:
    """Return the whole archive of an image of this machine. Raises SelvedgeError."""
    path = _folder() / f"{image_id.rpartition(':')[2]}.tar"
    with path.open("wb") as output:
        try:
            done = subprocess.run(
                ["docker", "save", tag], env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                check=False,
            )  # fmt: skip
        except OSError:
            raise missing() from None
    if done.returncode != 0:
        said = last_line(done.stderr.decode(errors="replace"))
        raise SelvedgeError(f"Docker on your machine could not save the image {tag}: {said}.", "Check the free space of your disk.")
    return path


def archive(tag: str, image_id: str, known: int) -> Path:
    """Return the compressed archive of an image without its `known` lowest layers. Raises SelvedgeError."""
    # The hosts of a run are read at the same time, and most of them need the same file.
    with _LOCK:
        return _archive(tag, image_id, known)


@functools.cache
def _archive(tag: str, image_id: str, known: int) -> Path:
    whole = _saved(tag, image_id)
    path = whole.with_name(f"{whole.stem}-{known}.tar.gz")
    with path.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
        write_thin(whole, packed, known)
    return path


def write_thin(whole: Path, output: IO[bytes] | gzip.GzipFile, known: int) -> None:
    """Write the archive again, without the files of the `known` lowest layers. Raises SelvedgeError if it is no such archive."""
    with tarfile.open(whole) as source, tarfile.open(fileobj=output, mode="w|", format=tarfile.PAX_FORMAT) as target:
        members = {member.name: member for member in source.getmembers()}
        layers = _layers(source, members, whole)
        kept = _with_targets(members, layers[known:])
        dropped = _with_targets(members, layers[:known]) - kept
        for member in members.values():
            if member.name not in dropped:
                target.addfile(member, source.extractfile(member) if member.isreg() else None)


def _layers(source: tarfile.TarFile, members: dict[str, tarfile.TarInfo], whole: Path) -> list[str]:
    """Return the files of the layers, the lowest first."""
    file = source.extractfile(members["manifest.json"]) if "manifest.json" in members else None
    if file is None:
        raise SelvedgeError(f"`docker save` on your machine wrote an archive without manifest.json: {whole}.", "Update Docker.")
    found: list[str] = json.load(file)[0]["Layers"]
    return found


def _with_targets(members: dict[str, tarfile.TarInfo], names: Sequence[str]) -> set[str]:
    """Return these names, and the files that links among them lead to: engines before 25 save a repeated layer as a link."""
    links = [name for name in names if name in members and members[name].issym()]
    targets = {posixpath.normpath(posixpath.join(posixpath.dirname(name), members[name].linkname)) for name in links}
    return {*names, *targets}
