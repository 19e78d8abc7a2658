LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library probe

# … the library python

# … the library site

# … the library standing

# … the library certbot

first() {
printf '\n%s fact 0\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 1\n' "$mark"
packages_fact nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor
printf '\n%s fact 2\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx
echo
printf '\n%s fact 3\n' "$mark"
unit_fact supervisor.service
printf Stamp=
first_line /var/lib/selvedge/loaded/supervisor
echo
printf '\n%s fact 4\n' "$mark"
tool_fact uv
printf '\n%s fact 5\n' "$mark"
python_fact /opt/selvedge/python/3.12 3.12
printf '\n%s fact 6\n' "$mark"
[ -e /usr/bin/git ] && echo there || true
printf '\n%s fact 7\n' "$mark"
getent passwd hello || true
id -nG hello 2>/dev/null || true
printf '\n%s fact 8\n' "$mark"
path_fact /srv/hello ''
printf '\n%s fact 9\n' "$mark"
path_fact /srv/hello/releases ''
printf '\n%s fact 10\n' "$mark"
path_fact /srv/hello/shared ''
printf '\n%s fact 11\n' "$mark"
path_fact /srv/hello/repo.git ''
path_fact /srv/hello/repo.git/HEAD ''
printf '\n%s fact 12\n' "$mark"
path_fact /srv/hello/git_credentials ''
printf '\n%s fact 13\n' "$mark"
if has git && git --git-dir=/srv/hello/repo.git -c safe.directory='*' rev-parse -q --verify '0123456789abcdef0123456789abcdef01234567^{tree}' >/dev/null 2>&1; then echo present
else echo missing; git --git-dir=/srv/hello/repo.git -c safe.directory='*' for-each-ref --format='%(objectname)' 2>/dev/null; fi
printf '\n%s fact 14\n' "$mark"
path_fact /srv/hello/releases/0123456789ab ''
printf '\n%s fact 15\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 16\n' "$mark"
if [ -e /srv/hello/releases/0123456789ab/.selvedge.before_build ]; then echo 'done'; else live=$(readlink /srv/hello/live.sock); live=${live##*/}; echo "previous ${live%.sock}"; fi
printf '\n%s fact 17\n' "$mark"
path_fact /srv/hello/venvs ''
printf '\n%s fact 18\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then first_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 19\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 20\n' "$mark"
path_fact /etc/tmpfiles.d/hello.conf f7f2482494c297529b0d553097d04214e06f2a6519bdac6697c9161cdbdf5f02
printf '\n%s fact 21\n' "$mark"
path_fact /run/hello ''
printf '\n%s fact 22\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 23\n' "$mark"
path_fact /srv/hello/instances ''
printf '\n%s fact 24\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e ''
printf '\n%s fact 25\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e/env ''
printf '\n%s fact 26\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e/run fcb1e9d4eebc70e196ab2b776c2f973f564f25fc72e5c84c7555454ca37415e2
printf '\n%s fact 27\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py fa0be708818c5e693ed0f40e895a781c614e6ea4c431c1d07c4319b6cf8cc12c
printf '\n%s fact 28\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start 415d922a50201caef19823e36de4a0b13f349713b986512e636260c4e31ad496
printf '\n%s fact 29\n' "$mark"
if [ -e /srv/hello/instances/0123456789ab-2e3d8e/hook.after_build ]; then echo 'done'; else live=$(readlink /srv/hello/live.sock); live=${live##*/}; echo "previous ${live%.sock}"; fi
printf '\n%s fact 30\n' "$mark"
site_unreadable /srv/hello/releases/0123456789ab backend/static
echo end
printf '\n%s fact 31\n' "$mark"
[ -e /etc/supervisor/supervisord.conf ] && echo there || true
printf '\n%s fact 32\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start ] && echo there || true
printf '\n%s fact 33\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-2e3d8e/program.conf 9bfa12b266f9e8d8f596fa6e61c15edaad992aa955f2b219e9a5ff7e770b7e75
printf '\n%s fact 34\n' "$mark"
path_fact /etc/logrotate.d/hello.app f5c38b4bf86925241ad6c1c57d0058c2e0f83c5e912ab787b0d674bf19024af7
printf '\n%s fact 35\n' "$mark"
path_fact /etc/systemd/system/logrotate.timer.d/selvedge.conf 1ab52bb733ccb14304a59f338720dc56c19e896d579f147d25a77c54ea9b3a5e
:
}
second() {
printf '\n%s fact 36\n' "$mark"
unit_fact logrotate.timer
printf Stamp=
first_line /var/lib/selvedge/loaded/logrotate.timer
echo
printf '\n%s fact 37\n' "$mark"
base=/srv/hello
run_dir=/run/hello
live_fact
printf '\n%s fact 38\n' "$mark"
if [ -e /srv/hello/instances/0123456789ab-2e3d8e/hook.after_switch ]; then echo 'done'; else live=$(readlink /srv/hello/live.sock); live=${live##*/}; echo "previous ${live%.sock}"; fi
printf '\n%s fact 39\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 40\n' "$mark"
site_read
printf '%s\n' "$site_shown"
printf '\n%s fact 41\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 42\n' "$mark"
path_fact /var/log/hello/nginx-access.log
path_fact /var/log/hello/nginx-error.log
path_fact /var/log/hello/nginx-missed.log
printf '\n%s fact 43\n' "$mark"
path_fact /var/www/letsencrypt ''
printf '\n%s fact 44\n' "$mark"
path_fact /etc/systemd/system/nginx.service.d/50-selvedge.conf 10bf8881b6246a03b11ba5db6ff3e2ef79d7a72cce9f7896b04a876acc54fd70
printf '\n%s fact 45\n' "$mark"
site_unreadable /srv/hello/current backend/static
echo end
printf '\n%s fact 46\n' "$mark"
stat -c '%a %U %G' -- /srv/hello/shared/uploads 2>/dev/null || true
printf '\n%s fact 47\n' "$mark"
path_fact /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 48\n' "$mark"
grep -lsE '^[^#]*worker_rlimit_nofile[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/modules-enabled/*.conf
echo --
path_fact /etc/nginx/modules-enabled/90-selvedge.conf 072c778847b818eeca79234b9aa5a5f13efed6a9f4b3e8cf7e7ff870f4c7b39a
printf '\n%s fact 49\n' "$mark"
path_fact /etc/nginx/conf.d/selvedge.conf 701c137e3c0ce202cfec5ac2153b5f3cba7697d03ed43eb9dda279e9d08342f5
printf '\n%s fact 50\n' "$mark"
path_fact /etc/nginx/snippets/hello.conf 02d956598df93fb8fb0a3bc9f2c064a6fa15461cd95ec58b3ff68fe0ae55361c
printf '\n%s fact 51\n' "$mark"
path_fact /etc/nginx/sites-available/hello d1a0427617e52662fb94c39255d2c1aad0f4800bacc7136100e4ca2fef8c01b2
printf '\n%s fact 52\n' "$mark"
path_fact /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 53\n' "$mark"
if site_debians; then echo debians; fi
printf '\n%s fact 54\n' "$mark"
site_read
printf '%s\n%s\n\n--\n' "$nginx_shown" "$site_shown"
path_fact /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 55\n' "$mark"
path_fact /etc/logrotate.d/hello d2f641582fcfbcb80c443f47466acde2a9d5bb2d49e1d4b1d12e327472bdf2dd
printf '\n%s fact 56\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx-hello
echo
printf '\n%s fact 57\n' "$mark"
printf '\n--- unit\n'
unit_fact fail2ban.service
printf '\n--- loaded\n'
first_line /var/lib/selvedge/loaded/60-selvedge-hello
printf '\n--- file\n'
path_fact /etc/fail2ban/jail.d/60-selvedge-hello.local d23b9e302f08686be7bbd792d11439bddfa03d77b726a89fd82dd7aa8a85ebd5
printf '\n%s fact 58\n' "$mark"
[ -e /etc/nginx/sites-available/hello ] && echo there || true
printf '\n%s fact 59\n' "$mark"
ss -H -l -n -t -p 'sport = :443' || true
printf '\n%s fact 60\n' "$mark"
packages_fact certbot
printf '\n%s fact 61\n' "$mark"
path_fact /etc/selvedge/hello/acme-ca.pem ''
printf '\n%s fact 62\n' "$mark"
unit_fact certbot.timer
printf Stamp=
first_line /var/lib/selvedge/loaded/certbot.timer
echo
printf '\n%s fact 63\n' "$mark"
certificate_fact hello
printf '\n%s fact 64\n' "$mark"
site_read
printf '%s\n' "$nginx_shown"
path_fact /etc/nginx/snippets/selvedge-listen-tls.conf -
printf '\n%s fact 65\n' "$mark"
path_fact /etc/nginx/sites-available/hello-tls 99134ff8d54347baa682168cded6dc9be564cda9e681c5bb4ee11e285eb64209
printf '\n%s fact 66\n' "$mark"
path_fact /etc/nginx/sites-enabled/hello-tls ''
printf '\n%s fact 67\n' "$mark"
path_fact /etc/nginx/snippets/hello-http.conf 5f54f07f4591b0eb2b9ffec74812c3ae4b73baf3f606489bad6f29a738dec6ab
printf '\n%s fact 68\n' "$mark"
site_read
printf '%s\n%s\n\n--\n' "$nginx_shown" "$site_shown"
path_fact /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 69\n' "$mark"
unit_fact nginx.service
printf Stamp=
first_line /var/lib/selvedge/loaded/nginx-tls-hello
echo
if [ /etc/letsencrypt/live/hello/fullchain.pem -nt /var/lib/selvedge/loaded/nginx-tls-hello ]; then printf 'Served=%s\n' "$(served_instead /etc/letsencrypt/live/hello/fullchain.pem hello.example.com)"; fi
printf '\n%s fact 70\n' "$mark"
path_fact /etc/selvedge/hello/certificate.pem ''
:
}
main() {
path_stats=$nl$(stat -c '%F :: %a %U %G :: %n' -- /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/git_credentials /srv/hello/releases/0123456789ab /srv/hello/venvs /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-2e3d8e /srv/hello/instances/0123456789ab-2e3d8e/env /srv/hello/instances/0123456789ab-2e3d8e/run /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start /srv/hello/instances/0123456789ab-2e3d8e/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/selvedge/hello/acme-ca.pem /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf /etc/selvedge/hello/certificate.pem 2>/dev/null)$nl
path_sums=$nl$(path_hashes /srv/hello/git_credentials /etc/tmpfiles.d/hello.conf /srv/hello/instances/0123456789ab-2e3d8e/env /srv/hello/instances/0123456789ab-2e3d8e/run /srv/hello/instances/0123456789ab-2e3d8e/selvedge_worker.py /srv/hello/instances/0123456789ab-2e3d8e/gunicorn_start /srv/hello/instances/0123456789ab-2e3d8e/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf 2>/dev/null)$nl
package_states=$(package_list nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor certbot)
unit_states=$nl$nl$(cat)$nl$nl
second </dev/null | { first </dev/null; cat; }
printf '\n%s facts end\n' "$mark"
}
unit_list nginx.service supervisor.service logrotate.timer fail2ban.service certbot.timer </dev/null | main 2>/dev/null
