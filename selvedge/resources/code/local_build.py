"""Build the image of a commit on this machine, by the app's Dockerfile."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from selvedge.config.dotenv import build_digest, build_environment, render_environment
from selvedge.config.masks import hide_values
from selvedge.config.target import Target
from selvedge.errors import SelvedgeError, StepError
from selvedge.resources.code import local_engine, local_source
from selvedge.resources.code.base_image import pull_remedy
from selvedge.resources.code.git_over_ssh import ssh_note
from selvedge.resources.code.image import DOCKERFILE, AppImage
from selvedge.resources.code.local_engine import LocalImage

SECRET = "DOCKER_BUILD_ENV"
"""The variable of Docker's client that has the variables of the build (app.build_env_file)."""
COMMIT, BUILD = "selvedge.commit", "selvedge.build"
"""The labels of an image with its commit (12 hex digits), and with what decides its content besides the commit."""
_TAIL = 40
_FULL = "no space left on device"
"""BuildKit's own error names only the command that failed."""
_NO_KEY = re.compile(r"Host key verification failed|Permission denied \(publickey|cannot run ssh")
"""What git says in a build, which has no SSH key. It is not the last line of an installer's error."""
_GIT = re.compile(r"git -C /src |source=\.git")
"""A Dockerfile that takes a version from git: that of `fab export.docker`, or one that mounts .git."""
_LOCK = Lock()
OnText = Callable[[str], None]


def local_tag(image: AppImage, platform: str) -> str:
    """Return the name of an image on this machine; one for another platform than that of the engine has the platform in it."""
    if platform == local_engine.engine_platform():
        return image.tag
    return f"{image.tag}-{platform.partition('/')[2].replace('/', '-')}"


def built(image: AppImage, platform: str) -> LocalImage | None:
    """Return the image on this machine, None if it is not built yet, or for other settings."""
    found = local_engine.find(local_tag(image, platform))
    if found is None or not local_engine.fits(found.platform, platform) or found.labels.get(BUILD) != image.build:
        return None
    return found


def build(
    app: Target, platform: str, on_line: OnText = lambda _line: None, on_note: OnText = lambda _sentence: None
) -> LocalImage:
    """Return the image of the app's commit on this machine. It is built first, unless it has been.

    on_line: gets the lines of the build's output. on_note: gets what the user should know before the build.
    Raises StepError if the build fails, SelvedgeError if it cannot begin.
    """
    image = named(app)
    # The hosts of a run need the same image.
    with _LOCK:
        return built(image, platform) or _build(image, platform, on_line, on_note)


class AppImageName(AppImage):
    """The names and the request of an app's image."""

    def plan(self, fact: str) -> None:
        """Plan nothing: only the names are needed."""


def named(app: Target) -> AppImageName:
    """Return the names and the request of an app's image. Raises ConfigError as `build_digest` does."""
    return AppImageName(app, build_digest(app))


def _build(image: AppImage, platform: str, on_line: OnText, on_note: OnText) -> LocalImage:
    app, tag = image.app, local_tag(image, platform)
    own = platform == local_engine.engine_platform()
    with local_source.checked_out(app, app.commit) as code:
        file = _dockerfile(code, app)
        if file.parent == code and _GIT.search(file.read_text(encoding="utf-8", errors="replace")):
            local_source.add_history(app, code)
        labels = {
            "selvedge.app": app.name, COMMIT: app.commit[:12], BUILD: image.build, "org.opencontainers.image.revision": app.commit,
        }  # fmt: skip
        command = ["build", "--progress", "plain", "--file", str(file), "--tag", tag]
        command += [word for label, value in labels.items() for word in ("--label", f"{label}={value}")]
        command += [] if own else ["--platform", platform]
        command += [] if _cached(image, platform) else ["--no-cache"]
        secrets = build_environment(app)
        if note := ssh_note(file.parent, file, secrets):
            on_note(note)
        if secrets:
            command += ["--secret", f"id=build_env,env={SECRET}"]
        more = {SECRET: render_environment(secrets)} if secrets else {}
        hidden = [value.get_secret_value() for value in secrets.values()]
        status, tail = _run([*command, "--", str(file.parent)], more, lambda line: on_line(hide_values(line, hidden)))
    if status != 0:
        said = hide_values(_reason(tail), hidden)
        shown = hide_values("\n".join(tail), hidden)
        remedy = _remedy(said, shown, platform, own=own)
        raise StepError(f"Could not build the image {tag} on your machine: {said}.\n{shown}", remedy)
    found = built(image, platform)
    if found is None:
        raise SelvedgeError(
            f"The build of {tag} has succeeded, but the engine of your machine has no such image for {platform}.",
            "Have Docker build with its own engine: `docker buildx use default`. Then run the same command again.",
        )
    return found


def _cached(image: AppImage, platform: str) -> bool:
    """Return whether the build may use Docker's cache, which does not know the variables of the build.

    What it has is from the app's last build, of which the newest image tells.
    """
    before = local_engine.newest(image.app.name, platform)
    return before.labels.get(BUILD) == image.build if before else not image.variables


def _dockerfile(code: Path, app: Target) -> Path:
    """Return the Dockerfile, in the folder that is the context of the build: that of the app, else the top.

    Raises SelvedgeError if the commit has none, or a link out of the repository in its place.
    """
    file = code / app.root / DOCKERFILE
    if not file.exists() and (code / DOCKERFILE).exists():
        file = code / DOCKERFILE
    if not file.exists():
        path = f"{app.root}/{DOCKERFILE}".lstrip("/")
        raise SelvedgeError(
            f"The app has no {path} at {app.commit[:12]}, from which its image is built.",
            "Write one with `fab export.docker`, and commit it.",
        )
    if not file.resolve().is_relative_to(code.resolve()):
        raise SelvedgeError(f"{DOCKERFILE} is a symbolic link that leads out of the repository.", "Commit the file itself.")
    return file


def _run(command: list[str], more: dict[str, str], on_line: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run a command of Docker's client; return its exit status and its last lines. Raises SelvedgeError without a client."""
    tail: deque[str] = deque(maxlen=_TAIL)
    try:
        process = subprocess.Popen(
            ["docker", *command], env=local_engine.environment(more), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
    except OSError:
        raise local_engine.missing() from None
    with process:
        for line in process.stdout or ():
            if line.strip():
                tail.append(line.rstrip())
                on_line(line.rstrip())
    return process.returncode, list(tail)


def _reason(tail: list[str]) -> str:
    full = [re.sub(r"^#\d+ ([\d.]+ )?", "", line) for line in tail if _FULL in line.lower()]
    failed = full or [line for line in tail if line.startswith("ERROR: ")]
    return local_engine.last_line("\n".join(failed or tail))


def _remedy(said: str, shown: str, platform: str, *, own: bool) -> str:
    if not own and "exec format error" in said:
        return (
            f"Your machine cannot run programs for {platform}. Install an emulator: `docker run --privileged --rm "
            f'tonistiigi/binfmt --install {platform.split("/")[1]}`. Or set `build = "server"` in [docker].'
        )
    if _FULL in said.lower():
        return "Free some space for Docker: `docker system df` shows its data, `docker builder prune` removes the cache of builds."
    if _NO_KEY.search(shown):
        return 'Give git a token for HTTPS, as docs/how-to/docker.md shows under "Dependencies from git": a build has no SSH key.'
    if "buildx" in said:
        return "Install Docker's builder: the package docker-buildx (Debian) or docker-buildx-plugin (Docker's own)."
    other = f"Correct {DOCKERFILE}, commit, and run the same command again. The live release keeps serving."
    return pull_remedy(said, shown) or other
