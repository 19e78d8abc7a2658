"""Which backup a restore takes, and why that may be another one than the user means."""

import time

from .repository import moment
from .settings import Failed, size

REASONS = {"manual": "by fab backup", "scheduled": "by schedule", "migration": "before a migration", "restore": "before a restore"}
SMALLER, COMPARED = 4, 7
"""The newest backup may have lost data if one of so many before it is larger by this factor."""


def tags(backup):
    """Return the tags of a backup: why, bytes and machine."""
    return dict(tag.partition(":")[::2] for tag in backup.get("tags") or [])


def fields(backup):
    """Return what `fab backups` shows of a backup."""
    found = tags(backup)
    number = found.get("bytes", "")
    bytes_ = int(number) if number.isdecimal() else None
    return {"id": backup["id"], "time": backup["time"], "why": found.get("why", ""), "bytes": bytes_}


def described(backup):
    """Return a backup for people: its id, when and why it was taken, and its size."""
    about = fields(backup)
    parts = [when(about["time"]), REASONS.get(about["why"], about["why"])]
    parts += [size(about["bytes"])] if about["bytes"] is not None else []
    return f"{about['id'][:8]} ({', '.join(parts)})"


def when(text):
    """Return a time of restic's in UTC, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment(text)[0]))


def choose(repository, wanted):
    """Return the backup whose id begins with `wanted`, the newest one if that is "", and why it may be the wrong one.

    Raises Failed.
    """
    known = repository.snapshots() if repository.exists() else []
    # The state that a restore has replaced is kept, but it is not what anyone means by the newest backup.
    usual = [each for each in known if tags(each)["why"] != "restore"]
    found = [each for each in known if each["id"].startswith(wanted)] if wanted else usual[-1:]
    if not found:
        raise Failed(
            f"There is no backup {wanted}." if wanted else f"{repository.to} has no backup yet.",
            "`fab backups` lists all." if known else "Run `fab backup` first.",
        )
    if len(found) > 1:
        raise Failed(f"{len(found)} backups begin with {wanted}.", "Give more of its id: `fab backups --json` lists them.")
    return found[0], "" if wanted else doubt(known, usual)


def doubt(known, usual):
    """Return why the newest backup may lack data that an earlier one has, "" for no reason. usual: those not before a restore."""
    newest, earlier = usual[-1], usual[:-1]
    machine = tags(newest).get("machine")
    others = [each for each in earlier if machine and tags(each).get("machine", machine) != machine]
    if others and not any(tags(each)["why"] == "restore" and tags(each).get("machine") == machine for each in known):
        lost = f"another installation of the server took {described(others[-1])}, which was not restored since"
        return f"The newest backup is {described(newest)}, but {lost}"
    number = fields(newest)["bytes"]
    larger = [each for each in earlier[-COMPARED:] if number is not None and (fields(each)["bytes"] or 0) > SMALLER * number]
    if larger:
        return f"The newest backup is {described(newest)}, far smaller than an earlier one, {described(larger[-1])}"
    return ""


def require_certain(chosen, reason):
    """Raise Failed if there is a reason not to put the newest backup in place without a question."""
    if reason:
        newest = f"for the newest one, `--snapshot {chosen['id'][:8]}`"
        raise Failed(f"{reason}. So nothing was restored.", f"Name the backup that you want: {newest}. `fab backups` lists all.")


def require_continued(repository, machine):
    """Raise Failed if the newest backup is that of another installation of the server, whose data is not on this one.

    machine: this installation. After the loss of a server, a new one has no data yet: its backups must not become the newest.
    """
    known = repository.snapshots() if repository.exists() else []
    other = tags(known[-1]).get("machine", "") if known and machine else ""
    if other not in ("", machine):
        newest = described(known[-1])
        problem = f"The newest backup {newest} is of another installation of the server, so no backup was taken."
        remedy = "Run `fab restore --live`, which puts it in place. If the data on this server is right, run `fab backup`."
        raise Failed(problem, remedy)
