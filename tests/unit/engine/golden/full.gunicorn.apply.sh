LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
trap '' HUP
# … the library probe

# … the library apply

# … the library hook

# … the library site

# change 0: needs /srv/hello/releases/0123456789ab/.venv/bin/python, which `fab venv` makes
change_0() (
set -eu
fail '/srv/hello/releases/0123456789ab/.venv/bin/python is not there yet: run `fab venv` first, or `fab deploy`, which runs all steps'
)
# change 1: create /etc/tmpfiles.d/hello.conf
change_1() (
set -eu
put /etc/tmpfiles.d/hello.conf 0644 root root <<'EOF'
d /run/hello 2750 hello www-data -
EOF
)
# change 2: create /run/hello/
change_2() (
set -eu
install -d -m 02750 -o hello -g www-data -- /run/hello
)
# change 3: create /var/log/hello/
change_3() (
set -eu
install -d -m 00710 -o root -g www-data -- /var/log/hello
)
# change 4: create /srv/hello/instances/
change_4() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances
)
# change 5: create /srv/hello/instances/0123456789ab-2e3d8e/
change_5() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/instances/0123456789ab-2e3d8e
)
# change 6: create /srv/hello/instances/0123456789ab-2e3d8e/env
change_6() (
set -eu
head -c 32 <&3 | put /srv/hello/instances/0123456789ab-2e3d8e/env 0640 root hello 32
)
# change 7: create /srv/hello/instances/0123456789ab-2e3d8e/run
change_7() (
set -eu
put /srv/hello/instances/0123456789ab-2e3d8e/run 0750 root hello <<'EOF'
#!/bin/sh
# Runs a command as this release of hello runs: in its folder, with its environment, in its virtual environment.
#   /srv/hello/instances/0123456789ab-2e3d8e/run python -c 'import sys; print(sys.prefix)'
# Written by `fab gunicorn`.
set -eu
cd /srv/hello/releases/0123456789ab/backend
set -a
. /srv/hello/instances/0123456789ab-2e3d8e/env
# Where the app may write; all else is read-only for it.
APP_SHARED=/srv/hello/shared
HOME=/srv/hello/shared
RELEASE=0123456789ab-2e3d8e
COMMIT=0123456789abcdef0123456789abcdef01234567
VIRTUAL_ENV=/srv/hello/releases/0123456789ab/.venv
PATH=/srv/hello/releases/0123456789ab/.venv/bin:/usr/local/bin:/usr/bin:/bin
PYTHONPATH=/srv/hello/releases/0123456789ab/backend:/srv/hello/releases/0123456789ab/backend/src:/srv/hello/instances/0123456789ab-2e3d8e
# Output reaches the log at once; nothing is written beside the code.
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
# Temporary files are in a folder of this user and this release, not in the /tmp that every user of the server writes.
TMPDIR=/srv/hello/shared/.tmp/0123456789ab-2e3d8e
set +a
umask 0077
mkdir -p "$TMPDIR" 2>/dev/null || TMPDIR=/tmp
umask 0007
exec "$@"
EOF
)
# change 8: create /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py
change_8() (
set -eu
put /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py 0640 root hello <<'EOF'
"""gunicorn's worker for hello: every answer names its release in the header X-Release.

gunicorn loads this module itself, before it listens and before there is a worker. Written by `fab gunicorn`.
"""

import contextlib
import gc
import importlib
import os
import time

# What gunicorn has loaded its workers need not load: each starts sooner, and they share the memory. Libraries only: the
# app's own modules may open connections, which no two processes can share. While they load, and later in what they leave, there
# is no garbage to look for (https://docs.python.org/3/library/gc.html#gc.freeze).
gc.disable()
for library in ("uvicorn_worker", "fastapi"):
    with contextlib.suppress(Exception):
        importlib.import_module(library)
gc.freeze()
gc.enable()

# A release waits here until the app's settings are known to be complete.
while os.path.exists("/srv/hello/instances/0123456789ab-2e3d8e/held"):
    time.sleep(0.01)

from uvicorn_worker import UvicornWorker as _Worker  # noqa: E402


class Worker(_Worker):
    CONFIG_KWARGS = {
        **getattr(_Worker, "CONFIG_KWARGS", {}),
        "headers": [("x-release", os.environ["RELEASE"])],
    }

    def load_wsgi(self):
        """The app itself, likewise without a look for garbage."""
        gc.disable()
        super().load_wsgi()
        gc.freeze()
        gc.enable()
EOF
)
# change 9: create /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start
change_9() (
set -eu
put /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start 0750 root hello <<'EOF'
#!/bin/sh
# Starts hello: gunicorn keeps the worker processes alive, uvicorn in each of them speaks ASGI.
# Written by `fab gunicorn`; supervisor runs it as the user hello.
set -eu

NAME=hello
DIR=/srv/hello/releases/0123456789ab/backend
VENV=/srv/hello/releases/0123456789ab/.venv
# One more worker than there are CPU cores keeps every core busy while one worker waits.
WORKERS=3
# A new release begins with one; when that one is healthy, gunicorn is told to start the others.
if [ -e /srv/hello/instances/0123456789ab-2e3d8e/one ]; then WORKERS=1; fi
# /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py: uvicorn_worker.UvicornWorker, and what gunicorn loads for all of them.
WORKER_CLASS=selvedge_worker.Worker
# Each release has a socket of its own; nginx follows the link /srv/hello/live.sock to the live one.
BIND=unix:/run/hello/0123456789ab-2e3d8e.sock
LOG_LEVEL=debug

# gunicorn 24 and later would open a control socket in the home directory, which this app does not need.
CONTROL=
for module in "$VENV"/lib/python*/site-packages/gunicorn/ctl; do
  if [ -e "$module" ]; then CONTROL=--no-control-socket; fi
done

# What this release's last start and releases that are gone have left of temporary files.
for old in /srv/hello/shared/.tmp/*; do
  name=${old##*/}
  if [ "$name" = 0123456789ab-2e3d8e ] || [ ! -e "/srv/hello/instances/$name" ]; then rm -rf -- "$old" || :; fi
