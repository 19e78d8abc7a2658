"""The step `image`, and the container of a release (app.manager = "docker")."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

import fabfile
from selvedge.config.target import Target
from selvedge.errors import ConfigError
from selvedge.release import preconditions
from selvedge.release.instance import Instance
from selvedge.resources.code.app_image import app_image
from selvedge.resources.code.engine import DockerInstalled, EngineSettings
from selvedge.resources.code.image import Image
from selvedge.resources.packages import Packages
from tests.support.declared import file, of
from tests.support.fixtures import COMMIT
from tests.support.hostile import HOSTILE

ID = f"sha256:{'a' * 64}"


def name_of(app: Target) -> str:
    """Return the image that the step `image` builds."""
    (image,) = of("image", app, Image)
    return image.image


def container(app: Target, folder: Path, *words: str) -> list[str]:
    """Return the arguments that the script `container` of the app's release gives to docker."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in {"docker": "printf '%s\\0' \"$@\"", "id": 'echo "999"'}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    script = folder / "container"
    script.write_text(Instance.of(app).manager_files()["container"])
    done = subprocess.run(
        ["sh", str(script), *words], env={"PATH": f"{programs}:/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\0")[:-1]


def test_a_deploy_builds_an_image_in_place_of_a_virtual_environment(app: Callable[..., Target]) -> None:
    chains = {name: [step.name for step in fabfile.namespace["deploy"].parts(app(name))] for name in ("nothing set", "docker")}
    assert chains["docker"][-6:] == ["clone", "image", *chains["nothing set"][-4:]]
    assert chains["nothing set"][-6:-4] == ["clone", "venv"]
    assert of("install", app("docker"), DockerInstalled) and not of("install", app("nothing set"), DockerInstalled)
    assert any("busybox-static" in each.names for each in of("install", app("docker"), Packages))


@pytest.mark.parametrize(("settings", "fact", "built"), [
    ({}, "", False),
    ({}, f"{ID} . gunicorn uvicorn_worker", True),
    ({}, f"{ID} . uvicorn", False),
    ({"app_server": "uvicorn"}, f"{ID} . uvicorn", True),
    ({"root": "backend"}, f"{ID} . gunicorn uvicorn_worker", False),
    ({"worker_class": "my.Worker"}, f"{ID} . gunicorn my", True),
])  # fmt: skip
def test_an_image_is_built_once_for_its_commit(
    app: Callable[..., Target], settings: dict[str, str], fact: str, built: bool
) -> None:
    (image,) = of("image", app("domains", manager="docker", **settings), Image)
    change = image.plan(fact)
    assert (change is None) == built
    if change:
        assert change.summary == f"build the image {app_image(image.app).image} from Dockerfile"


def test_settings_that_need_another_image_give_it_another_name(
    app: Callable[..., Target], target: Callable[..., Target], tmp_path: Path
) -> None:
    """So no build replaces the image of a release that is live or kept."""
    settings: list[dict[str, str]] = [{}, {"app_server": "uvicorn"}, {"root": "backend"}, {"worker_class": "my.Worker"}]
    found = [app_image(app("domains", manager="docker", **each)).image for each in settings]
    for number in range(2):
        (tmp_path / "build.env").write_text(f"INDEX=https://{number}.example.com\n")
        built = app("domains", manager="docker", build_env_file="build.env")
        found.append(app_image(built).image)
    (tmp_path / "build.env").write_text("INDEX=https://1.example.com\nINDEX_PASSWORD=other\n")
    found.append(app_image(built).image)
    assert len(set(found)) == len(found) - 1 and found[-1] == found[-2], "a password decides nothing"
    assert all(re.fullmatch(rf"hello:{COMMIT[:12]}\.[0-9a-f]{{6}}", each) for each in found)
    same = app("domains", manager="docker", memory_max="1G", workers=9)
    assert app_image(same).image == found[0] != app_image(target("f" * 40, manager="docker")).image


def test_the_instance_names_the_image_that_the_step_builds(app: Callable[..., Target]) -> None:
    settings = app("docker", app_server="uvicorn", root="backend")
    assert f"\nimage={app_image(settings).image}\n" in Instance.of(settings).manager_files()["container"]


@pytest.mark.parametrize(("fact", "written"), [
    ("\n", {"ip": "127.0.0.1", "live-restore": True}),
    ('\n{"dns": ["192.0.2.1"], "ip": "192.0.2.2"}', {"dns": ["192.0.2.1"], "ip": "192.0.2.2", "live-restore": True}),
    ('\n{"ip": "127.0.0.1", "live-restore": true, "dns": []}\n', None),
    ('swarm \n{"ip": "127.0.0.1", "live-restore": true}\n', None),
    ("stranger\n", {"live-restore": True}),
    ('stranger\n{"dns": []}', {"dns": [], "live-restore": True}),
    ('stranger\n{"live-restore": true}', None),
])  # fmt: skip
def test_other_settings_of_the_engine_stay(fact: str, written: dict[str, object] | None) -> None:
    change = EngineSettings().plan(fact)
    assert (change is None) == (written is None)
    if change:
        rows = [row[1:] for row in change.diff.splitlines() if row[:1] in " +" and not row.startswith("+++")]
        assert json.loads("\n".join(rows)) == {**written, **({"dns": "•••"} if written and "dns" in written else {})}
        assert json.loads(bytes(change.payload) or change.shell.partition("\n")[2].rpartition("}")[0] + "}") == written


@pytest.mark.parametrize(("fact", "said"), [("\n{", "is not a JSON"), ("\n[]", "is not a JSON"), ("swarm stranger\n", "swarm")])
def test_an_engine_that_cannot_be_set_is_refused(fact: str, said: str) -> None:
    change = EngineSettings().plan(fact)
    assert change and said in change.shell


@pytest.mark.parametrize(("fact", "said"), [
    ("\n", "dockerengine_install"), ("/usr/bin/docker\n", ""), ("/snap/bin/docker\n", "is that of snap"),
    ("/usr/local/bin/docker\n", "Docker on this server is /usr/local/bin/docker"),
])  # fmt: skip
def test_docker_that_selvedge_cannot_use_is_refused(fact: str, said: str) -> None:
    change = DockerInstalled().plan(fact)
    assert (said in change.shell) if change else said == ""


def test_the_ports_of_an_engine_that_was_here_before_stay_open_and_the_run_says_so() -> None:
    said = "Docker was here before, so the ports that its containers publish stay open to the Internet"
    facts = {'stranger\n{"live-restore": true}\n': said, 'stranger\n{"ip": "0.0.0.0", "live-restore": true}\n': ""}
    facts |= {'\n{"ip": "127.0.0.1", "live-restore": true}\n': ""}
    assert {fact: EngineSettings().unchanged(fact) for fact in facts} == facts


def test_a_container_has_the_limits_and_no_secrets(app: Callable[..., Target], tmp_path: Path) -> None:
    settings = app("docker", memory_max="512M", tasks_max=99)
    given = container(settings, tmp_path, "hello.x", "--detach", "--", "run", "a b", "--", "c")
    image = given.index(app_image(settings).image)
    options, command = given[:image], given[image + 1 :]
    assert command == ["-c", 'PATH=$PATH:/.selvedge && exec "$@"', "sh", "run", "a b", "--", "c"]
    assert options[:3] == ["run", "--name", "hello.x"] and options[-3:] == ["--detach", "--entrypoint", "/.selvedge/sh"]
    pairs = set(pairwise(options))
    assert {
        ("--cap-drop", "ALL"), ("--security-opt", "no-new-privileges"), ("--memory", "512m"), ("--memory-swap", "512m"),
        ("--pids-limit", "99"), ("--user", "999:999"), ("--network", "selvedge-hello"), ("--stop-timeout", "40"),
        ("--pull", "never"),
    } <= pairs  # fmt: skip
    assert "--read-only" in options
    refused = {"-e", "--env", "--env-file", "-p", "--publish", "-P", "--privileged", "-v", "--volume"}
    assert not refused & set(options) and "c4nary" not in " ".join(given)
    mounts = [value.split(",")[1] for option, value in pairs if option == "--mount"]
    folder = Instance.of(settings).folder
    assert {each for each in mounts if "busybox" not in each} == {
        f"src={folder}", "src=/run/hello", "src=/run/postgresql", "src=/run/selvedge-redis", "src=/srv/hello/shared",
    }  # fmt: skip


def test_hostile_values_stay_values_in_the_scripts_of_a_container(
    target: Callable[..., Target], hostile: Target, tmp_path: Path
) -> None:
    hooks = {"before_switch": HOSTILE["hooks"]["before_switch"]}
    app = target(COMMIT, **{**HOSTILE, "manager": "docker", "hooks": hooks, "box": {"write": ["/mnt/a_b"], "execute": True}})
    assert app.base_dir == hostile.base_dir
    given = container(app, tmp_path, "a-1.x", "--", "sh", "-c", HOSTILE["migrate"])
    assert given[-1] == HOSTILE["migrate"] and "type=bind,src=/mnt/a_b,dst=/mnt/a_b" in given
    assert any(each.startswith("/tmp:") and ",exec," in each for each in given)
    instance = Instance.of(app)
    for text in (instance.start_script(), instance.run_script(), *instance.process_files().values()):
        assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.skipif(not shutil.which("dash"), reason="the shell of the test")
def test_the_script_run_keeps_the_path_of_the_image(app: Callable[..., Target], tmp_path: Path) -> None:
    """The app's own environment may have a PATH, which is that of another machine."""
    instance = Instance.of(app("docker"))
    text = instance.run_script().replace(instance.folder, str(tmp_path))
    (tmp_path / "env").write_text('PATH="/evil"\nONE="a\nb"\n')
    script = f"#!/bin/sh\n{text}"
    done = subprocess.run(
        ["dash", "-c", script, "run", "env"], cwd=tmp_path, env={"PATH": "/own:/usr/bin:/bin", "PYTHONPATH": "/image"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "\nPATH=/own:/usr/bin:/bin\n" in f"\n{done.stdout}" and "\nONE=a\nb\n" in done.stdout
    assert f"PYTHONPATH={tmp_path}:{tmp_path}/src:{tmp_path}:/image\n" in done.stdout


def test_only_the_container_of_a_timer_is_started_by_root(app: Callable[..., Target]) -> None:
    settings = app("docker")
    unit = file("supervisor", settings, f"/etc/systemd/system/{settings.paths.timer_unit('cleanup')}.service").text
    script = file("supervisor", settings, f"{settings.paths.timers}/cleanup.sh").text
    started = [line for line in unit.splitlines() if line.startswith("ExecStart=") or line.startswith("User=")]
    path = f"{settings.paths.timers}/cleanup.sh"
    assert started == [f"ExecStart=+{path} container", f"ExecStart={path}", "User=hello"]
    assert '"$folder/container" "$name" --rm' in script


@pytest.mark.parametrize(("files", "app_root", "said"), [
    ({"Dockerfile": "FROM x"}, "", ""),
    ({"main.py": ""}, "", "there is no Dockerfile"),
    ({"Dockerfile": "FROM x"}, "backend", ""),
    ({"backend/Dockerfile": "FROM x"}, "backend", ""),
    ({"other/Dockerfile": "FROM x"}, "backend", "there is no backend/Dockerfile and no Dockerfile"),
])  # fmt: skip
def test_an_app_without_a_dockerfile_is_refused_before_any_contact(
    app: Callable[..., Target], tmp_path: Path, files: dict[str, str], app_root: str, said: str
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in {**files, "backend/main.py": ""}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    settings = app("domains", manager="docker", repository=str(folder), root=app_root)
    if not said:
        preconditions.image(settings)
        return
    with pytest.raises(ConfigError, match=said) as error:
        preconditions.image(settings)
    assert "fab export.docker" in error.value.remedy


def test_a_name_that_no_image_can_have_is_refused(target: Callable[..., Target]) -> None:
    with pytest.raises(ValueError, match='cannot end with "-"'):
        target(COMMIT, manager="docker", name="blog-")
    assert target(COMMIT, name="blog-").name == "blog-"
