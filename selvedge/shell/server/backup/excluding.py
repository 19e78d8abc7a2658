"""The patterns of backup.exclude, for restic and for Python."""

import os
import re


def anchored(pattern):
    """Return a pattern from the folder `shared`. Without "/" inside, it applies in each folder."""
    return pattern if "/" in pattern else f"**/{pattern}"


def excluder(shared, patterns):
    """Return a function of a path that says whether a pattern matches the path itself."""
    parts = []
    for pattern in patterns:
        text = re.escape(anchored(pattern)).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        parts.append(text)
    matcher = re.compile("|".join(parts), re.DOTALL) if parts else None

    def excluded(path):
        return bool(matcher and matcher.fullmatch(os.path.relpath(path, shared)))

    return excluded


def kept(shared, patterns, root):
    """Yield the folders below a path with their folders and files, as os.walk does, without what is excluded."""
    excluded = excluder(shared, patterns)
    if root != shared and excluded(root):
        return
    if not os.path.isdir(root) or os.path.islink(root):
        yield os.path.dirname(root), [], [os.path.basename(root)]
        return
    for folder, folders, files in os.walk(root):
        if folder == shared and ".tmp" in folders:
            folders.remove(".tmp")
        folders[:] = [name for name in folders if not excluded(os.path.join(folder, name))]
        yield folder, folders, [name for name in files if not excluded(os.path.join(folder, name))]
