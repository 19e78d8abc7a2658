"""Trees of text for the tests of a project's files."""

from __future__ import annotations


class Texts:
    """The tree of a dict: path → text."""

    def __init__(self, **files: str) -> None:
        self.files = files

    def read(self, path: str) -> str | None:
        return self.files.get(path)

    def list(self, path: str) -> list[str]:
        inside = [name.removeprefix(f"{path}/") for name in self.files if not path or name.startswith(f"{path}/")]
        return sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in inside})


def texts(files: dict[str, str]) -> Texts:
    return Texts(**files)
