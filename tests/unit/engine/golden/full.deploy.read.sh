LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library apt

# … the library certbot

# … the library disk

# … the library file

# … the library history

# … the library hook

# … the library https

# … the library manager

# … the library mirror

# … the library nginx

# … the library probe

# … the library python

# … the library read

# … the library releases

# … the library site

# … the library stamp

# … the library step

# … the library supervisor

# … the library systemd

# … the library user

read_first() {
printf '\n%s fact 0\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 1\n' "$mark"
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor
printf '\n%s fact 2\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 3\n' "$mark"
probe_unit supervisor.service
printf Stamp=
stamp_read supervisor
echo
printf '\n%s fact 4\n' "$mark"
python_tool_fact uv
printf '\n%s fact 5\n' "$mark"
python_fact /opt/selvedge/python/3.12 3.12
printf '\n%s fact 6\n' "$mark"
[ -e /usr/bin/git ] && echo there || true
printf '\n%s fact 7\n' "$mark"
getent passwd hello || true
id -nG hello 2>/dev/null || true
printf '\n%s fact 8\n' "$mark"
probe_path /srv/hello ''
printf '\n%s fact 9\n' "$mark"
probe_path /srv/hello/releases ''
printf '\n%s fact 10\n' "$mark"
probe_path /srv/hello/shared ''
printf '\n%s fact 11\n' "$mark"
probe_path /srv/hello/repo.git ''
probe_path /srv/hello/repo.git/HEAD ''
printf '\n%s fact 12\n' "$mark"
probe_path /srv/hello/git_credentials ''
printf '\n%s fact 13\n' "$mark"
mirror_fact /srv/hello/repo.git 0123456789abcdef0123456789abcdef01234567
printf '\n%s fact 14\n' "$mark"
probe_path /srv/hello/releases/0123456789ab ''
printf '\n%s fact 15\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 16\n' "$mark"
hook_fact /srv/hello/releases/0123456789ab/.selvedge.before_build /srv/hello/live.sock
printf '\n%s fact 17\n' "$mark"
probe_path /srv/hello/venvs ''
printf '\n%s fact 18\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then probe_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 19\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 20\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf f7f2482494c297529b0d553097d04214e06f2a6519bdac6697c9161cdbdf5f02
printf '\n%s fact 21\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 22\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 23\n' "$mark"
probe_path /srv/hello/instances ''
printf '\n%s fact 24\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b ''
printf '\n%s fact 25\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b/env ''
printf '\n%s fact 26\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b/run 45c486c6fd5ebca28b29f8bdd65dbc3c5a625888a17b3b8e4a20036095ff6405
printf '\n%s fact 27\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b/selvedge_worker.py e78bb86d433676a5312608d706689a52bbd7e2116f294be09093f8bc0675c274
printf '\n%s fact 28\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b/gunicorn_start 727c6a1420f4f79cc13a2038c8567bed6bb3e987384aadf6a89063b52b083a88
printf '\n%s fact 29\n' "$mark"
hook_fact /srv/hello/instances/0123456789ab-77fd9b/hook.after_build /srv/hello/live.sock
printf '\n%s fact 30\n' "$mark"
site_unreadable /srv/hello/releases/0123456789ab backend/static
echo end
printf '\n%s fact 31\n' "$mark"
[ -e /etc/supervisor/supervisord.conf ] && echo there || true
printf '\n%s fact 32\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-77fd9b/gunicorn_start ] && echo there || true
printf '\n%s fact 33\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-77fd9b/program.conf c11631079048ee5513ef537854cf839de5ce64a1c62e94f6c3d4216ce4502020
printf '\n%s fact 34\n' "$mark"
probe_path /etc/logrotate.d/hello.app fa932fb47c2f062c7fef6b32dfe6fc7b7dff569f444f14542f7b771a795fe06a
printf '\n%s fact 35\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 48570d6e7f5bdc56cf6629649445be7c0713d7fd9405d28ccbd6c2dafb026b1b
:
}
read_second() {
printf '\n%s fact 36\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 37\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
printf '\n%s fact 38\n' "$mark"
hook_fact /srv/hello/instances/0123456789ab-77fd9b/hook.after_switch /srv/hello/live.sock
printf '\n%s fact 39\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 40\n' "$mark"
site_fact
printf '\n%s fact 41\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 42\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 43\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 44\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf ef45a67b2fb4eac2df1dcb059d7dc311de9e963b601e3c4005db94882b90afc6
printf '\n%s fact 45\n' "$mark"
site_unreadable /srv/hello/current backend/static
echo end
printf '\n%s fact 46\n' "$mark"
stat -c '%a %U %G' -- /srv/hello/shared/uploads 2>/dev/null || true
printf '\n%s fact 47\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 48\n' "$mark"
grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 072c778847b818eeca79234b9aa5a5f13efed6a9f4b3e8cf7e7ff870f4c7b39a
printf '\n%s fact 49\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 56fa5f28644ec33f89d4a98725945e3faf8a37bfd128930b2b5a1fecdc049fe6
printf '\n%s fact 50\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf ab78776fd298b1956b666c908276b783eacaa107056bdefcfa69dd23178a6bec
printf '\n%s fact 51\n' "$mark"
probe_path /etc/nginx/sites-available/hello 0a7f47a3571055c5120bcf3ba04beef0a68ba718ec2a875ade2fa30812765f37
printf '\n%s fact 52\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 53\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 54\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 55\n' "$mark"
probe_path /etc/logrotate.d/hello c432d0c6349850200d145ffeccd175f114f3b05971192fb5f7d39b8dd5aebe2d
printf '\n%s fact 56\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 57\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local 6d5c0633ae9820a672f5da1681d8c2a49dae4edc203eb7309fecb60ed217aa3d
printf '\n%s fact 58\n' "$mark"
[ -e /etc/nginx/sites-available/hello ] && echo there || true
printf '\n%s fact 59\n' "$mark"
ss -H -l -n -t -p 'sport = :443' || true
printf '\n%s fact 60\n' "$mark"
probe_packages certbot
printf '\n%s fact 61\n' "$mark"
probe_path /etc/selvedge/hello/acme-ca.pem ''
printf '\n%s fact 62\n' "$mark"
probe_unit certbot.timer
printf Stamp=
stamp_read certbot.timer
echo
printf '\n%s fact 63\n' "$mark"
certbot_fact hello
printf '\n%s fact 64\n' "$mark"
nginx_version
probe_path /etc/nginx/snippets/selvedge-listen-tls.conf -
printf '\n%s fact 65\n' "$mark"
probe_path /etc/nginx/sites-available/hello-tls b2c4dee2c2f757514a39f90d75ab8ba5be35590b56c95e0f7068e193ec6a2e6b
printf '\n%s fact 66\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello-tls ''
printf '\n%s fact 67\n' "$mark"
probe_path /etc/nginx/snippets/hello-http.conf ac7db87cb9f3f73e0fb7cb1fc98a67cd707936e2719a09026cb811b7721e577d
printf '\n%s fact 68\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 69\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-tls-hello
echo
https_fact /etc/letsencrypt/live/hello/fullchain.pem nginx-tls-hello hello.example.com
printf '\n%s fact 70\n' "$mark"
probe_path /etc/selvedge/hello/certificate.pem ''
:
}
read_lookups() {
probe_take_paths /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/git_credentials /srv/hello/releases/0123456789ab /srv/hello/venvs /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-77fd9b /srv/hello/instances/0123456789ab-77fd9b/env /srv/hello/instances/0123456789ab-77fd9b/run /srv/hello/instances/0123456789ab-77fd9b/selvedge_worker.py /srv/hello/instances/0123456789ab-77fd9b/gunicorn_start /srv/hello/instances/0123456789ab-77fd9b/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/selvedge/hello/acme-ca.pem /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf /etc/selvedge/hello/certificate.pem
probe_take_hashes /srv/hello/git_credentials /etc/tmpfiles.d/hello.conf /srv/hello/instances/0123456789ab-77fd9b/env /srv/hello/instances/0123456789ab-77fd9b/run /srv/hello/instances/0123456789ab-77fd9b/selvedge_worker.py /srv/hello/instances/0123456789ab-77fd9b/gunicorn_start /srv/hello/instances/0123456789ab-77fd9b/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor certbot
:
}
read_all nginx.service supervisor.service logrotate.timer fail2ban.service certbot.timer
