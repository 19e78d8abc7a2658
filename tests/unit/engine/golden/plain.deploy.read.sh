LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library environment

# … the library file

# … the library group

# … the library history

# … the library manager

# … the library mirror

# … the library nginx

# … the library probe

# … the library read

# … the library releases

# … the library service

# … the library site

# … the library stamp

# … the library step

# … the library supervisor

# … the library systemd

read_first() {
printf '\n%s fact 0\n' "$mark"
probe_port 80
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
if getent group hello >/dev/null; then echo 'has a group'; fi
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
probe_line /srv/hello/deploy_key.pub
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
probe_path /etc/selvedge/hello/build.env ''
printf '\n%s fact 16\n' "$mark"
probe_path /srv/hello/venvs ''
printf '\n%s fact 17\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then probe_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 18\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 19\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 20\n' "$mark"
probe_path /srv/hello/instances ''
printf '\n%s fact 21\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9 ''
printf '\n%s fact 22\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/env ''
base=/srv/hello
live_socket=/srv/hello/live.sock
environment_of_live /srv/hello/instances/0123456789ab-4912c9/env
printf '\n%s fact 23\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/run 1d268dfeec145980f8e69406e37d0e36ae680f44b24ffcbfdf04a5982fa47df3
printf '\n%s fact 24\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/selvedge_worker.py 8019f3f05d3ae7aa38104cf39d2819b4b0927fd77c5d6c634cf62269fe990680
printf '\n%s fact 25\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/selvedge_app.py 4400e0a527c651177f759a43e868f3508f46d2eec8520b6e277769143d60c6c9
printf '\n%s fact 26\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/selvedge_explain.py 3fe4f60a87661b8af3a52b3123b1c9c9249b28ad704b63d9f5ca92bab0067344
printf '\n%s fact 27\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/gunicorn_start b1b1b293167aa2e02773bd8102e06ca4b18c652d224a41a8aa4ffbe86b0eff1b
printf '\n%s fact 28\n' "$mark"
[ -e /etc/logrotate.conf ] && echo there || true
printf '\n%s fact 29\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-4912c9/gunicorn_start ] && echo there || true
printf '\n%s fact 30\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/unit.socket aac8fa416209a0002417df7d68f31496e88b538ca0a2f97be78ac685d82124cf
printf '\n%s fact 31\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-4912c9/unit.service cf42487a29f949a0195ec75a03c516a5cafd4221172d469b1fe76456a870a2f3
printf '\n%s fact 32\n' "$mark"
probe_path /etc/logrotate.d/hello.app 88ec8d9d29ba9ad2dfbf1b1aea99ab82365e394f6b8885eb59f8ed80183914d1
printf '\n%s fact 33\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 29fb4e4b284e72a90a23a0a26d70c0a45678ada1d8e1220bc15370205bec3792
:
}
read_second() {
printf '\n%s fact 34\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 35\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
base=/srv/hello
environment_of_left 0123456789ab-4912c9
printf '\n%s fact 36\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf acf9fe75f943addd96ef29447a00fce22a5ab6bc9c97795c709e50a34ce37f38
printf '\n%s fact 37\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 38\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 39\n' "$mark"
site_fact
echo
echo --
site_addresses
printf '\n%s fact 40\n' "$mark"
site_fact
echo
echo --
site_locations
printf '\n%s fact 41\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 42\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 43\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 44\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf 7cd59db69ac57120d79f325fcf8799eadeaa4e99d1dfb4ea4607e652d1ea2e5f
printf '\n%s fact 45\n' "$mark"
probe_path /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service ''
printf '\n%s fact 46\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-boot.service ''
printf '\n%s fact 47\n' "$mark"
probe_path /etc/nginx/selvedge/hello.htpasswd ''
printf '\n%s fact 48\n' "$mark"
probe_path /etc/selvedge/hello/site-login ''
printf '\n%s fact 49\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 50\n' "$mark"
nginx_outsider
printf '\n%s fact 51\n' "$mark"
grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf
if [ -e /etc/nginx/nginx.conf ] && ! grep -qE '^[^#]*include[[:space:]]+[^;]*modules-enabled/' /etc/nginx/nginx.conf; then echo unread; fi
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 955f75b327991cce6c32f3709b577bb633aea20078a339e805be68e9ca81fed9
printf '\n%s fact 52\n' "$mark"
nginx_without_sites /etc/nginx/conf.d/selvedge-sites.conf
echo --
probe_path /etc/nginx/conf.d/selvedge-sites.conf b0ddaf16977a6b8c5f9fbda3f2f56b94909bd9e904f52a165acd7b33d4cbac9d
printf '\n%s fact 53\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 49b5c1af4a47d78f7a1a476d8c75d644441b476e045d3e4f71243a916311a25a
printf '\n%s fact 54\n' "$mark"
probe_path /etc/nginx/snippets/hello.include.conf ''
printf '\n%s fact 55\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf f941dfef837068de62ad5f355fd7fcdf74b1b09b1c014db0988608d9194939af
printf '\n%s fact 56\n' "$mark"
probe_path /etc/nginx/conf.d/00-selvedge-hello.conf ''
printf '\n%s fact 57\n' "$mark"
site_locations_of hello
printf '\n%s fact 58\n' "$mark"
:
echo --
probe_path /etc/nginx/sites-available/hello 7b42cc4651391eea3a3ed13e3f79450ad3a10ab2c077b39adc818062862dfdd1
printf '\n%s fact 59\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 60\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 61\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 62\n' "$mark"
site_fact
printf '\n%s fact 63\n' "$mark"
probe_path /etc/logrotate.d/hello a8d6adbc87e9716ae3811e27658af9e29a59551977ae01de063713111808b306
printf '\n%s fact 64\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 65\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local 7aab83e30e215ab62b81a5a0e68ac2a2ccd5fd3c932f42caeb15c1e07d99c328
printf '\n%s fact 66\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 67\n' "$mark"
probe_existing /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/selvedge/hello/certificate.pem /etc/nginx/sites-available/hello-tls
:
}
read_lookups() {
probe_take_paths /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/deploy_key /srv/hello/git_credentials /srv/hello/releases/0123456789ab /etc/selvedge/hello/build.env /srv/hello/venvs /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-4912c9 /srv/hello/instances/0123456789ab-4912c9/env /srv/hello/instances/0123456789ab-4912c9/run /srv/hello/instances/0123456789ab-4912c9/selvedge_worker.py /srv/hello/instances/0123456789ab-4912c9/selvedge_app.py /srv/hello/instances/0123456789ab-4912c9/selvedge_explain.py /srv/hello/instances/0123456789ab-4912c9/gunicorn_start /srv/hello/instances/0123456789ab-4912c9/unit.socket /srv/hello/instances/0123456789ab-4912c9/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service /etc/systemd/system/selvedge-hello-boot.service /etc/nginx/selvedge/hello.htpasswd /etc/selvedge/hello/site-login /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.include.conf /etc/nginx/snippets/hello.conf /etc/nginx/conf.d/00-selvedge-hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_hashes /srv/hello/instances/0123456789ab-4912c9/env /srv/hello/instances/0123456789ab-4912c9/run /srv/hello/instances/0123456789ab-4912c9/selvedge_worker.py /srv/hello/instances/0123456789ab-4912c9/selvedge_app.py /srv/hello/instances/0123456789ab-4912c9/selvedge_explain.py /srv/hello/instances/0123456789ab-4912c9/gunicorn_start /srv/hello/instances/0123456789ab-4912c9/unit.socket /srv/hello/instances/0123456789ab-4912c9/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
:
}
read_all nginx.service logrotate.timer fail2ban.service
