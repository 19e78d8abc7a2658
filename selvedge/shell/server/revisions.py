"""Reads or downgrades the database of an app that uses alembic. Runs with the app's Python (3.8 or newer), in its environment.

Arguments: read, sql or downgrade; the revisions that a release needs, with commas ("base": none); alembic's own options.
Every result is a line that begins with "@alembic ":

    current REVISION…    the revisions in the database
    heads REVISION…      the newest revisions of this code
    known REVISION…      the needed revisions that this code has
    missing REVISION…    the needed revisions that the database does not have
    foreign REVISION…    the revisions in the database that this code does not have
    between REVISION OLDER,… TEXT    a revision that a downgrade takes back, the newest first
    sql TEXT             a line of the downgrade's SQL
    error TEXT           nothing could be read, or the downgrade failed

Other lines are the app's own output.
"""

import io
import sys

from alembic.config import CommandLine
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationStep
from alembic.script import ScriptDirectory


def say(word, *values):
    """Print a result."""
    sys.stdout.write("\n" + " ".join(["@" + "alembic", word, *(" ".join(str(value).split()) for value in values)]) + "\n")
    sys.stdout.flush()


def several(value):
    """Return one revision, several or none as a list."""
    return [value] if isinstance(value, str) else list(value or ())


class Revisions:
    """The migrations of an app, and the database that they are for."""

    def __init__(self, config, needed):
        self.config, self.needed = config, needed
        self.directory = ScriptDirectory.from_config(config)
        self.scripts = list(self.directory.walk_revisions())
        names = {script.revision for script in self.scripts}
        self.known = [each for each in needed if each in names]

    def older(self, script):
        """Return the revisions that must be in the database before this one."""
        depends = (self.directory.get_revision(name) for name in several(script.dependencies))
        return [*several(script.down_revision), *(each.revision for each in depends)]

    def closure(self, revisions):
        """Return the revisions with all older ones, without those that this code does not have."""
        by_name = {script.revision: script for script in self.scripts}
        found, todo = set(), [each for each in revisions if each in by_name]
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(self.older(by_name[name]))
        return found

    def above(self, current):
        """Return the migrations in the database that the release does not need, the newest first.

        Empty if all needed revisions are of other migrations: app.migrate may call alembic for several folders of them.
        """
        if self.needed and not self.known:
            return []
        extra = self.closure(current) - self.closure(self.needed)
        return [script for script in self.scripts if script.revision in extra]

    def run(self, steps, **options):
        """Run the migrations that steps(revisions in the database) returns, by the app's env.py."""
        with EnvironmentContext(self.config, self.directory, fn=lambda found, _: steps(several(found)), **options):
            self.directory.run_env()

    def current(self):
        """Return the revisions in the database; with several databases, those in any of them."""
        found = []
        self.run(lambda revisions: found.extend(revisions) or [], dont_mutate=True)
        return sorted(set(found))

    def downgrades(self, current):
        """Return the steps of the downgrade."""
        revisions = self.directory.revision_map
        return [MigrationStep.downgrade_from_script(revisions, script) for script in self.above(current)]


def report(revisions):
    """Print what is in the database."""
    current = revisions.current()
    say("current", *current)
    say("heads", *revisions.directory.get_heads())
    say("known", *revisions.known)
    say("missing", *sorted(set(revisions.known) - revisions.closure(current)))
    say("foreign", *sorted(set(current) - {script.revision for script in revisions.scripts}))
    for script in revisions.above(current):
        say("between", script.revision, ",".join(several(script.down_revision)) or "base", script.doc or "")


def print_sql(revisions):
    """Print the SQL of the downgrade."""
    start, sql = revisions.current(), io.StringIO()
    options = {"as_sql": True, "starting_rev": tuple(start), "destination_rev": "base", "output_buffer": sql}
    revisions.run(lambda _: revisions.downgrades(start), **options)
    for line in sql.getvalue().splitlines():
        sys.stdout.write("\n@" + "alembic sql " + line)
    sys.stdout.write("\n")


class Program(CommandLine):
    """Alembic's command line, with another command after its own options."""

    def run_cmd(self, config, options):  # noqa: ARG002 - alembic's signature
        """Do what the first argument says, with alembic's configuration."""
        verb, needed = sys.argv[1:3]
        revisions = Revisions(config, [each for each in needed.split(",") if each not in ("", "base")])
        if verb == "sql":
            print_sql(revisions)
            return
        if verb == "downgrade":
            revisions.run(revisions.downgrades)
        report(revisions)


def main():
    """Run, and print an error as a result, too."""
    try:
        Program(prog="alembic").main([*sys.argv[3:], "current"])
    except Exception as error:
        say("error", str(error).strip().partition("\n")[0] or type(error).__name__)
        sys.exit(1)


if __name__ == "__main__":
    main()
