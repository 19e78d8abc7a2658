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
stamp_remove supervisor-order-hello
stamp_remove selvedge-stop.hello.service
if probe_has systemctl; then
service_check 'selvedge-notify-check.timer rejects its current configuration, so nothing was changed' 'Correct that file first.' 'systemctl daemon-reload' /etc/systemd/system/selvedge-notify@.service /etc/systemd/system/selvedge-notify-check.service /etc/systemd/system/selvedge-notify-check.timer /etc/systemd/system/certbot.service.d/selvedge-notify.conf /etc/systemd/system/snap.certbot.renew.service.d/selvedge-notify.conf /etc/systemd/system/selvedge-certbot.service.d/selvedge-notify.conf
fi
stamp_remove selvedge-notify-check.timer
if probe_has systemctl; then
service_check 'selvedge-hello-backup.timer rejects its current configuration, so nothing was changed' 'Correct that file first.' 'systemctl daemon-reload' /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-backup.timer
fi
stamp_remove selvedge-hello-backup.timer
if probe_has systemctl; then
service_check 'selvedge-hello-rehearsal.timer rejects its current configuration, so nothing was changed' 'Correct that file first.' 'systemctl daemon-reload' /etc/systemd/system/selvedge-hello-rehearsal.service /etc/systemd/system/selvedge-hello-rehearsal.timer
fi
stamp_remove selvedge-hello-rehearsal.timer
stamp_remove selvedge-timer-hello.cleanup.timer
)
change_0() (
set -eu
step_fail '/etc/supervisor/supervisord.conf is missing.'
)
change_1() (
set -eu
step_fail '/srv/hello/instances/0123456789ab-fae144/gunicorn_start is missing.'
)
change_2() (
set -eu
file_put /srv/hello/instances/0123456789ab-fae144/program.conf 0640 root hello <<'EOF'
; Runs hello, release 0123456789ab-fae144. During a deploy, the previous release also has a section.
; Written by `fab supervisor`; edit its template supervisor/program.conf.j2 instead.
[program:hello.0123456789ab-fae144]
command=/srv/hello/instances/0123456789ab-fae144/gunicorn_start
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
stdout_logfile=/var/log/hello/0123456789ab-fae144.log
; logrotate checks the file every hour and rotates it at 10 MB. If it grows faster, supervisor truncates it. supervisor keeps
; no old files, because all users could read them.
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=0
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
file_put /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf 0644 root root <<'EOF'
# supervisor, and with it hello, starts after the services of hello, and stops before them.
# Written by `fab supervisor`; edit its template supervisor/after.conf.j2 instead.
[Unit]
After=postgresql.service selvedge-redis@hello.service
EOF
)
change_7() (
set -eu
if systemctl is-active -q supervisor.service; then
systemctl daemon-reload
fi
service_run 'enable --now' supervisor.service
stamp_write supervisor-order-hello b94341ee68192b52b492b858e6c0cbdc4cbce97b5b72f8d628c3f4f276a6de59
)
change_8() (
set -eu
file_put /srv/hello/stop_processes.py 0600 root root <<'EOF'
"""Have all processes of hello stop at the same time, and wait until they have ended. Their web process keeps running.

Written by `fab supervisor`; edit its template supervisor/stop_processes.py.j2 instead.
"""

import sys
import time
import xmlrpc.client

from supervisor.xmlrpc import SupervisorTransport

RUNS = ("RUNNING", "STARTING", "BACKOFF")
server = xmlrpc.client.ServerProxy("http://127.0.0.1", SupervisorTransport("", "", "unix:///run/supervisor.sock")).supervisor


def stop():
    """Have those that run stop. Return the names of those that have not ended. If supervisor starts one again, the next call stops it."""
    states = {f"{each['group']}:{each['name']}": each["statename"] for each in server.getAllProcessInfo()}
    states = {name: state for name, state in states.items() if name.startswith("hello.") and "@" in name}
    for name in [name for name, state in states.items() if state in RUNS]:
        try:
            server.stopProcess(name, 0)
        except xmlrpc.client.Fault:
            # It has ended just now.
            pass
    return [name for name, state in states.items() if state in (*RUNS, "STOPPING")]


try:
    while stop():
        time.sleep(0.2)
except OSError:
    # supervisor does not run.
    sys.exit()
EOF
)
change_9() (
set -eu
file_put /etc/systemd/system/selvedge-stop.hello.service 0644 root root <<'EOF'
# Before supervisor stops, for example at a reboot, the processes of hello finish their work, all at the same time. supervisor
# would stop one after the other, and systemd would kill it after 90 seconds.
# Written by `fab supervisor`; edit its template supervisor/stop.service.j2 instead.
[Unit]
Description=hello: its processes finish their work before supervisor stops
After=supervisor.service
PartOf=supervisor.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/bin/python3 -I /srv/hello/stop_processes.py
# The longest stop_timeout. supervisor kills what takes longer than its own.
TimeoutStopSec=330

[Install]
WantedBy=supervisor.service
EOF
)
change_10() (
set -eu
if systemctl is-active -q selvedge-stop.hello.service; then
systemctl daemon-reload
fi
service_run 'enable --now' selvedge-stop.hello.service
stamp_write selvedge-stop.hello.service cc3041b14aa456771520bcbc428e0a7a907f55eddd478a3e2be2d8857176415f
)
change_11() (
set -eu
step_fail '/opt/selvedge/apprise/bin/python is missing.'
)
change_12() (
set -eu
install -d -m 00755 -o root -g root -- /usr/local/lib/selvedge/messages
)
change_13() (
set -eu
install -d -m 00755 -o root -g root -- /usr/local/lib/selvedge/messages/messages
)
change_14() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/__init__.py 0644 root root <<'EOF'
# … messages/__init__.py
EOF
)
change_15() (
set -eu
file_put /usr/local/lib/selvedge/messages/__main__.py 0644 root root <<'EOF'
# … __main__.py
EOF
)
change_16() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/checks.py 0644 root root <<'EOF'
# … messages/checks.py
EOF
)
change_17() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/ended.py 0644 root root <<'EOF'
# … messages/ended.py
EOF
)
change_18() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/escapes.py 0644 root root <<'EOF'
# … messages/escapes.py
EOF
)
change_19() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/notify.py 0644 root root <<'EOF'
# … messages/notify.py
EOF
)
change_20() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/outcome.py 0644 root root <<'EOF'
# … messages/outcome.py
EOF
)
change_21() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/sending.py 0644 root root <<'EOF'
# … messages/sending.py
EOF
)
change_22() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/settings.py 0644 root root <<'EOF'
# … messages/settings.py
EOF
)
change_23() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/text.py 0644 root root <<'EOF'
# … messages/text.py
EOF
)
change_24() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/told.py 0644 root root <<'EOF'
# … messages/told.py
EOF
)
change_25() (
set -eu
file_put /usr/local/lib/selvedge/messages/messages/trial.py 0644 root root <<'EOF'
# … messages/trial.py
EOF
)
change_26() (
set -eu
file_put /usr/local/lib/selvedge/notify 0700 root root <<'EOF'
#!/bin/sh
# Sends a message to the addresses of SELVEDGE_NOTIFY__URLS: `notify failure TITLE` or `notify success TITLE`, with the text on
# standard input. It returns at once; systemd sends the message (selvedge-notify@.service). `notify --help` shows its options.
# Written by `fab supervisor`; edit its template notify/notify.j2 instead.
exec /usr/bin/python3 -BIS /usr/local/lib/selvedge/messages notify "$@"
EOF
)
change_27() (
set -eu
file_put /etc/selvedge/hello/notify.json 0600 root root <<'EOF'
{
  "app": "hello",
  "host": "server",
  "only_failures": false
}
EOF
)
change_28() (
set -eu
head -c 39 <&3 | file_put /etc/selvedge/hello/notify-urls 0600 root root 39
)
change_29() (
set -eu
file_put /etc/systemd/system/selvedge-notify@.service 0644 root root <<'EOF'
# Sends one message by apprise. /usr/local/lib/selvedge/messages starts it with the name of a file in /run/selvedge/messages.
# Written by `fab supervisor`; edit its template notify/send.service.j2 instead.
[Unit]
Description=Send a message (SELVEDGE_NOTIFY__URLS)
After=network-online.target
# systemd forgets a message that could not be sent; the journal keeps why.
CollectMode=inactive-or-failed

[Service]
Type=oneshot
# systemd opens it as root: only root can read the addresses. They are in no argument and no variable.
StandardInput=file:/run/selvedge/messages/%i
StandardOutput=journal
SyslogIdentifier=selvedge-notify
Environment=REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
ExecStart=/opt/selvedge/apprise/bin/python -BI /usr/local/lib/selvedge/messages send
ExecStopPost=+/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages done %i
TimeoutStartSec=180

# apprise is code of others, and a part of the text is the app's output. So it runs as a user that exists only meanwhile, and may
# use the network but write nothing.
DynamicUser=yes
ProtectHome=yes
InaccessiblePaths=-/srv -/var/log
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
CapabilityBoundingSet=
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
MemoryMax=256M
TasksMax=32
Nice=10
EOF
)
change_30() (
set -eu
file_put /etc/systemd/system/selvedge-notify-check.service 0644 root root <<'EOF'
# Sends a message if a certificate ends soon, or a backup is overdue.
# Written by `fab supervisor`; edit its template notify/check.service.j2 instead.
[Unit]
Description=Check certificates and backups for messages (SELVEDGE_NOTIFY__URLS)

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages check
PrivateTmp=yes
Nice=10
TimeoutStartSec=300
EOF
)
change_31() (
set -eu
file_put /etc/systemd/system/selvedge-notify-check.timer 0644 root root <<'EOF'
# Starts the check twice a day.
# Written by `fab supervisor`; edit its template notify/check.timer.j2 instead.
[Unit]
Description=Check certificates and backups for messages, twice a day

[Timer]
OnCalendar=*-*-* 08,20:00:00
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=timers.target
EOF
)
change_32() (
set -eu
file_put /etc/systemd/system/certbot.service.d/selvedge-notify.conf 0644 root root <<'EOF'
# Sends a message if certbot could not renew a certificate.
# Written by `fab supervisor`; edit its template notify/certbot.conf.j2 instead.
[Service]
ExecStopPost=-+/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended certbot
EOF
)
change_33() (
set -eu
file_put /etc/systemd/system/snap.certbot.renew.service.d/selvedge-notify.conf 0644 root root <<'EOF'
# Sends a message if certbot could not renew a certificate.
# Written by `fab supervisor`; edit its template notify/certbot.conf.j2 instead.
[Service]
ExecStopPost=-+/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended certbot
EOF
)
change_34() (
set -eu
file_put /etc/systemd/system/selvedge-certbot.service.d/selvedge-notify.conf 0644 root root <<'EOF'
# Sends a message if certbot could not renew a certificate.
# Written by `fab supervisor`; edit its template notify/certbot.conf.j2 instead.
[Service]
ExecStopPost=-+/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended certbot
EOF
)
change_35() (
set -eu
service_check 'selvedge-notify-check.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
if systemctl is-active -q selvedge-notify-check.timer; then
service_run restart selvedge-notify-check.timer
fi
service_run 'enable --now' selvedge-notify-check.timer
stamp_write selvedge-notify-check.timer bb474043dc1318855f9ab07d069e2c94389e19a931c0f1ebc07142108c2418c4
)
change_36() (
set -eu
apt_install restic
)
change_37() (
set -eu
install -d -m 00710 -o root -g hello -- /srv/hello/backup
)
change_38() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/state
)
change_39() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/program
)
change_40() (
set -eu
install -d -m 00700 -o root -g root -- /srv/hello/backup/program/backup
)
change_41() (
set -eu
file_put /srv/hello/backup/program/backup/__init__.py 0600 root root <<'EOF'
# … backup/__init__.py
EOF
)
change_42() (
set -eu
file_put /srv/hello/backup/program/__main__.py 0600 root root <<'EOF'
# … __main__.py
EOF
)
change_43() (
set -eu
file_put /srv/hello/backup/program/backup/choosing.py 0600 root root <<'EOF'
# … backup/choosing.py
EOF
)
change_44() (
set -eu
file_put /srv/hello/backup/program/backup/dumps.py 0600 root root <<'EOF'
# … backup/dumps.py
EOF
)
change_45() (
set -eu
file_put /srv/hello/backup/program/backup/excluding.py 0600 root root <<'EOF'
# … backup/excluding.py
EOF
)
change_46() (
set -eu
file_put /srv/hello/backup/program/backup/finding.py 0600 root root <<'EOF'
# … backup/finding.py
EOF
)
change_47() (
set -eu
file_put /srv/hello/backup/program/backup/half.py 0600 root root <<'EOF'
# … backup/half.py
EOF
)
change_48() (
set -eu
file_put /srv/hello/backup/program/backup/network.py 0600 root root <<'EOF'
# … backup/network.py
EOF
)
change_49() (
set -eu
file_put /srv/hello/backup/program/backup/paths.py 0600 root root <<'EOF'
# … backup/paths.py
EOF
)
change_50() (
set -eu
file_put /srv/hello/backup/program/backup/postgres.py 0600 root root <<'EOF'
# … backup/postgres.py
EOF
)
change_51() (
set -eu
file_put /srv/hello/backup/program/backup/psql.py 0600 root root <<'EOF'
# … backup/psql.py
EOF
)
change_52() (
set -eu
file_put /srv/hello/backup/program/backup/repository.py 0600 root root <<'EOF'
# … backup/repository.py
EOF
)
change_53() (
set -eu
file_put /srv/hello/backup/program/backup/restoring.py 0600 root root <<'EOF'
# … backup/restoring.py
EOF
)
change_54() (
set -eu
file_put /srv/hello/backup/program/backup/settings.py 0600 root root <<'EOF'
# … backup/settings.py
EOF
)
change_55() (
set -eu
file_put /srv/hello/backup/program/backup/sqlite.py 0600 root root <<'EOF'
# … backup/sqlite.py
EOF
)
change_56() (
set -eu
file_put /srv/hello/backup/program/backup/swapping.py 0600 root root <<'EOF'
# … backup/swapping.py
EOF
)
change_57() (
set -eu
file_put /srv/hello/backup/program/backup/taking.py 0600 root root <<'EOF'
# … backup/taking.py
EOF
)
change_58() (
set -eu
file_put /srv/hello/backup/program/backup/volumes.py 0600 root root <<'EOF'
# … backup/volumes.py
EOF
)
change_59() (
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
  "region": "",
  "files": [],
  "exclude": [
    "*.tmp"
  ],
  "keep": {
    "daily": 7,
    "weekly": 4,
    "monthly": 6
  },
  "before_migrate": true,
  "repair": "Run the same `fab -H server restore --live` again. If you have repaired the data yourself: `sudo rm /srv/hello/backup/state/half-restored` on the server, then `fab -H server start`."
}
EOF
)
change_60() (
set -eu
head -c 14 <&3 | file_put /srv/hello/backup/password 0600 root root 14
)
change_61() (
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
ExecStopPost=-/usr/bin/python3 -BIS /srv/hello/backup/program clean
ExecStopPost=-/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended backup hello
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
TimeoutStartSec=12h
UMask=0077
EOF
)
change_62() (
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
change_63() (
set -eu
service_check 'selvedge-hello-backup.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
if systemctl is-active -q selvedge-hello-backup.timer; then
service_run restart selvedge-hello-backup.timer
fi
service_run 'enable --now' selvedge-hello-backup.timer
stamp_write selvedge-hello-backup.timer 6efec5fff1b576ee8f3654167e4997c6b4b1e72ffc8a06b7ce0c20b503cfddf6
)
change_64() (
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
ExecStopPost=-/usr/bin/python3 -BIS /srv/hello/backup/program clean
ExecStopPost=-/usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended rehearsal hello
Nice=10
IOSchedulingClass=best-effort
IOSchedulingPriority=7
TimeoutStartSec=12h
UMask=0077
EOF
)
change_65() (
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
change_66() (
set -eu
service_check 'selvedge-hello-rehearsal.timer rejects its configuration, so it was not started' 'Correct the file that it names.' 'systemctl daemon-reload'
if systemctl is-active -q selvedge-hello-rehearsal.timer; then
service_run restart selvedge-hello-rehearsal.timer
fi
service_run 'enable --now' selvedge-hello-rehearsal.timer
stamp_write selvedge-hello-rehearsal.timer 6d7e16124d24189b89cbaca8eb808e58027379c0f1153357a81c155480b6f959
)
change_67() (
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
new=0123456789ab-fae144
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
change_68() (
set -eu
install -d -m 00750 -o root -g hello -- /srv/hello/timers
)
change_69() (
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
  # systemd, an administrator or a boot may start it. `fab timers --run` asks first.
  marks=/srv/hello/backup/state lock=/run/selvedge/hello.restoring
  if { [ -e "$marks/stopped" ] || [ -e "$marks/not-started" ]; } && [ -e "$lock" ] && ! flock -n -s "$lock" true; then
    say ERROR "$name did not begin: a restore is replacing the app's data"
    exit 1
  fi
  if [ -e "$marks/half-restored" ]; then
    say ERROR "$name did not begin: a restore was interrupted, and has replaced only a part of the live data"
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
  # Most runs succeed, and no one was told of a failure.
  if [ "${SERVICE_RESULT:-}" != success ] || [ -e "/var/lib/selvedge/messages/hello/timer.$name" ]; then
    /usr/bin/python3 -BIS /usr/local/lib/selvedge/messages ended timer hello "$name" >/dev/null 2>&1 </dev/null || :
  fi
  # The timer was removed while this run was going.
  unit=/etc/systemd/system/selvedge-timer-hello.$name
  [ -e "$unit.timer" ] || rm -f -- "$unit.service" /srv/hello/timers/"$name.sh" "$record"
}

"$1"
EOF
)
change_70() (
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
# The script `run` of a release sets TMPDIR, because other users can write to /tmp. The run has a /tmp of its own.
exec "$folder/run" env -u TMPDIR sh -c "$command"
EOF
)
change_71() (
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
MemoryMax=75%
TasksMax=512

# Like the app's own processes under supervisor, if the live release is not in a container. /tmp is the run's own, and is deleted after it.
PrivateTmp=yes
NoNewPrivileges=yes
UMask=0007
EOF
)
change_72() (
set -eu
file_put /etc/systemd/system/selvedge-timer-hello.cleanup.timer 0644 root root <<'EOF'
# When the timer cleanup of hello runs: [timers.cleanup] in hosts.toml.
# Written by `fab supervisor`; edit its template systemd/timer.timer.j2 instead.
[Unit]
Description=hello, schedule of the timer cleanup

[Timer]
OnCalendar=*-*-01 03:30:00
OnCalendar=Mon *-*-* 03:30:00
# To the second, as cron does. systemd may otherwise wait up to a minute, to start several timers together.
AccuracySec=1s
# Whether a run that was due while the server was off is made up for after the boot.
Persistent=yes

[Install]
WantedBy=timers.target
EOF
)
change_73() (
set -eu
if systemctl is-active -q selvedge-timer-hello.cleanup.timer; then
app=hello
timers_reload cleanup
fi
service_run 'enable --now' selvedge-timer-hello.cleanup.timer
stamp_write selvedge-timer-hello.cleanup.timer 3546d9da56efa0def7fe69d6b96efd49a0bed7ae50df02a520f9710c14902453
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
step_changes='before 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73'
step_counted=0
step_start
LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library appserver

# … the library apt

# … the library build

# … the library clock

# … the library disk

# … the library docker

# … the library dockerunit

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hook

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library manager

# … the library mirror

# … the library orphan

# … the library package

# … the library parent

# … the library pip

# … the library probe

# … the library processes

# … the library project

# … the library prune

# … the library python

# … the library releases

# … the library restoring

# … the library rpc

# … the library service

# … the library sources

# … the library stamp

# … the library step

# … the library supervisor

# … the library supervisorunit

# … the library survey

# … the library systemd

# … the library systemdunit

# … the library timers

# … the library unit

# … the library user

# … the library uv

# … the library uvicorn

# … the library venv

change_0() (
set -eu
app=hello
base=/srv/hello
new=0123456789ab-fae144
hook=after_switch
user=hello
folder=/srv/hello/releases/0123456789ab
run=/srv/hello/instances/0123456789ab-fae144/run
mark_path=/srv/hello/instances/.after_switch
mark_text=fa95d49c11eeb778
live_link=/srv/hello/live.sock
hook_switch 5 RELEASE=0123456789ab-fae144 COMMIT=0123456789abcdef0123456789abcdef01234567 HOST=server ACTION=deploy PREVIOUS= './tell released'
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
