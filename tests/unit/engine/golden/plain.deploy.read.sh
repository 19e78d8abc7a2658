LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library file

# … the library history

# … the library manager

# … the library mirror

# … the library nginx

# … the library probe

# … the library read

# … the library releases

# … the library site

# … the library stamp

# … the library step

# … the library supervisor

# … the library systemd

read_first() {
printf '\n%s fact 0\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 1\n' "$mark"
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
printf '\n%s fact 2\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 3\n' "$mark"
[ -e /usr/bin/git ] && echo there || true
printf '\n%s fact 4\n' "$mark"
getent passwd hello || true
id -nG hello 2>/dev/null || true
printf '\n%s fact 5\n' "$mark"
probe_path /srv/hello ''
printf '\n%s fact 6\n' "$mark"
probe_path /srv/hello/releases ''
printf '\n%s fact 7\n' "$mark"
probe_path /srv/hello/shared ''
printf '\n%s fact 8\n' "$mark"
probe_path /srv/hello/repo.git ''
probe_path /srv/hello/repo.git/HEAD ''
printf '\n%s fact 9\n' "$mark"
probe_path /srv/hello/deploy_key ''
printf '\n%s fact 10\n' "$mark"
ssh-keygen -F '[git.example.com]:2222' -f /srv/hello/git_known_hosts >/dev/null 2>&1 && echo known || true
printf '\n%s fact 11\n' "$mark"
probe_path /srv/hello/git_credentials ''
printf '\n%s fact 12\n' "$mark"
mirror_fact /srv/hello/repo.git 0123456789abcdef0123456789abcdef01234567
printf '\n%s fact 13\n' "$mark"
probe_path /srv/hello/releases/0123456789ab ''
printf '\n%s fact 14\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 15\n' "$mark"
probe_path /srv/hello/venvs ''
printf '\n%s fact 16\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then probe_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 17\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 18\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 19\n' "$mark"
probe_path /srv/hello/instances ''
printf '\n%s fact 20\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4 ''
printf '\n%s fact 21\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/env ''
printf '\n%s fact 22\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/run 5f71031c871b0a97eaf218906982f6a2c0d6bc9b30a41e1e7f473972f26e1d72
printf '\n%s fact 23\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/selvedge_worker.py fa69889c4d1350f34b4ff3904e7da8d88f22d931679c7628025df86442149b37
printf '\n%s fact 24\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/gunicorn_start f9bf7f75590a7fd15b882637d48280d17c030fbe3da79660d2c84f4d5e6057ba
printf '\n%s fact 25\n' "$mark"
[ -e /etc/logrotate.conf ] && echo there || true
printf '\n%s fact 26\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-c2d9b4/gunicorn_start ] && echo there || true
:
}
read_second() {
printf '\n%s fact 27\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/unit.socket c40cf207c1ab59507f3545c3098345728824c9d4cb2b901b8005cc08a9ed3a1b
printf '\n%s fact 28\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-c2d9b4/unit.service ca0dd225fb13ee85b68521a98c873971e28aca9171d88eea66063df8d33a08d3
printf '\n%s fact 29\n' "$mark"
probe_path /etc/logrotate.d/hello.app bc1666ce0101cb8fdb55248fd134c794e3dcbdd1139f154777a56f27517ea678
printf '\n%s fact 30\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 48570d6e7f5bdc56cf6629649445be7c0713d7fd9405d28ccbd6c2dafb026b1b
printf '\n%s fact 31\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 32\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
printf '\n%s fact 33\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf acf9fe75f943addd96ef29447a00fce22a5ab6bc9c97795c709e50a34ce37f38
printf '\n%s fact 34\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 35\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 36\n' "$mark"
site_fact
printf '\n%s fact 37\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 38\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 39\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 40\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf ef45a67b2fb4eac2df1dcb059d7dc311de9e963b601e3c4005db94882b90afc6
printf '\n%s fact 41\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 42\n' "$mark"
grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 072c778847b818eeca79234b9aa5a5f13efed6a9f4b3e8cf7e7ff870f4c7b39a
printf '\n%s fact 43\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 56fa5f28644ec33f89d4a98725945e3faf8a37bfd128930b2b5a1fecdc049fe6
printf '\n%s fact 44\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf 2df0ac756c02b7e099574c0813ee31c9b32aade8d0e96b9bbf7d41ec53141a32
printf '\n%s fact 45\n' "$mark"
probe_path /etc/nginx/sites-available/hello d1520b229519f6a073cf54380ee35e1c068a45eda929e234277abdcb3e567dfb
printf '\n%s fact 46\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 47\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 48\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 49\n' "$mark"
probe_path /etc/logrotate.d/hello c432d0c6349850200d145ffeccd175f114f3b05971192fb5f7d39b8dd5aebe2d
printf '\n%s fact 50\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 51\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local 6d5c0633ae9820a672f5da1681d8c2a49dae4edc203eb7309fecb60ed217aa3d
printf '\n%s fact 52\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 53\n' "$mark"
probe_existing /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/selvedge/hello/certificate.pem /etc/nginx/sites-available/hello-tls
:
}
read_lookups() {
probe_take_paths /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/deploy_key /srv/hello/git_credentials /srv/hello/releases/0123456789ab /srv/hello/venvs /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-c2d9b4 /srv/hello/instances/0123456789ab-c2d9b4/env /srv/hello/instances/0123456789ab-c2d9b4/run /srv/hello/instances/0123456789ab-c2d9b4/selvedge_worker.py /srv/hello/instances/0123456789ab-c2d9b4/gunicorn_start /srv/hello/instances/0123456789ab-c2d9b4/unit.socket /srv/hello/instances/0123456789ab-c2d9b4/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_hashes /srv/hello/instances/0123456789ab-c2d9b4/env /srv/hello/instances/0123456789ab-c2d9b4/run /srv/hello/instances/0123456789ab-c2d9b4/selvedge_worker.py /srv/hello/instances/0123456789ab-c2d9b4/gunicorn_start /srv/hello/instances/0123456789ab-c2d9b4/unit.socket /srv/hello/instances/0123456789ab-c2d9b4/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
:
}
read_all nginx.service logrotate.timer fail2ban.service
