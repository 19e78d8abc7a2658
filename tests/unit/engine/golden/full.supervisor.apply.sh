LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library alembic

# … the library answer

# … the library appserver

# … the library apt

# … the library backup

# … the library clock

# … the library disk

# … the library drain

# … the library file

# … the library gate

# … the library group

# … the library gunicorn

# … the library hide

# … the library hint

# … the library history

# … the library https

# … the library hypercorn

# … the library manager

# … the library migrate

# … the library parent

# … the library payload

# … the library preflight

# … the library probe

# … the library process

# … the library programs

# … the library prune

# … the library reason

# … the library record

# … the library releases

# … the library request

# … the library service

# … the library settle

# … the library site

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library switch

# … the library systemd

# … the library user

# … the library uvicorn

# … the library workers

change_before() (
set -eu
stamp_remove logrotate.timer
if probe_has systemctl; then
service_check 'selvedge-hello-backup.timer rejects its current configuration, so nothing was changed' 'Correct that file first.' 'systemctl daemon-reload' /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-backup.timer
fi
stamp_remove selvedge-hello-backup.timer
if probe_has systemctl; then
service_check 'selvedge-hello-rehearsal.timer rejects its current configuration, so nothing was changed' 'Correct that file first.' 'systemctl daemon-reload' /etc/systemd/system/selvedge-hello-rehearsal.service /etc/systemd/system/selvedge-hello-rehearsal.timer
fi
stamp_remove selvedge-hello-rehearsal.timer
)
change_0() (
set -eu
step_fail '/etc/supervisor/supervisord.conf is missing.'
)
change_1() (
set -eu
step_fail '/srv/hello/instances/0123456789ab-2b9fca/gunicorn_start is missing.'
)
change_2() (
set -eu
file_put /srv/hello/instances/0123456789ab-2b9fca/program.conf 0640 root hello <<'EOF'
; Runs hello, release 0123456789ab-2b9fca. During a deploy, the previous release also has a section.
; Written by `fab supervisor`; edit its template supervisor/program.conf.j2 instead.
[program:hello.0123456789ab-2b9fca]
command=/srv/hello/instances/0123456789ab-2b9fca/gunicorn_start
directory=/srv/hello/releases/0123456789ab
user=hello
autostart=true
autorestart=true
startsecs=1
startretries=10
; On TERM, gunicorn lets its workers finish their requests.
stopsignal=TERM
stopwaitsecs=40
killasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/hello/0123456789ab-2b9fca.log
; logrotate checks the file every hour and rotates it at 10 MB. If it grows faster, supervisor truncates it. supervisor keeps
; no old files, because all users could read them.
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=0
EOF
)
change_3() (
set -eu
file_put /etc/logrotate.d/hello.app 0644 root root <<'EOF'
# Rotates the logs of hello's releases at 10 MB and keeps three old files.
# Written by `fab supervisor`; edit its template supervisor/logrotate.j2 instead.
/var/log/hello/[0-9a-f]*-*.log {
    size 10M
    rotate 3
    missingok
    notifempty
    compress
    # supervisor keeps the file open while the release runs. Copying also keeps the file's mode, 0640.
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
apt_install restic
)
change_7() (
set -eu
install -d -m 00710 -o root -g hello -- /srv/hello/backup
)
change_8() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/state
)
change_9() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/program
)
change_10() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/program/backup
)
change_11() (
set -eu
file_put /srv/hello/backup/program/backup/__init__.py 0600 root root <<'EOF'
# … backup/__init__.py
EOF
)
change_12() (
set -eu
file_put /srv/hello/backup/program/__main__.py 0600 root root <<'EOF'
# … __main__.py
EOF
)
change_13() (
set -eu
file_put /srv/hello/backup/program/backup/postgres.py 0600 root root <<'EOF'
# … backup/postgres.py
EOF
)
change_14() (
set -eu
file_put /srv/hello/backup/program/backup/repository.py 0600 root root <<'EOF'
# … backup/repository.py
EOF
)
change_15() (
set -eu
file_put /srv/hello/backup/program/backup/restoring.py 0600 root root <<'EOF'
# … backup/restoring.py
EOF
)
change_16() (
set -eu
file_put /srv/hello/backup/program/backup/settings.py 0600 root root <<'EOF'
# … backup/settings.py
EOF
)
change_17() (
set -eu
file_put /srv/hello/backup/program/backup/sqlite.py 0600 root root <<'EOF'
# … backup/sqlite.py
EOF
)
change_18() (
set -eu
file_put /srv/hello/backup/program/backup/taking.py 0600 root root <<'EOF'
# … backup/taking.py
EOF
)
change_19() (
set -eu
file_put /srv/hello/backup/settings.json 0600 root root <<'EOF'
{
  "app": "hello",
  "host_name": "server",
  "repository": "/var/backups/apps/hello/server",
  "kind": "local",
  "user": "",
  "host": "",
  "port": 0,
  "files": [],
  "keep": {
    "daily": 7,
    "weekly": 4,
    "monthly": 6
  },
  "before_migrate": true
}
EOF
)
change_20() (
set -eu
head -c 14 <&3 | file_put /srv/hello/backup/password 0600 root root 14
)
change_21() (
set -eu
file_put /etc/systemd/system/selvedge-hello-backup.service 0644 root root <<'EOF'
# Back up hello
# Written by `fab supervisor`; edit its template backup/backup.service.j2 instead.
[Unit]
Description=Back up hello
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -BIS /srv/hello/backup/program take scheduled
ExecStopPost=-/bin/rm -rf /srv/hello/backup/scratch
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
TimeoutStartSec=12h
UMask=0077
EOF
)
change_22() (
set -eu
file_put /etc/systemd/system/selvedge-hello-backup.timer 0644 root root <<'EOF'
# Back up hello
# Written by `fab supervisor`; edit its template backup/backup.timer.j2 instead.
[Unit]
Description=Back up hello

[Timer]
OnCalendar=hourly
Persistent=true

[Install]
WantedBy=timers.target
EOF
)
change_23() (
set -eu
service_check 'selvedge-hello-backup.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
if systemctl is-active -q selvedge-hello-backup.timer; then
service_run restart selvedge-hello-backup.timer
fi
service_run 'enable --now' selvedge-hello-backup.timer
stamp_write selvedge-hello-backup.timer c1c7d97ce80130241000f93c46b3d7a26a74c77dd72a440cf5ba0f937813c30e
)
change_24() (
set -eu
file_put /etc/systemd/system/selvedge-hello-rehearsal.service 0644 root root <<'EOF'
# Restore the newest backup of hello for a test
# Written by `fab supervisor`; edit its template backup/backup.service.j2 instead.
[Unit]
Description=Restore the newest backup of hello for a test
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -BIS /srv/hello/backup/program rehearse
ExecStopPost=-/bin/rm -rf /srv/hello/backup/scratch
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
TimeoutStartSec=12h
UMask=0077
EOF
)
change_25() (
set -eu
file_put /etc/systemd/system/selvedge-hello-rehearsal.timer 0644 root root <<'EOF'
# Restore the newest backup of hello for a test
# Written by `fab supervisor`; edit its template backup/backup.timer.j2 instead.
[Unit]
Description=Restore the newest backup of hello for a test

[Timer]
OnCalendar=weekly
Persistent=true

[Install]
WantedBy=timers.target
EOF
)
change_26() (
set -eu
service_check 'selvedge-hello-rehearsal.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
if systemctl is-active -q selvedge-hello-rehearsal.timer; then
service_run restart selvedge-hello-rehearsal.timer
fi
service_run 'enable --now' selvedge-hello-rehearsal.timer
stamp_write selvedge-hello-rehearsal.timer 67289827fea101c3a2e2a4abdf83cdc8bae77357eb7a55985e40e9a98ca049e0
)
change_27() (
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
health='/health?full=1'
health_host=health.example.com
health_ranges='200-299 301-301'
health_timeout=5.0
health_attempts=60
health_interval=0.5
new=0123456789ab-2b9fca
why=deploy
module=hello.web:app
start_timeout=120
header=1
settle=6
settle_ms=6000
drain=10
stop_timeout=30
strategy=beside
migrate='alembic upgrade head && echo '"'"'done: $HOME'"'"''
alembic='python -c # … the program revisions.py read '"'"''"'"''
downgraded=''
migrate_timeout=600
settings=''
host=server
before_switch=./warm-up
keep=5
switch_release
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
step_changes='before 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27'
step_counted=0
step_start
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library build

# … the library disk

# … the library export

# … the library file

# … the library git

# … the library group

# … the library hide

# … the library history

# … the library hook

# … the library index

# … the library manager

# … the library mirror

# … the library package

# … the library pip

# … the library probe

# … the library project

# … the library python

# … the library releases

# … the library service

# … the library sources

# … the library step

# … the library supervisor

# … the library systemd

# … the library user

# … the library uv

# … the library venv

change_0() (
set -eu
app=hello
base=/srv/hello
new=0123456789ab-2b9fca
hook=after_switch
user=hello
folder=/srv/hello/releases/0123456789ab
run=/srv/hello/instances/0123456789ab-2b9fca/run
mark_path=/srv/hello/instances/.after_switch
mark_text=fa95d49c11eeb778
live_link=/srv/hello/live.sock
hook_switch 5 RELEASE=0123456789ab-2b9fca COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server ACTION=deploy PREVIOUS= './tell released'
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
step_changes=0
step_counted=0
step_start
