"""The archive of an image without the layers that a server has."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from selvedge.errors import SelvedgeError
from selvedge.resources.code.image_archive import known_layers, write_thin

A, B, C, D = "abcd"


@pytest.mark.parametrize(("layers", "images", "known"), [
    ([A, B, C], [], 0),
    ([A, B, C], [[A, B]], 2),
    ([A, B, C], [[A], [A, B, C, D]], 3),
    ([A, B, C], [[A, C], [B, C]], 1),
    ([A, B, C], [[B, C], [C]], 0),
    ([A], [[]], 0),
])  # fmt: skip
def test_only_layers_above_the_same_layers_are_known(layers: list[str], images: list[list[str]], known: int) -> None:
    assert known_layers(layers, images) == known


def saved(folder: Path, layers: dict[str, str], links: dict[str, str] | None = None, manifest: bool = True) -> Path:
    """Write an archive like that of `docker save`. layers: name → content, the lowest first. links: name → target."""
    path = folder / "whole.tar"
    files = {"config.json": "{}", **{name: text for name, text in layers.items() if name not in (links or {})}}
    if manifest:
        files["manifest.json"] = json.dumps([{"Config": "config.json", "RepoTags": ["a:1"], "Layers": list(layers)}])
    with tarfile.open(path, "w") as archive:
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def thin(path: Path, known: int) -> dict[str, str]:
    """Return the files of the archive without so many layers."""
    output = io.BytesIO()
    write_thin(path, output, known)
    output.seek(0)
    with tarfile.open(fileobj=output) as archive:
        return {each.name: each.linkname or (archive.extractfile(each) or io.BytesIO()).read().decode() for each in archive}


@pytest.mark.parametrize("known", range(4))
def test_the_lowest_layers_are_left_out_and_all_else_stays(tmp_path: Path, known: int) -> None:
    layers = {"blobs/sha256/a": "one", "blobs/sha256/b": "two", "blobs/sha256/c": "three"}
    found = thin(saved(tmp_path, layers), known)
    assert {name: text for name, text in found.items() if name in layers} == dict(list(layers.items())[known:])
    assert {"config.json", "manifest.json"} <= set(found) and json.loads(found["manifest.json"])[0]["Layers"] == list(layers)


def test_a_layer_that_occurs_twice_stays_while_one_of_them_is_needed(tmp_path: Path) -> None:
    same = {"a/layer.tar": "one", "b/layer.tar": "", "c/layer.tar": "three"}
    path = saved(tmp_path, same, {"b/layer.tar": "../a/layer.tar"})
    assert {"a/layer.tar", "b/layer.tar", "c/layer.tar"} <= set(thin(path, 1))
    assert {name for name in thin(path, 2) if "layer" in name} == {"c/layer.tar"}


def test_an_archive_of_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SelvedgeError, match=r"without manifest\.json"):
        thin(saved(tmp_path, {"a": "one"}, manifest=False), 0)
