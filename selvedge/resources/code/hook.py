"""Your own commands around a release."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from selvedge.config.types import LOCAL_PREFIX
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import words


def local_commands(commands: Sequence[str]) -> tuple[str, ...]:
    """Return the commands for the operator's machine, without "local:"."""
    return tuple(command.removeprefix(LOCAL_PREFIX).strip() for command in commands if command.startswith(LOCAL_PREFIX))


def server_commands(commands: Sequence[str]) -> tuple[str, ...]:
    """Return the commands for the server."""
    return tuple(command for command in commands if not command.startswith(LOCAL_PREFIX))


class Hook(Resource):
    """The commands of one of [hooks]. The file `mark` on the server says which commands have run.

    Commands that begin with "local:" run first, on the operator's machine; then the others in `folder`, as the app's user. release:
    the commit's folder. run: the script that gives a release its environment, "" before there is one. env_vars: for both.
    build_env: the file with the variables of the build, "" for a hook that does not get them.
    """

    name: str
    commands: tuple[str, ...]
    mark: str
    user: str
    instance: str
    folder: str
    release: str
    live_link: str
    env_vars: tuple[tuple[str, str], ...]
    run: str = ""
    remedy: str = ""
    build_env: str = ""

    @property
    def hash(self) -> str:
        """A hash of the commands, 16 hex digits. A changed command makes the hook run again."""
        return hashlib.sha256("\0".join(self.commands).encode()).hexdigest()[:16]

    def plan(self, fact: str) -> Change | None:
        state, _, previous = fact.strip().partition(" ")
        if state in ("done", "built"):
            return None
        env_vars = {**dict(self.env_vars), "PREVIOUS": previous}
        pairs = [f"{name}={value}" for name, value in env_vars.items()]
        return Change(
            f"run the hook {self.name}",
            self._shell(str(len(pairs)), *pairs, *server_commands(self.commands)),
            local_commands=local_commands(self.commands),
            local_env_vars=tuple(env_vars.items()),
            remedy=self.remedy,
        )

    @property
    def _app(self) -> dict[str, str]:
        """The app, its folder and its release, whose values are hidden in the output."""
        return {"app": self.user, "base": str(PurePosixPath(self.release).parents[1]), "new": self.instance}

    def _shell(self, *arguments: str) -> str:
        raise NotImplementedError


class BuildHook(Hook):
    """A hook that runs once while a release is built, and may write to the release.

    It never runs in the folder of a release that has been live: visitors get its files, and a rollback returns to them. The
    fact of such a hook, if its commands are new or changed, is "built".
    """

    def probe(self) -> str:
        # Before the build there is no instance: the folder is that of the commit.
        return f"hook_built {words(self.mark, self.hash, self.release, self.instance if self.run else '', self.live_link)}"

    def _shell(self, *arguments: str) -> str:
        return call(
            "hook_build",
            *arguments,
            given=self._app,
            hook=self.name,
            user=self.user,
            release=self.release,
            folder=self.folder,
            run=self.run,
            build_env=self.build_env,
            mark_path=self.mark,
            mark_text=self.hash,
        )


class SwitchHook(Hook):
    """A hook that runs each time a release becomes live, and again for the live release if its commands have changed."""

    def owned(self) -> tuple[str, ...]:
        return (self.mark,)

    def probe(self) -> str:
        return f"hook_switched {words(self.mark, self.hash, self.instance, self.live_link)}"

    def _shell(self, *arguments: str) -> str:
        return call(
            "hook_switch",
            *arguments,
            given=self._app,
            hook=self.name,
            user=self.user,
            folder=self.folder,
            run=self.run,
            mark_path=self.mark,
            mark_text=self.hash,
            live_link=self.live_link,
        )
