"""Templates that someone has edited."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from selvedge.errors import ConfigError
from selvedge.project import jinja, render


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a\n{% if x %}\nb\n", "templates/x.j2: line 3: Unexpected end of template"),
        (b"a\n{{ nosuch }}\n", "templates/x.j2: 'nosuch' is undefined."),
        (b"{{ app.nosuch }}", "templates/x.j2: 'str object' has no attribute 'nosuch'."),
        (b"{% include 'gone.j2' %}", "templates/gone.j2: the file is missing"),
        (b"a\n<<<<<<< yours\n", "templates/x.j2: line 2: has a conflict of a merge that is not resolved"),
        (b"\xff", "templates/x.j2: the file is not UTF-8 text."),
        (None, "templates/x.j2: the file is missing, or not a regular file."),
    ],
)
def test_a_mistake_names_the_file_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, sentence: str
) -> None:
    path = tmp_path / "x.j2"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    environment = jinja.environment().overlay(loader=jinja.Loader(tmp_path), bytecode_cache=None)
    monkeypatch.setattr(jinja, "environment", lambda: environment)
    with pytest.raises(ConfigError) as caught:
        render.template("x.j2", app="a")
    assert caught.value.message.startswith(sentence)
    assert "git checkout -- templates/" in caught.value.remedy


def test_a_projects_own_template_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "deploy/templates"
    own.mkdir(parents=True)
    for name in ("own.j2", "both.j2"):
        (own / name).write_text("{{ nosuch }}")
    (tmp_path / "both.j2").write_text("")
    folders = [own, tmp_path]
    environment = jinja.environment().overlay(loader=jinja.Loader(folders), bytecode_cache=None)
    monkeypatch.setattr(jinja, "environment", lambda: environment)
    monkeypatch.setattr(jinja, "TEMPLATES", folders)
    for name, deleting in (("own.j2", False), ("both.j2", True)):
        with pytest.raises(ConfigError) as caught:
            render.template(name, app="a")
        assert caught.value.message.startswith(f"deploy/templates/{name}: ")
        assert ("delete it" in caught.value.remedy) == deleting
