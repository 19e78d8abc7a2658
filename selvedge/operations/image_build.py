"""`fab image.build`: build the app's image on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from selvedge.config.target import Target
from selvedge.engine.session import Session
from selvedge.errors import UsageError
from selvedge.release import carried, preconditions
from selvedge.release.refs import ref_of
from selvedge.report.text import Styled
from selvedge.resources.code import local_build, local_engine
from selvedge.resources.code.local_source import find_commit
from selvedge.run import Run
from selvedge.ssh.payload import readable

PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?")


def build(run: Run, flags: Mapping[str, Any]) -> None:
    """Build the image of each commit that the hosts of the run release. Raises SelvedgeError."""
    platform = chosen_platform(flags)
    for session, app in apps(run, flags):
        tag = local_build.local_tag(local_build.named(app), platform)
        with run.report.activity(session.name, "image", f"build the image {tag}"):
            wait, note = (partial(tell, session.name, "image") for tell in (run.report.wait, run.report.step))
            found = local_build.build(app, platform, wait, note)
        run.report.line(Styled("✓", "green"), f" {tag}  {found.platform}  {readable(found.size)}  {found.id}")


def apps(run: Run, flags: Mapping[str, Any]) -> Iterator[tuple[Session, Target]]:
    """Yield each image of the run once: a session and its app, whose commit is known, and the files of app.carry.

    Raises SelvedgeError.
    """
    seen = set()
    for session in run.fleet.sessions:
        session.release = replace(session.release, ref=ref_of(session.name, flags))
        preconditions.environment(session.app)
        session.release = replace(session.release, commit=find_commit(session.app))
        carried.find(session)
        carried.build(session)
        app = session.app
        image = local_build.named(app)
        key = (image.tag, image.build, app.docker.registry)
        if key not in seen:
            seen.add(key)
            yield session, app


def chosen_platform(flags: Mapping[str, Any]) -> str:
    """Return the platform of the command line, else that of the engine. Raises UsageError or SelvedgeError."""
    given = str(flags.get("platform") or "")
    if given and not PLATFORM.fullmatch(given):
        raise UsageError(f"--platform: {given!r} is not a platform.", "Use a name such as linux/amd64 or linux/arm64.")
    return local_engine.normal(given) if given else local_engine.engine_platform()
