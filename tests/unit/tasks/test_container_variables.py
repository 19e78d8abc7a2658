"""In a container, the scripts of a release change no variable of the app: those of the image are exported already."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from selvedge.config.target import Target
from selvedge.config.variables import OVERRIDDEN
from selvedge.release.instance import Instance

SET = OVERRIDDEN | {"IFS", "WEBSOCKETS_MAX_LINE_LENGTH", "PROCESS_NUMBER", "PROMETHEUS_MULTIPROC_DIR"}
USUAL = [
    "LOG_LEVEL", "NAME", "DIR", "PYTHON", "WORKERS", "BIND", "CONTROL", "COMMAND", "WORKER_CLASS", "name", "folder", "program",
    "image_path",
]  # fmt: skip


def scripts(app: Target, folder: Path) -> str:
    """Write the scripts of a release to the folder. Return their text."""
    instance = Instance.of(app)
    found = {"run": instance.run_script(), "start": instance.start_script()}
    found["worker"] = instance.process_files()["processes/worker/start"]
    # The programs of the image.
    found |= {"python": '#!/bin/dash\n[ "$1" != -I ] || exit 1\nexec env\n', "sh": "#!/bin/dash\nexec env\n"}
    for name, text in found.items():
        (folder / name).write_text(text.replace(instance.folder, str(folder)).replace("/.selvedge/", "/bin/"))
        (folder / name).chmod(0o755)
    return "\n".join(found.values())


@pytest.mark.skipif(not shutil.which("dash"), reason="the shell of the test")
@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "hypercorn"])
@pytest.mark.parametrize("command", ["run python", "start", "worker 1"])
def test_variables_of_the_image_and_of_the_file_reach_the_app(
    app: Callable[..., Target], tmp_path: Path, server: str, command: str
) -> None:
    text = scripts(app("docker", app_server=server), tmp_path)
    own = re.findall(r"(?m)(?:^|then |; ) *([A-Za-z_]\w*)=", text) + re.findall(r"\bfor (\w+) in", text)
    names = sorted({*USUAL, *(name for name in own if not name.lower().startswith("selvedge_"))} - SET)
    image = dict.fromkeys(names, "of the image")
    file = dict.fromkeys(names[::2], "of the file")
    (tmp_path / "env").write_text("".join(f'{name}="{value}"\n' for name, value in file.items()))
    done = subprocess.run(
        ["dash", *command.split()], cwd=tmp_path, env={**image, "PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    found = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {name: found.get(name) for name in names} == {**image, **file}, done
    assert not [name for name in found if name.lower().startswith("selvedge_")]
