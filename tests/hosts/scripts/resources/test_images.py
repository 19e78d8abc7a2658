"""Images that were built on the user's machine, or come from a registry. The engine is a program with a file."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selvedge.config.target import Target
from selvedge.engine.script import call_script
from selvedge.resources.base import Resource
from selvedge.resources.code import pulled_image, sent_image
from selvedge.resources.code.app_image import app_image
from selvedge.resources.code.local_engine import LocalImage
from selvedge.resources.files import Directory, File
from tests.hosts.scripts.server import MARK
from tests.support.fixtures import COMMIT
from tests.support.plans import summaries

REFERENCE = f"registry.example.com/team/blog@sha256:{'b' * 64}"
IMAGE = f"hello:{COMMIT[:12]}"
ID = f"sha256:{'c' * 64}"
HERE = {"manager": "docker", "docker": {"build": "here"}}
# Docker's client and curl, which asks the engine. The file has "images": name → {id, layers, platform, labels}.
ENGINE = """#!/usr/bin/python3
import json, os, re, sys
from urllib.parse import unquote
state = json.load(open("/srv/engine.json"))
images, words = state["images"], sys.argv[1:]
def save(): json.dump(state, open("/srv/engine.json", "w"))
if os.path.basename(sys.argv[0]) == "curl":
    path = words[-1].replace("http://localhost", "")
    name = re.sub("^/images/(.*)/json$", r"\\1", path)
    found = re.fullmatch('/images/json.filters=({"reference":.*)', unquote(path))
    if found:
        own = json.loads(found[1])["reference"][0]
        print(json.dumps([{"RepoTags": [name]} for name in images if name.partition(":")[0] == own], separators=(",", ":")))
    elif path == "/info": print(json.dumps({"Driver": state.get("store", "overlay2")}))
    elif name in images: print(json.dumps({"Id": images[name]["id"], "Size": 1}, separators=(",", ":")))
    else: sys.exit(22)
elif words[0] == "version": print("linux/amd64")
elif words[:2] == ["image", "ls"]: print("\\n".join(images))
elif words[:2] == ["image", "inspect"]:
    form = words[3]
    for name in words[4:]:
        image = images[name]
        label = re.search('Labels "(.*)"', form)
        if label: print(image.get("labels", {}).get(label[1], "<no value>"))
        elif "Layers" in form: print(" ".join(image.get("layers", [])))
        else: print(image["platform"])
elif words[0] == "load":
    data = sys.stdin.read(4)
    if data == "thin" and state.get("refuses"): sys.exit("open /var/lib/docker/tmp/layer.tar: no such file or directory")
    if data not in ("thin", "whol"): sys.exit("unexpected EOF")
    sys.stdin.read()
    images[state["sent"]] = {"id": "ID", "platform": "linux/amd64"}
    save()
elif words[0] == "tag":
    images[words[2]] = images[words[1]]
    save()
elif words[0] == "rmi":
    del images[words[1]]
    save()
elif words[:2] == ["image", "prune"]: pass
elif words[0] == "run": sys.exit(state.get("status", 0))
else: sys.exit("unknown: " + " ".join(words))
""".replace('"ID"', repr(ID))
PULLER = """
import json, sys
state = json.load(open("/srv/engine.json"))
open("/srv/login", "w").write(sys.stdin.read())
state["images"][sys.argv[2]] = state["pulled"]
json.dump(state, open("/srv/engine.json", "w"))
"""


@pytest.fixture
def engine(server: Any) -> Callable[..., Any]:
    """Change the engine's file, and return it."""
    for name in ("docker", "curl"):
        server.program(name, "").write_text(ENGINE)
    server.program("id", "echo 1")
    server.path("/var/lib/docker").mkdir()
    here = Path.cwd()
    os.chdir(server.path("/run"))  # the path of a socket may not be long
    socket.socket(socket.AF_UNIX).bind("docker.sock")
    os.chdir(here)
    file = server.path("/srv/engine.json")
    file.write_text('{"images": {}}')

    def change(**values: Any) -> Any:
        state = {**json.loads(file.read_text()), **values}
        file.write_text(json.dumps(state))
        return state

    return change


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """This machine has the image, with the layers a, b and c. The list gets how many layers each archive lacks."""
    found: list[int] = []

    def archive(_tag: str, _id: str, known: int) -> Path:
        found.append(known)
        path = tmp_path / f"archive-{known}"
        path.write_text(("thin" if known else "whole") * 50_000)
        return path

    local = LocalImage("sha256:a", "linux/amd64", ("a", "b", "c"), {}, 1)
    monkeypatch.setattr(sent_image.local_build, "built", lambda *_: local)
    monkeypatch.setattr(sent_image.local_build, "local_tag", lambda image, _: image.tag)
    monkeypatch.setattr(sent_image, "archive", archive)
    return found


def folders(app: Target) -> list[Resource]:
    return [Directory(app.paths.base), Directory(app.paths.images, "0700")]


def test_an_image_is_sent_without_the_layers_that_the_server_has(
    server: Any, engine: Callable[..., Any], sent: list[int], target: Callable[..., Target]
) -> None:
    app = target(COMMIT, **HERE)
    engine(images={"other:1": {"layers": ["a", "b", "d"]}, "third:1": {"layers": ["c"]}}, sent=IMAGE)
    planned = server.make(*folders(app), app_image(app))
    assert summaries(planned)[-1] == f"send the image {app_image(app).image} (0.2 MB)" and sent == [2]
    assert server.path(app.paths.image(COMMIT)).read_text() == f"{ID} . gunicorn uvicorn_worker\n"