done

# --umask is the socket's: its folder lets in this user and nginx alone, so that the socket itself may be open.
# The client's address and scheme come from nginx, the only one that can reach the socket: hence '*'.
# Heartbeats go to memory; a slow disk must not look like a dead worker.
exec setpriv --no-new-privs /srv/hello/instances/0123456789ab-2e3d8e/run "$VENV/bin/python" -m gunicorn hello.web:app \
  --name "$NAME" \
  --chdir "$DIR" \
  --workers "$WORKERS" \
  --worker-class "$WORKER_CLASS" \
  --bind "$BIND" \
  --umask 0 \
  --timeout 45 \
  --graceful-timeout 30 \
  --forwarded-allow-ips '*' \
  --worker-tmp-dir /dev/shm \
  --log-level "$LOG_LEVEL" \
  --log-file - \
  $CONTROL
EOF
)
# change 10: run the hook after_build
change_10() (
set -eu
hook=after_build
user=hello
release=/srv/hello/releases/0123456789ab
folder=/srv/hello/releases/0123456789ab/backend
run=/srv/hello/instances/0123456789ab-2e3d8e/run
builds=1
mark_path=/srv/hello/instances/0123456789ab-2e3d8e/hook.after_build
hook_begin RELEASE=0123456789ab-2e3d8e COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server PREVIOUS=
hook_command RELEASE=0123456789ab-2e3d8e COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server PREVIOUS= 'python manage.py check && echo '"'"'it'"'"''"'"'s built'"'"''
hook_end
)
# change 11: let nginx read backend/static
change_11() (
set -eu
site_readable /srv/hello/releases/0123456789ab backend/static
)
run() {
  printf '%s begin %s\n' "$mark" "$1"
  "change_$1" 9>&-
  status=$?
  if [ "$status" -eq 0 ]; then printf '%s done %s\n' "$mark" "$1"; return 0; fi
  printf '%s failed %s %s\n' "$mark" "$1" "$status"
  restore
}
main() {
  exec 9>/run/selvedge/hello.step
  if ! flock -n 9; then
    say "waiting for the rest of a run that was cut off"
    flock -w 300 9 || fail "a step of a run that was cut off is still busy after 5 minutes; see /var/log/selvedge/hello.log"
  fi
  # Of a run that was killed: copies of what it changed, secrets among them.
  for left in /run/selvedge/hello.undo.*; do
    if [ -d "$left" ] && [ ! -e "$left/stuck" ]; then rm -rf -- "$left"; fi
  done
  undo=$(mktemp -d /run/selvedge/hello.undo.XXXXXX) || fail "cannot write to /run/selvedge"
  :
  all
  status=$?
  if [ "$status" -ne 0 ]; then
    :
  fi
  [ -e "$undo/stuck" ] || rm -rf -- "$undo"
  :
  # When the step ended, for a run that has read the server before that.
  : >/run/selvedge/hello.step
  return "$status"
}
all() {
  run 0
  [ "$status" -eq 0 ] || return 1
  run 1
  [ "$status" -eq 0 ] || return 1
  run 2
  [ "$status" -eq 0 ] || return 1
  run 3
  [ "$status" -eq 0 ] || return 1
  run 4
  [ "$status" -eq 0 ] || return 1
  run 5
  [ "$status" -eq 0 ] || return 1
  run 6
  [ "$status" -eq 0 ] || return 1
  run 7
  [ "$status" -eq 0 ] || return 1
  run 8
  [ "$status" -eq 0 ] || return 1
  run 9
  [ "$status" -eq 0 ] || return 1
  run 10
  [ "$status" -eq 0 ] || return 1
  run 11
  [ "$status" -eq 0 ] || return 1
}
logged() {
  [ -d /run/selvedge ] && [ -d /var/log/selvedge ] || (umask 077 && mkdir -p /run/selvedge /var/log/selvedge)
  { main; printf '%s end %s\n' "$mark" "$?"; } 3<&0 </dev/null 2>&1 | ( umask 077; tee -p -a /var/log/selvedge/hello.log )
}
logged
