LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library disk

# … the library file

# … the library history

# … the library probe

# … the library service

# … the library sources

# … the library step

change_0() (
set -eu
apt_update
apt_upgrade
)
change_1() (
set -eu
apt_install unattended-upgrades
)
change_2() (
set -eu
file_put /etc/apt/apt.conf.d/20auto-upgrades 0644 root root <<'EOF'
// Days between updates of the package lists, automatic upgrades and cleanups.
// Written by `fab update`; edit its template update/20auto-upgrades.j2 instead.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
EOF
)
change_3() (
set -eu
file_put /etc/apt/apt.conf.d/52unattended-upgrades-selvedge 0644 root root <<'EOF'
// Overrides settings of 50unattended-upgrades, which names the sources of upgrades. That file stays unchanged, so that
// upgrades of its package never ask which version to keep. apt reads this folder sorted by name; later files win.
// Written by `fab update`; edit its template update/52unattended-upgrades.j2 instead.
// server.automatic_reboot is off in hosts.toml. If a reboot is needed, the file /run/reboot-required exists.
Unattended-Upgrade::Automatic-Reboot "false";
// Upgrades keep configuration files that you edited.
Dpkg::Options { "--force-confdef"; "--force-confold"; };
EOF
)
change_4() (
set -eu
service_run 'enable --now' apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service
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
step_changes='0 1 2 3 4'
step_counted=0
step_start
