LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library alembic

# … the library answer

# … the library answering

# … the library appserver

# … the library apt

# … the library backup

# … the library build

# … the library changeover

# … the library clock

# … the library copy

# … the library disk

# … the library docker

# … the library dockerunit

# … the library drain

# … the library export

# … the library file

# … the library gate

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library hint

# … the library history

# … the library hook

# … the library https

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library maintenance

# … the library manager

# … the library migrate

# … the library mirror

# … the library nginx

# … the library orphan

# … the library output

# … the library package

# … the library parent

# … the library payload

# … the library pip

# … the library preflight

# … the library probe

# … the library process

# … the library processes

# … the library programs

# … the library project

# … the library prune

# … the library python

# … the library reason

# … the library record

# … the library releases

# … the library request

# … the library restoring

# … the library rpc

# … the library service

# … the library settle

# … the library site

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library supervisorunit

# … the library survey

# … the library switch

# … the library systemd

# … the library systemdunit

# … the library timers

# … the library unit

# … the library user

# … the library uv

# … the library uvicorn

# … the library venv

# … the library workers

change_before() (
set -eu
stamp_remove logrotate.timer
stamp_remove docker-order-hello
stamp_remove selvedge-stop.hello.service
stamp_remove selvedge-timer-hello.cleanup.timer
)
change_0() (
set -eu
step_fail '/usr/bin/docker is missing.'
)
change_1() (
set -eu
step_fail '/srv/hello/instances/0123456789ab-ba359f/gunicorn_start is missing.'
)
change_2() (
set -eu
file_put /srv/hello/instances/0123456789ab-ba359f/container 0750 root hello <<'EOF'
#!/bin/sh
# Runs a command in a container of this release of hello, as root on the server: container NAME OPTION… -- COMMAND…
# The options are those of `docker run`. Written by `fab supervisor`; edit its template docker/container.j2 instead.
set -eu
image=hello:0123456789ab.77cebf
name=$1
shift

# In place of the image's own entrypoint: Selvedge starts the app server itself, on the release's socket. The shell is that of the
# server's busybox, because an image may have none.
split=
for word; do
  shift
  if [ "$word" = -- ] && [ -z "$split" ]; then
    split=1
    set -- "$@" --entrypoint /.selvedge/sh "$image" -c 'PATH=$PATH:/.selvedge && exec "$@"' sh
  else
    set -- "$@" "$word"
  fi
done

# app.memory_max = "40%"
memory=$(awk '/^MemTotal:/ { print int($2 * 40 / 100) }' /proc/meminfo)k

# The environment is not among these options, so `docker inspect` does not show it: /srv/hello/instances/0123456789ab-ba359f/run reads it.
# No port is published, because Docker would open it past the firewall. nginx uses the socket.
exec docker run --name "$name" \
  --pull never \
  --label selvedge.app=hello \
  --network selvedge-hello \
  --add-host host.docker.internal:host-gateway \
  --user "$(id -u hello):$(id -g hello)" \
  --read-only \
  --tmpfs /tmp:rw,nosuid,nodev,exec,mode=1777 \
  --cap-drop ALL \
  --security-opt no-new-privileges \
  --memory "$memory" \
  --memory-swap "$memory" \
  --pids-limit 512 \
  --stop-signal TERM \
  --stop-timeout 40 \
  --mount type=bind,src=/srv/hello/instances/0123456789ab-ba359f,dst=/srv/hello/instances/0123456789ab-ba359f,readonly \
  --mount type=bind,src=/srv/hello/shared,dst=/srv/hello/shared \
  --mount type=bind,src=/run/hello,dst=/run/hello \
  --mount type=bind,src=/var/lib/uploads,dst=/var/lib/uploads \
  --mount type=bind,src=/run/postgresql,dst=/run/postgresql,readonly \
  --mount type=bind,src=/run/selvedge-redis,dst=/run/selvedge-redis,readonly \
  --mount type=bind,src=/bin/busybox,dst=/.selvedge/sh,readonly \
  --mount type=bind,src=/bin/busybox,dst=/.selvedge/env,readonly \
  --mount type=bind,src=/bin/busybox,dst=/.selvedge/nproc,readonly \
  --mount type=bind,src=/bin/busybox,dst=/.selvedge/timeout,readonly \
  "$@"
EOF
)
change_3() (
set -eu
file_put /etc/logrotate.d/hello.app 0644 root root <<'EOF'
# Rotates the logs of hello's releases and timers at 10 MB and keeps three old files.
# Written by `fab supervisor`; edit its template supervisor/logrotate.j2 instead.
/var/log/hello/[0-9a-f]*-*.log /var/log/hello/timer-*.log {
    size 10M
    rotate 3
    missingok
    notifempty
    compress
    # The process manager keeps the file open while the release runs, and systemd that of a timer. Copying also keeps the file's mode, 0640.
    copytruncate
}
EOF
)
change_4() (
set -eu
file_put /etc/systemd/system/logrotate.timer.d/selvedge.conf 0644 root root <<'EOF'
# Runs logrotate every hour instead of every day, because a log may grow fast.
# Written by `fab supervisor`; edit its template supervisor/logrotate.timer.j2 instead.
[Timer]
OnCalendar=
OnCalendar=hourly
AccuracySec=5min
EOF
)
change_5() (
set -eu
if systemctl is-active -q logrotate.timer; then
systemctl daemon-reload
service_run restart logrotate.timer
fi
service_run 'enable --now' logrotate.timer
stamp_write logrotate.timer 32ada9bb664033f74ff401769fb74384bc2f453ab4a5acb590d6a00cd6ebb30c
)
change_6() (
set -eu
file_put /etc/systemd/system/docker.service.d/50-selvedge-hello.conf 0644 root root <<'EOF'
# docker, and with it hello, starts after the services of hello, and stops before them.
# Written by `fab supervisor`; edit its template supervisor/after.conf.j2 instead.
[Unit]
After=postgresql.service selvedge-redis@hello.service
EOF
)
change_7() (
set -eu
if systemctl is-active -q docker.service; then
systemctl daemon-reload
fi
service_run 'enable --now' docker.service
stamp_write docker-order-hello 625309afe2891e7283a9d66bbfcafd4662b8da70908480511073a2e0d224d9a0
)
change_8() (
set -eu
file_put /etc/systemd/system/selvedge-stop.hello.service 0644 root root <<'EOF'
# At a shutdown, the containers of hello stop before Docker and the services of hello, each within its own time. Docker
# leaves them running when it stops, so that its upgrades do not end them, and systemd would end them last, and at once.
# Written by `fab supervisor`; edit its template docker/stop.service.j2 instead.
[Unit]
Description=hello: its containers stop before Docker and its services
After=docker.service postgresql.service selvedge-redis@hello.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'docker ps -q --filter label=selvedge.app=hello | xargs -r docker stop'
# The longest of their times (--stop-timeout).
TimeoutStopSec=330

[Install]
WantedBy=docker.service
EOF
)
change_9() (
set -eu
if systemctl is-active -q selvedge-stop.hello.service; then
systemctl daemon-reload
fi
service_run 'enable --now' selvedge-stop.hello.service
stamp_write selvedge-stop.hello.service e09ea2dd3b8bf96787cabec802b85996af1605b9663e14987ed43dc2b07ae966
)
change_10() (
set -eu
app=hello
base=/srv/hello
run_dir=/run/hello
log_dir=/var/log/hello
live_socket=/srv/hello/live.sock
previous_socket=/srv/hello/previous.sock
repo=/srv/hello/repo.git
site_enabled=/etc/nginx/sites-enabled/hello
site_cache=/var/lib/nginx/cache-hello
site_login=/etc/selvedge/hello/site-login
site_host=hello.example.com
site_follow=https
supervisor_conf=/etc/supervisor/conf.d/hello.conf
health=/
health_host=hello.example.com
health_ranges=200-399
health_timeout=5.0
health_attempts=60
health_interval=0.5
new=0123456789ab-ba359f
why=deploy
module=main:app
start_timeout=120
header=1
settle=6
settle_ms=6000
drain=10
stop_timeout=30
strategy=beside
migrate='alembic upgrade head'
alembic='python3 -c # … the program revisions.py read '"'"''"'"''
downgraded=''
migrate_timeout=600
wait_for=30
settings=''
host=server
before_switch=./warm-up
processes=worker=2
keep=5
switch_release
)
change_11() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/timers
)
change_12() (
set -eu
file_put /srv/hello/timers/record 0640 root root <<'EOF'
#!/bin/sh
# Records a run of a timer of hello, as root: `record begin NAME` notes the live release and the time, `record end NAME` how
# the run ended. A release in such a record is not deleted while the run goes on.
# Written by `fab supervisor`; edit its template systemd/timer_record.j2 instead.
set -eu
umask 077
name=$2
folder=/var/lib/selvedge/timers
record=$folder/hello.$name
log=/var/log/hello/timer-$name.log

# write: replace the record by standard input.
write() {
  cat >"$folder/.hello.$name.new"
  mv -f -- "$folder/.hello.$name.new" "$record"
}

live() {
  socket=$(readlink /srv/hello/live.sock) || return 0
  socket=${socket##*/}
  echo "${socket%.sock}"
}

say() { echo "[$(date '+%Y-%m-%d %H:%M:%S %z')] [$1] $2"; }

begin() {
  mkdir -p "$folder"
  # systemd has just opened it.
  chgrp adm "$log"
  chmod 0640 "$log"
  release=
  # The release in the record is kept. If another one has become live meanwhile, that one runs it.
  while [ "$release" != "$(live)" ]; do
    release=$(live)
    printf 'TIMER_RELEASE=%s\nTIMER_BEGAN=%s\n' "$release" "$(date +%s)" | write
  done
  if [ -z "$release" ]; then
    say ERROR "$name: no release is live"
    exit 1
  fi
  say INFO "$name began in the release $release"
}

# end: systemd sets these variables (systemd.exec(5)).
end() {
  began=$(sed -n 's/^TIMER_BEGAN=//p' "$record" 2>/dev/null) || began=
  now=$(date +%s)
  : "${began:=$now}"
  {
    grep -e '^TIMER_RELEASE=' -e '^TIMER_BEGAN=' "$record" 2>/dev/null || :
    printf 'TIMER_ENDED=%s\nTIMER_RESULT=%s\nTIMER_CODE=%s\nTIMER_STATUS=%s\n' "$now" "${SERVICE_RESULT:--}" "${EXIT_CODE:--}" "${EXIT_STATUS:--}"
  } | write
  # The command's last line may have no end.
  if [ -n "$(tail -c 1 "$log")" ]; then echo; fi
  if [ "${SERVICE_RESULT:-}" = success ]; then
    say INFO "$name ended after $((now - began)) s"
  else
    say ERROR "$name failed after $((now - began)) s: ${SERVICE_RESULT:-no result}${EXIT_STATUS:+ ($EXIT_STATUS)}"
  fi
  # The timer was removed while this run was going.
  unit=/etc/systemd/system/selvedge-timer-hello.$name
  [ -e "$unit.timer" ] || rm -f -- "$unit.service" /srv/hello/timers/"$name.sh" "$record"
}

"$1"
EOF
)
change_13() (
set -eu
file_put /srv/hello/timers/cleanup.sh 0750 root hello <<'EOF'
#!/bin/sh
# The command of the timer cleanup of hello: [timers.cleanup] in hosts.toml. It runs in the release that is live when
# the run begins: its folder, environment, and virtual environment or image.
# Written by `fab supervisor`; edit its template systemd/timer_command.j2 instead.
set -eu
folder=/srv/hello/instances/$TIMER_RELEASE
name=hello.timer-cleanup
command='python -m hello.cleanup '"'"'a b'"'"' && echo $HOME'
unset TIMER_RELEASE TIMER_BEGAN
if [ ! -x "$folder/run" ]; then
  echo "The release ${folder##*/} is missing."
  exit 1
fi

# systemd runs this script twice: as root with `container`, and as the user hello. One of them has nothing to do. A rollback
# can make a release live that has another process manager than hosts.toml.
if [ -e "$folder/container" ]; then
  [ "${1:-}" = container ] || exit 0
  docker rm -f "$name" >/dev/null 2>&1 || :
  # At TERM, all processes of the command get it, as without a container. Then this script ends by the signal, too.
  trap 'docker stop -t 30 "$name" >/dev/null 2>&1; trap - TERM; kill -TERM $$' TERM
  "$folder/container" "$name" --rm --init --env TINI_KILL_PROCESS_GROUP=1 --log-driver none -- "$folder/run" sh -c "$command" &
  wait $!
  exit
fi
[ $# -eq 0 ] || exit 0
exec "$folder/run" sh -c "$command"
EOF
)
change_14() (
set -eu
file_put /etc/systemd/system/selvedge-timer-hello.cleanup.service 0644 root root <<'EOF'
# A run of the timer cleanup of hello: [timers.cleanup] in hosts.toml. systemd never starts a second one meanwhile.
# Written by `fab supervisor`; edit its template systemd/timer.service.j2 instead.
# The script has the command, because systemd would expand `%` and `$` here.
[Unit]
Description=hello, timer cleanup
After=network.target postgresql.service selvedge-redis@hello.service
# As often as the schedule says. By default, systemd refuses the sixth start in ten seconds.
StartLimitIntervalSec=0

[Service]
Type=oneshot
# Root notes which release is live now. The file tells the script, so that a release in the middle of the run does not move it.
ExecStartPre=+/bin/sh /srv/hello/timers/record begin cleanup
EnvironmentFile=-/var/lib/selvedge/timers/hello.cleanup
# Only root can start a container. This does nothing if the live release does not run in one.
ExecStart=+/srv/hello/timers/cleanup.sh container
ExecStart=/srv/hello/timers/cleanup.sh
ExecStopPost=+/bin/sh /srv/hello/timers/record end cleanup
User=hello
Group=hello
# systemd opens the log as root, because only root may write to its folder.
StandardOutput=append:/var/log/hello/timer-cleanup.log
StandardError=inherit

# systemd sends TERM to all processes of a run that takes longer, and later KILL.
TimeoutStartSec=600
TimeoutStopSec=40
LimitNOFILE=524288
MemoryMax=40%
TasksMax=512

# Like the app's own processes under supervisor, if the live release is not in a container. /tmp is the run's own, and is deleted after it.
PrivateTmp=yes
NoNewPrivileges=yes
UMask=0007
EOF
)
change_15() (
set -eu
file_put /etc/systemd/system/selvedge-timer-hello.cleanup.timer 0644 root root <<'EOF'
# When the timer cleanup of hello runs: [timers.cleanup] in hosts.toml.
# Written by `fab supervisor`; edit its template systemd/timer.timer.j2 instead.
[Unit]
Description=hello, schedule of the timer cleanup

[Timer]
OnCalendar=daily
# To the second, as cron does. systemd may otherwise wait up to a minute, to start several timers together.
AccuracySec=1s
# Whether a run that was due while the server was off is made up for after the boot.
Persistent=yes

[Install]
WantedBy=timers.target
EOF
)
change_16() (
set -eu
if systemctl is-active -q selvedge-timer-hello.cleanup.timer; then
app=hello
timers_reload cleanup
fi
service_run 'enable --now' selvedge-timer-hello.cleanup.timer
stamp_write selvedge-timer-hello.cleanup.timer f1a5762409158035290b608cd0d0c2c906d7b354237efc88d8811d7217ca2e18
)
change_17() (
set -eu
app=hello
base=/srv/hello
new=0123456789ab-ba359f
hook=after_switch
user=hello
folder=/srv/hello/releases/0123456789ab
run=/srv/hello/instances/0123456789ab-ba359f/run
mark_path=/srv/hello/instances/.after_switch
mark_text=837e0ae787553a3f
live_link=/srv/hello/live.sock
hook_switch 5 RELEASE=0123456789ab-ba359f COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server ACTION=deploy PREVIOUS= './tell released'
)
change_arm() (
set -eu
:
)
change_failed() {
:
}
step_app=hello
step_by=''
step_why=''
step_changes='before 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17'
step_counted=0
step_start
