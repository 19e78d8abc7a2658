#!/bin/sh
# Usage: tools/packages.sh [PACKAGE ...]
# Install these Debian packages on this machine if they are missing; without arguments, those that the tests need.
set -eu
cd "$(dirname "$0")/.."
. tools/say.sh

# Packages for the tests, as package:program. The first line is for the sandbox, the second for the tests on its servers
# (pebble is a certificate authority, wrk makes load, restic takes backups).
TESTS="systemd-container:systemd-nspawn mmdebstrap:mmdebstrap iptables:iptables iproute2:ip openssh-client:ssh-keygen
  git:git curl:curl openssl:openssl pebble:pebble wrk:wrk restic:restic"

missing() {
  for item in "$@"; do
    package=${item%%:*} program=${item#*:}
    if [ "$program" != "$item" ] && command -v "$program" >/dev/null 2>&1; then continue; fi
    if dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed$'; then continue; fi
    printf ' %s' "$package"
  done
}

install() {
  DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "$@"
}

if [ "$(id -u)" -eq 0 ]; then PATH=$PATH:/usr/sbin:/sbin; fi
# shellcheck disable=SC2086
if [ $# -eq 0 ]; then set -- $TESTS; fi
wanted=$(missing "$@")
if [ -z "$wanted" ]; then exit 0; fi
command -v apt-get >/dev/null 2>&1 || fail "These packages are missing on this machine, and so is apt-get:$wanted. Install them with your package manager."
sudo=
if [ "$(id -u)" -ne 0 ]; then
  sudo=sudo
  sudo -n true 2>/dev/null ||
    fail "These packages are missing on this machine:$wanted. Install them as root: \`sudo apt-get install$wanted\`."
fi
say "Installing$wanted on this machine with apt-get"
# shellcheck disable=SC2086
if ! install $wanted >/dev/null 2>&1; then
  $sudo apt-get -qq -o DPkg::Lock::Timeout=300 update
  output=$(install $wanted 2>&1) || {
    printf '%s\n' "$output" >&2
    fail "apt-get could not install$wanted: $(printf '%s\n' "$output" | tail -n 1). Check the network, then run the same command again."
  }
fi
