"""Redis, or Valkey where the distribution has it: the packages, and the unit that runs one for each app."""

from __future__ import annotations

from selvedge.resources.base import Change, Resource
from selvedge.resources.files import File
from selvedge.shell.library import call
from selvedge.shell.quoting import with_input

REDIS_UNIT = "/etc/systemd/system/selvedge-redis@.service"
REDIS_PROGRAM = "/usr/bin/redis-server"
"""In the unit's text. Where the server has Valkey, it is replaced by Valkey's program."""


class RedisInstalled(Resource):
    """The server has Redis or Valkey. The package's own server on port 6379 is off, if Selvedge has installed the package."""

    def probe(self) -> str:
        return "redis_fact"

    def plan(self, fact: str) -> Change | None:
        program, mark = [*fact.splitlines(), "", ""][:2]
        if not program:
            return Change("install Valkey, or Redis where the distribution has no Valkey", "redis_install")
        if mark:
            return Change("turn off the package's own server, which listens on port 6379", "redis_off")
        return None


class RedisUnit(File):
    """The unit that runs the Redis of an app, with the program that the server has."""

    def probe(self) -> str:
        return f"redis_fact\necho --\n{super().probe()}"

    def plan(self, fact: str) -> Change | None:
        program, _, rest = fact.partition("--\n")
        found = program.partition("\n")[0]
        change = self._with(found or REDIS_PROGRAM).plan(rest)
        if change is None or found:
            return change
        # The program is known when it is installed.
        return Change(change.summary, with_input(call("redis_unit", self.path, REDIS_PROGRAM), self.text), diff=change.diff)

    def _with(self, program: str) -> File:
        return File(self.path, self.text.replace(REDIS_PROGRAM, program), self.mode, self.owner, self.group)
