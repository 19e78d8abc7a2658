"""Your own commands around a release, run once for each release."""

from __future__ import annotations

from selvedge.config.types import LOCAL_PREFIX
from selvedge.resources.base import Change, Resource
from selvedge.shell.library import call
from selvedge.shell.quoting import words


class Hook(Resource):
    """The commands of one of [hooks]; the file `mark` on the server says that they have run.

    Commands that begin with "local:" run first, on the operator's machine; then the others in `folder` of `release`, as the
    app's user. run: the script that gives a release its environment, "" before there is one. builds: the commands may write
    to the release, so its files belong to the app's user meanwhile. build_env: the file with the build's variables, "" for a
    hook that does not get them.
    """

    name: str
    commands: tuple[str, ...]
    mark: str
    user: str
    folder: str
    release: str
    live_link: str
    env_vars: tuple[tuple[str, str], ...]
    run: str = ""
    builds: bool = False
    build_env: str = ""

    def probe(self) -> str:
        return f"hook_fact {words(self.mark, self.live_link)}"

    def plan(self, fact: str) -> Change | None:
        if fact.strip() == "done":
            return None
        previous = fact.strip().removeprefix("previous").strip()
        env_vars = {**dict(self.env_vars), "PREVIOUS": previous}
        here = tuple(command.removeprefix(LOCAL_PREFIX).strip() for command in self.commands if command.startswith(LOCAL_PREFIX))
        there = [command for command in self.commands if not command.startswith(LOCAL_PREFIX)]
        pairs = [f"{name}={value}" for name, value in env_vars.items()]
        shell = call(
            "hook_run",
            *(str(len(pairs)), *pairs, *there),
            hook=self.name,
            user=self.user,
            release=self.release,
            folder=self.folder,
            run=self.run,
            builds=self.builds,
            build_env=self.build_env,
            mark_path=self.mark,
        )
        return Change(
            f"run the hook {self.name}",
            shell,
            local_commands=here,
            local_env_vars=tuple(env_vars.items()),
        )
