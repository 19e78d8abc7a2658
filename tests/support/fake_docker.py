"""A program `docker` for tests: it answers from a file, and writes down its arguments and what secrets it was given."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PROGRAM = """#!{python}
import json, os, subprocess, sys
from pathlib import Path
folder = Path({folder!r})
answers = json.loads((folder / "answers.json").read_text())
words = sys.argv[1:]
seen = {{"words": words, "env": {{name: value for name, value in os.environ.items() if name.startswith(("DOCKER", "SELVEDGE"))}}}}
if "DOCKER_CONFIG" in os.environ:
    config = Path(os.environ["DOCKER_CONFIG"])
    seen["files"] = {{path.name: path.read_text() for path in config.iterdir() if path.is_file()}}
    for server, helper in json.loads(seen["files"]["config.json"]).get("credHelpers", {{}}).items():
        seen["login"] = json.loads(subprocess.check_output(["docker-credential-" + helper, "get"], text=True, input=server))
if words[:1] == ["build"]:
    context = Path(words[-1])
    seen["context"] = {{str(path.relative_to(context)): oct(path.stat().st_mode & 0o777) for path in context.rglob("*")}}
    labels = dict(word.split("=", 1) for before, word in zip(words, words[1:]) if before == "--label")
    platform = words[words.index("--platform") + 1] if "--platform" in words else answers["platform"]
    platform = answers.get("becomes") or platform
    tag = words[words.index("--tag") + 1]
    answers["images"].pop(tag, None)
    answers["images"] = {{tag: {{"platform": platform, "labels": labels}}, **answers["images"]}}
    (folder / "answers.json").write_text(json.dumps(answers))
with (folder / "calls").open("a") as file:
    file.write(json.dumps(seen) + "\\n")
if words[0] == "version":
    if not answers["platform"]:
        sys.exit("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    print(answers["platform"])
elif words[:2] == ["image", "ls"]:
    label = words[-1].removeprefix("label=").split("=", 1)
    print("\\n".join(name for name, image in answers["images"].items() if image["labels"].get(label[0]) == label[1]))
elif words[:2] == ["image", "inspect"]:
    found = []
    for image in [answers["images"][name] for name in words[2:] if name in answers["images"]]:
        system, machine, variant = (image["platform"] + "//").split("/")[:3]
        found.append({{"Id": "sha256:" + "a" * 64, "Os": system, "Architecture": machine, "Variant": variant, "Size": 1000,
            "RootFS": {{"Layers": image.get("layers", [])}}, "Config": {{"Labels": image["labels"]}}}})
    print(json.dumps(found))
    if len(found) < len(words) - 2:
        sys.exit("Error: No such image")
else:
    status, output = answers.get(words[0], [0, ""])
    print(output)
    sys.exit(status)
"""


class FakeDocker:
    """The program's folder, which belongs on the PATH, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.answer(platform="linux/amd64", images={})
        program = folder / "docker"
        program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def answer(self, **answers: Any) -> None:
        """Set answers: platform, images (by their tag, the newest first), becomes (the platform of built images).

        For another command: its exit status and output.
        """
        file = self.folder / "answers.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**known, **answers}))

    def calls(self, command: str) -> list[dict[str, Any]]:
        """Return what this command was given, each time."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [call for call in map(json.loads, lines) if call["words"][0] == command]
