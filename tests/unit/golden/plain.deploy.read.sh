LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
unset CDPATH ENV
umask 022
cd /

mark=@selvedge
# … the library probe

# … the library standing

main() {
path_stats=$nl$(stat -c '%n :: %F :: %a %U %G' -- /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/venvs /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-74832d /srv/hello/instances/0123456789ab-74832d/env /srv/hello/instances/0123456789ab-74832d/run /srv/hello/instances/0123456789ab-74832d/gunicorn_start /srv/hello/instances/0123456789ab-74832d/program.conf /var/www/letsencrypt /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/sites-enabled/default /etc/logrotate.d/hello 2>/dev/null)$nl
path_sums=$nl$(path_hashes /etc/tmpfiles.d/hello.conf /srv/hello/instances/0123456789ab-74832d/env /srv/hello/instances/0123456789ab-74832d/run /srv/hello/instances/0123456789ab-74832d/gunicorn_start /srv/hello/instances/0123456789ab-74832d/program.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/logrotate.d/hello 2>/dev/null)$nl
printf '\n%s fact 0\n' "$mark"
ss -H -l -n -t -p 'sport = :80' || true
printf '\n%s fact 1\n' "$mark"
dpkg-query -W -f '${Package} ${db:Status-Status}\n' nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor 2>/dev/null || true
printf '\n%s fact 2\n' "$mark"
systemctl show --property=UnitFileState --property=ActiveState nginx 2>/dev/null || true
printf 'Stamp=%s\n' "$(cat /var/lib/selvedge/loaded/nginx 2>/dev/null)"
printf '\n%s fact 3\n' "$mark"
systemctl show --property=UnitFileState --property=ActiveState supervisor 2>/dev/null || true
printf 'Stamp=%s\n' "$(cat /var/lib/selvedge/loaded/supervisor 2>/dev/null)"
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
path_fact /srv/hello/repo.git/HEAD '' | head -n 1
printf '\n%s fact 9\n' "$mark"
path_fact /srv/hello/deploy_key ''
printf '\n%s fact 10\n' "$mark"
ssh-keygen -F '[git.example.com]:2222' -f /srv/hello/git_known_hosts >/dev/null 2>&1 && echo known || true
printf '\n%s fact 11\n' "$mark"
if has git && git --git-dir=/srv/hello/repo.git -c safe.directory='*' rev-parse -q --verify '0123456789abcdef0123456789abcdef01234567^{tree}' >/dev/null 2>&1; then echo present
else echo missing; git --git-dir=/srv/hello/repo.git -c safe.directory='*' for-each-ref --format='%(objectname)' 2>/dev/null; fi
printf '\n%s fact 12\n' "$mark"
path_fact /srv/hello/releases/0123456789ab ''
printf '\n%s fact 13\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 14\n' "$mark"
path_fact /srv/hello/venvs ''
printf '\n%s fact 15\n' "$mark"
[ -x /srv/hello/releases/0123456789ab/.venv/bin/python ] && cat /srv/hello/releases/0123456789ab/.venv/.selvedge 2>/dev/null || true
printf '\n%s fact 16\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 17\n' "$mark"
path_fact /etc/tmpfiles.d/hello.conf f7f2482494c297529b0d553097d04214e06f2a6519bdac6697c9161cdbdf5f02
printf '\n%s fact 18\n' "$mark"
path_fact /run/hello ''
printf '\n%s fact 19\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 20\n' "$mark"
path_fact /srv/hello/instances ''
printf '\n%s fact 21\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-74832d ''
printf '\n%s fact 22\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-74832d/env ''
printf '\n%s fact 23\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-74832d/run 77c14020bc23d3ed656a3594e8ece85583a7b3398f4517c091e5fa8c5d78f860
printf '\n%s fact 24\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-74832d/gunicorn_start 6256ebafc037d08ffd46a69f05f2187c8f9bb46d22fa211bb0fa3bbdab33b80b
printf '\n%s fact 25\n' "$mark"
[ -e /etc/supervisor/supervisord.conf ] && echo there || true
printf '\n%s fact 26\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-74832d/gunicorn_start ] && echo there || true
printf '\n%s fact 27\n' "$mark"
path_fact /srv/hello/instances/0123456789ab-74832d/program.conf 80dee2d1bad53f0b2b0de0c21f5224c4b0ec6c64ab2f81d395ffcd08e4b69a09
printf '\n%s fact 28\n' "$mark"
base=/srv/hello
run_dir=/run/hello
live_fact
printf '\n%s fact 29\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 30\n' "$mark"
path_fact /var/log/hello ''
printf '\n%s fact 31\n' "$mark"
path_fact /var/www/letsencrypt ''
printf '\n%s fact 32\n' "$mark"
path_fact /etc/nginx/conf.d/selvedge.conf 615170aeb47584977b8e58ba1efb0a08e08e5b431c66206374617518aa85e5da
printf '\n%s fact 33\n' "$mark"
path_fact /etc/nginx/snippets/hello.conf acbda9df39cde2e3c2d43dae2fada9fceb115a63e66a573f723e7c41a1259efd
printf '\n%s fact 34\n' "$mark"
path_fact /etc/nginx/sites-available/hello 04e314a8168ce995cd47d7b4519d555997f21ac426572afde46c7724cceaad9b
printf '\n%s fact 35\n' "$mark"
path_fact /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 36\n' "$mark"
path_fact /etc/nginx/sites-enabled/default ''
printf '\n%s fact 37\n' "$mark"
path_fact /etc/logrotate.d/hello a5050dac945a6cd848f2e9a37cef08e54cb3d4b19fcd502bff0508bd56e70b2e
printf '\n%s fact 38\n' "$mark"
systemctl show --property=UnitFileState --property=ActiveState nginx 2>/dev/null || true
printf 'Stamp=%s\n' "$(cat /var/lib/selvedge/loaded/nginx-hello 2>/dev/null)"
printf '\n%s fact 39\n' "$mark"
for path in /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/sites-available/hello-tls; do [ -e "$path" ] || [ -L "$path" ] && echo "$path"; done
printf '\n%s facts end\n' "$mark"
}
main </dev/null 2>/dev/null
