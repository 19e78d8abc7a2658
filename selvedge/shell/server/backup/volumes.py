"""Volumes that are mounted on `shared` or in it: a restore in place copies files from one file system to another there."""

import os
from collections import Counter

from .excluding import kept
from .settings import HERE, RESTORED, room
from .swapping import NEVER, has_mount


def require_room(settings):
    """Raise Failed if the present data of volumes has no room beside the restored data, or the restored data none on a volume."""
    if not has_mount(settings.shared):
        return
    own, devices = os.stat(HERE).st_dev, {}
    present, leaves, comes = Counter(), Counter(), Counter()
    for counter, patterns in ((present, ()), (leaves, settings.exclude)):
        for _, about in found(settings.shared, patterns):
            counter[about.st_dev] += about.st_blocks * 512
    for path, about in found(f"{RESTORED}/shared", ()):
        comes[device(settings, os.path.dirname(path), devices)] += about.st_blocks * 512
    # Excluded files are moved there, too, and back.
    room(HERE, sum(number for volume, number in present.items() if volume != own), "The present data, which is kept until the end,")
    for volume, number in comes.items():
        if volume != own:
            folder = next((path for path, each in devices.items() if each == volume), settings.shared)
            room(folder, max(0, number - leaves[volume]), "The restored data")


def found(top, patterns):
    """Yield each file below a folder, with its record, without what patterns exclude and what a restore leaves alone."""
    for folder, folders, names in kept(top, patterns, top):
        if folder == top:
            folders[:] = [name for name in folders if name not in NEVER]
        for name in names:
            path = os.path.join(folder, name)
            try:
                yield path, os.lstat(path)
            except FileNotFoundError:  # The app has deleted it meanwhile.
                continue


def device(settings, folder, known):
    """Return the file system on which a folder of the restored data comes to be. known: those of the folders in `shared`."""
    target = f"{settings.shared}{folder[len(f'{RESTORED}/shared') :]}"
    if target not in known:
        try:
            known[target] = os.lstat(target).st_dev
        except (FileNotFoundError, NotADirectoryError):
            known[target] = device(settings, os.path.dirname(folder), known)
    return known[target]