def test_an_engine_that_wants_all_layers_gets_them_at_once(
    server: Any, engine: Callable[..., Any], sent: list[int], target: Callable[..., Target]
) -> None:
    app = target(COMMIT, **HERE)
    server.make(*folders(app))
    engine(images={"other:1": {"layers": ["a"]}}, sent=IMAGE, refuses=True)
    # The next change of the same script gets its own payload, although the engine has not read the archive to its end.
    secret = File("/srv/secret", "s3cret\n", "0600", secret=True)
    first = server.apply(server.plan(app_image(app), secret))
    assert first.status == 0 and first.said == ["Docker on the server wants all layers of the image"]
    assert server.path("/srv/secret").read_text() == "s3cret\n"
    server.make(app_image(app))
    assert sent == [1, 0] and not server.path(f"{app.paths.image(COMMIT)}.whole").exists()
    engine(images={"other:1": {"layers": ["a"]}}, store="io.containerd.snapshotter")
    server.plan(app_image(app))
    assert sent[-1] == 0


def test_an_image_for_another_platform_of_this_machine_gets_its_own_name(
    server: Any, engine: Callable[..., Any], sent: list[int], target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = target(COMMIT, **HERE)
    monkeypatch.setattr(sent_image.local_build, "local_tag", lambda image, _: f"{image.tag}-arm64")
    engine(sent=f"{IMAGE}-arm64")
    server.make(*folders(app), app_image(app))
    assert set(engine()["images"]) == {app_image(app).image} and sent == [0]


def test_a_damaged_archive_is_refused(
    server: Any, engine: Callable[..., Any], sent: list[int], target: Callable[..., Target]
) -> None:
    app = target(COMMIT, **HERE)
    server.make(*folders(app))
    engine(sent=IMAGE)
    done = server.apply(server.plan(app_image(app)), b"damaged")
    assert (done.status, done.error) == (1, "Docker on the server could not load the image: unexpected EOF")
    assert not server.path(app.paths.image(COMMIT)).exists() and sent == [0]


def test_only_the_images_of_releases_are_removed_with_the_app(server: Any, engine: Callable[..., Any]) -> None:
    """Those of a registry may have no label, and another image may have the app's name."""
    others = ["hello:latest", f"hello:{COMMIT}", "base:1", "hello-two:0123456789ab.abcdef", IMAGE]
    own = [f"{IMAGE}.abcdef", f"{IMAGE}-abcdef.abcdef", f"{IMAGE}.abcdef.new"]
    engine(images={name: {"id": ID} for name in [*own, *others]})
    done = server.run(call_script("app=hello\nimage_list\nimage_forget", MARK))
    assert done.stdout.decode().split() == own
    assert list(engine()["images"]) == others


class TestRegistry:
    @pytest.fixture
    def app(self, target: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Target:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        monkeypatch.setattr(pulled_image, "PULLER", PULLER)
        passwords = {"SELVEDGE_DOCKER__USER": "me", "SELVEDGE_DOCKER__PASSWORD": 'a "b" $c `d`'}
        registry = {"docker": {"registry": "registry.example.com/team/blog"}}
        app = target(COMMIT, **{**HERE, **registry, "passwords": passwords})
        return app.releasing(replace(app.release, image=REFERENCE))

    def test_an_image_is_pulled_with_the_login_and_then_belongs_to_the_release(
        self, server: Any, engine: Callable[..., Any], app: Target
    ) -> None:
        engine(pulled={"id": ID, "platform": "linux/amd64", "labels": {"selvedge.app": "other", "selvedge.commit": "f" * 12}})
        planned = server.make(*folders(app), app_image(app))
        assert summaries(planned)[-1] == f"pull the image {REFERENCE}"
        assert list(engine()["images"]) == [app_image(app).image]
        login = server.path("/srv/login")
        assert json.loads(login.read_text())["password"] == 'a "b" $c `d`'
        login.unlink()
        left = [path for path in server.entries() if path.is_file() and b"$c `d`" in path.read_bytes()]
        assert not left and server.path(app.paths.image(COMMIT)).read_text() == f"{ID} {REFERENCE} gunicorn uvicorn_worker\n"

    @pytest.mark.parametrize(("pulled", "said"), [
        ({"platform": "linux/arm64"}, "is for linux/arm64, and the server is linux/amd64"),
        ({"labels": {"selvedge.app": "hello", "selvedge.commit": "f" * 12}}, f"was built from the commit {'f' * 12}, and this"),
    ])  # fmt: skip
    def test_an_image_of_another_platform_or_commit_is_removed(
        self, server: Any, engine: Callable[..., Any], app: Target, pulled: dict[str, Any], said: str
    ) -> None:
        server.make(*folders(app))
        engine(pulled={"id": ID, "platform": "linux/amd64", **pulled})
        done = server.apply(server.plan(app_image(app)))
        assert done.status == 1 and said in done.error and not engine()["images"]

    def test_an_image_of_this_commit_is_taken(self, server: Any, engine: Callable[..., Any], app: Target) -> None:
        labels = {"selvedge.app": "hello", "selvedge.commit": COMMIT[:12]}
        engine(pulled={"id": ID, "platform": "linux/amd64", "labels": labels})
        server.make(*folders(app), app_image(app))

    def test_an_image_without_the_app_server_is_refused(self, server: Any, engine: Callable[..., Any], app: Target) -> None:
        server.make(*folders(app))
        engine(pulled={"id": ID, "platform": "linux/amd64"}, status=127)
        done = server.apply(server.plan(app_image(app)))
        assert done.status == 1 and done.error.startswith("The image has no Python")
        assert not server.path(app.paths.image(COMMIT)).exists()
