LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library probe

# … the library standing

# … the library site

first() {
printf '\n%s fact 0\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 1\n' "$mark"
packages_fact nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
printf '\n%s fact 2\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx
echo
printf '\n%s fact 3\n' "$mark"
[ -e /usr/bin/git ] && echo there || true
printf '\n%s fact 4\n' "$mark"
getent passwd hello || true
id -nG hello 2>/dev/null || true
printf '\n%s fact 5\n' "$mark"
path_fact /srv/hello ''
printf '\n%s fact 6\n' "$mark"
path_fact /srv/hello/releases ''
printf '\n%s fact 7\n' "$mark"
path_fact /srv/hello/shared ''
printf '\n%s fact 8\n' "$mark"
path_fact /srv/hello/repo.git ''
path_fact /srv/hello/repo.git/HEAD ''
printf '\n%s fact 9\n' "$mark"
path_fact /srv/hello/deploy_key ''
printf '\n%s fact 10\n' "$mark"
ssh-keygen -F '[git.example.com]:2222' -f /srv/hello/git_known_hosts >/dev/null 2>&1 && echo known || true
printf '\n%s fact 11\n' "$mark"
path_fact /srv/hello/git_credentials ''
printf '\n%s fact 12\n' "$mark"
if has git && git --git-dir=/srv/hello/repo.git -c safe.directory='*' rev-parse -q --verify '0123456789abcdef0123456789abcdef01234567^{tree}' >/dev/null 2>&1; then echo present
else echo missing; git --git-dir=/srv/hello/repo.git -c safe.directory='*' for-each-ref --format='%(objectname)' 2>/dev/null; fi
printf '\n%s fact 13\n' "$mark"
path_fact /srv/hello/releases/0123456789ab ''
printf '\n%s fact 14\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 15\n' "$mark"
path_fact /srv/hello/venvs ''
printf '\n%s fact 16\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then first_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 17\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 18\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 19\n' "$mark"
path_fact /srv/hello/instances ''
printf '\n%s fact 20\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58 ''
printf '\n%s fact 21\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/env ''
printf '\n%s fact 22\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/run a106322426acf579b6e09637fa050024efd4e2f1ab24fa7942a617612857f808
printf '\n%s fact 23\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/selvedge_worker.py e4dfad0a43ede94de6d07c9ede434731d443ead7276e4e4576ec4402467d4011
printf '\n%s fact 24\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/gunicorn_start 7ade1cfcec3ecd0345fd38c29c3d507488e344c8c386b46923739764dd9ce1fd
printf '\n%s fact 25\n' "$mark"
[ -e /etc/logrotate.conf ] && echo there || true
printf '\n%s fact 26\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-da6a58/gunicorn_start ] && echo there || true
:
}
second() {
printf '\n%s fact 27\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/unit.socket 595469aeec75b0e63f2e178c3ade0d32c879ef65c1606dee6bfbc08c54057bb3
printf '\n%s fact 28\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-da6a58/unit.service ef7324aced0969545c0833bfa946d595bc3d3c39463ef1d788e9a78942dc5272
printf '\n%s fact 29\n' "$mark"
path_fact /etc/logrotate.d/hello.app dcaa36f2759fd95d32b6941fd496e201ae3f0fd3664f86be3f66d0637a634022
printf '\n%s fact 30\n' "$mark"
path_fact /etc/systemd/system/logrotate.timer.d/selvedge.conf 1ab52bb733ccb14304a59f338720dc56c19e896d579f147d25a77c54ea9b3a5e
printf '\n%s fact 31\n' "$mark"
unit_fact logrotate.timer
printf Stamp=
first_line /var/lib/selvedge/loaded/logrotate.timer
echo
printf '\n%s fact 32\n' "$mark"
base=/srv/hello
run_dir=/run/hello
live_fact
printf '\n%s fact 33\n' "$mark"
path_fact /etc/tmpfiles.d/hello.conf acf9fe75f943addd96ef29447a00fce22a5ab6bc9c97795c709e50a34ce37f38
printf '\n%s fact 34\n' "$mark"
path_fact /run/hello ''
printf '\n%s fact 35\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 36\n' "$mark"
site_read
printf '%s\n' "$site_shown"
printf '\n%s fact 37\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 38\n' "$mark"
path_fact /var/log/hello/nginx-access.log
path_fact /var/log/hello/nginx-error.log
path_fact /var/log/hello/nginx-missed.log
printf '\n%s fact 39\n' "$mark"
path_fact /var/www/letsencrypt ''
printf '\n%s fact 40\n' "$mark"
path_fact /etc/systemd/system/nginx.service.d/50-selvedge.conf 10bf8881b6246a03b11ba5db6ff3e2ef79d7a72cce9f7896b04a876acc54fd70
printf '\n%s fact 41\n' "$mark"
path_fact /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 42\n' "$mark"
grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf
echo --
path_fact /etc/nginx/modules-enabled/90-selvedge.conf 072c778847b818eeca79234b9aa5a5f13efed6a9f4b3e8cf7e7ff870f4c7b39a
printf '\n%s fact 43\n' "$mark"
path_fact /etc/nginx/conf.d/selvedge.conf 701c137e3c0ce202cfec5ac2153b5f3cba7697d03ed43eb9dda279e9d08342f5
printf '\n%s fact 44\n' "$mark"
path_fact /etc/nginx/snippets/hello.conf 5d04da54333b46a0f94cd432f78d7c430ea2f85151547ead73cb1c0eb4d4e7b5
printf '\n%s fact 45\n' "$mark"
path_fact /etc/nginx/sites-available/hello 04e314a8168ce995cd47d7b4519d555997f21ac426572afde46c7724cceaad9b
printf '\n%s fact 46\n' "$mark"
path_fact /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 47\n' "$mark"
if site_debians; then echo debians; fi
printf '\n%s fact 48\n' "$mark"
site_read
printf '%s\n%s\n\n--\n' "$nginx_shown" "$site_shown"
path_fact /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 49\n' "$mark"
path_fact /etc/logrotate.d/hello d2f641582fcfbcb80c443f47466acde2a9d5bb2d49e1d4b1d12e327472bdf2dd
printf '\n%s fact 50\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx-hello
echo
printf '\n%s fact 51\n' "$mark"
printf '\n--- unit\n'
unit_fact fail2ban.service
printf '\n--- loaded\n'
first_line /var/lib/selvedge/loaded/60-selvedge-hello
printf '\n--- file\n'
path_fact /etc/fail2ban/jail.d/60-selvedge-hello.local d23b9e302f08686be7bbd792d11439bddfa03d77b726a89fd82dd7aa8a85ebd5
printf '\n%s fact 52\n' "$mark"
site_read
printf '%s\n%s\n\n--\n' "$nginx_shown" "$site_shown"
path_fact /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 53\n' "$mark"
for path in /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/selvedge/hello/certificate.pem /etc/nginx/sites-available/hello-tls; do [ -e "$path" ] || [ -L "$path" ] && echo "$path"; done
:
}
main() {
path_stats=$nl$(stat -c '%F :: %a %U %G :: %n' -- /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/deploy_key /srv/hello/git_credentials /srv/hello/releases/0123456789ab /srv/hello/venvs /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-da6a58 /srv/hello/instances/0123456789ab-da6a58/env /srv/hello/instances/0123456789ab-da6a58/run /srv/hello/instances/0123456789ab-da6a58/selvedge_worker.py /srv/hello/instances/0123456789ab-da6a58/gunicorn_start /srv/hello/instances/0123456789ab-da6a58/unit.socket /srv/hello/instances/0123456789ab-da6a58/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf 2>/dev/null)$nl
path_sums=$nl$(path_hashes /srv/hello/instances/0123456789ab-da6a58/env /srv/hello/instances/0123456789ab-da6a58/run /srv/hello/instances/0123456789ab-da6a58/selvedge_worker.py /srv/hello/instances/0123456789ab-da6a58/gunicorn_start /srv/hello/instances/0123456789ab-da6a58/unit.socket /srv/hello/instances/0123456789ab-da6a58/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf 2>/dev/null)$nl
package_states=$(package_list nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2)
unit_states=$nl$nl$(cat)$nl$nl
second </dev/null | { first </dev/null; cat; }
printf '\n%s facts end\n' "$mark"
}
unit_list nginx.service logrotate.timer fail2ban.service </dev/null | main 2>/dev/null
