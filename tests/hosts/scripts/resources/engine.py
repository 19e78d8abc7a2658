"""A Docker engine that consists of a file: Docker's client, and curl, which asks the engine."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from tests.hosts.scripts.server import Server

PROGRAM = """#!/usr/bin/python3 -IS
import json, os, re, subprocess, sys
def unquote(text): return re.sub('%(..)', lambda found: chr(int(found[1], 16)), text)
state = json.load(open("/srv/engine.json"))
images, words = state["images"], sys.argv[1:]
def save(): json.dump(state, open("/srv/engine.json", "w"))
def after(option): return words[words.index(option) + 1]
if os.path.basename(sys.argv[0]) == "curl":
    path = unquote(words[-1].replace("http://localhost", ""))
    name = re.sub("^/images/(.*)/json$", r"\\1", path)
    if path == "/info": answer = {"DockerRootDir": state["root"]}
    elif path.startswith("/images/json?"):
        repository = json.loads(path.partition("filters=")[2])["reference"][0]
        tags = [tag for tag in images if tag.partition(":")[0] == repository]
        answer = [{"Labels": state["labels"], "RepoTags": [tag]} for tag in tags] + [{"RepoTags": None}]
    elif path.startswith("/containers/json?"): answer = state["containers"]
    elif path.startswith("/networks/") and path[10:] in state["networks"]: answer = {"Name": path[10:]}
    elif name in images: answer = {"Id": images[name]}
    else: sys.exit(22)
    print(json.dumps(answer, separators=(",", ":")))
    sys.exit()
with open("/srv/calls", "a") as file: file.write(json.dumps(words) + "\\n")
if words[0] == "build":
    print(state["output"])
    if not state["builds"]: sys.exit(1)
    state["number"] += 1
    images[after("--tag")] = f"sha256:{state['number']:064}"
    state["context"] = sorted(os.listdir(words[-1]))
    state["version"] = subprocess.getoutput(f"git -C {words[-1]} describe --tags --dirty")
elif words[0] == "tag": images[words[2]] = images[words[1]]
elif words[0] == "rmi":
    if words[1] not in images: sys.exit("Error: No such image")
    del images[words[1]]
elif words[0] == "run": print(state["run"])
elif words[:2] == ["image", "inspect"]:
    if words[2] not in images: sys.exit("Error: No such image: " + words[2])
elif words[:2] == ["network", "create"]:
    if state["refuses"]: sys.exit("Error response from daemon: " + state["refuses"])
    state["networks"].append(words[-1])
save()
"""


class Engine:
    """The engine of a server. `state` has its images (the id of each by its name), its containers and its networks."""

    def __init__(self, server: Server) -> None:
        self.server = server
        for name in ("docker", "curl"):
            server.program(name, "").write_text(PROGRAM)
        here = Path.cwd()
        os.chdir(server.path("/run"))  # the path of a socket may not be long
        socket.socket(socket.AF_UNIX).bind("docker.sock")
        os.chdir(here)
        self.set(
            images={}, containers=[], networks=[], labels={}, number=0, builds=True, output="", run="", refuses="", root="/var/lib"
        )

    @property
    def state(self) -> dict[str, Any]:
        file = self.server.path("/srv/engine.json")
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def set(self, **values: Any) -> None:
        """Change the state. builds: whether builds succeed. refuses: why no network can be created."""
        self.server.path("/srv/engine.json").write_text(json.dumps({**self.state, **values}))

    def calls(self, *command: str) -> list[list[str]]:
        """Return the arguments of Docker's client, each time that it got this command."""
        file = self.server.path("/srv/calls")
        lines = file.read_text().splitlines() if file.exists() else []
        return [words for words in map(json.loads, lines) if words[: len(command)] == list(command)]
