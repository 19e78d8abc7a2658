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

# … the library environment

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hypercorn

# … the library image

# … the library index

# … the library instance

# … the library limit

# … the library maintenance

# … the library manager

# … the library messages

# … the library mirror

# … the library nginx

# … the library orphan

# … the library package

# … the library parent

# … the library pip

# … the library probe

# … the library processes

# … the library project

# … the library prune

# … the library python

# … the library read

# … the library releases

# … the library restoring

# … the library rpc

# … the library service

# … the library site

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
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
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
probe_path /srv/hello/instances/0123456789ab-0f8825 ''
printf '\n%s fact 22\n' "$mark"
readlink /srv/hello/instances/0123456789ab-0f8825/.venv || echo; readlink /srv/hello/releases/0123456789ab/.venv || echo
printf '\n%s fact 23\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/env ''
base=/srv/hello
live_socket=/srv/hello/live.sock
environment_of_live /srv/hello/instances/0123456789ab-0f8825/env
printf '\n%s fact 24\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/run 53ced331a4e8ee88e89a8b53c1023b9f2b2da1e59733e7b2255c0493e7d5a3ef
printf '\n%s fact 25\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/selvedge_worker.py a624f6ad729fb9c8ef55bb5d6fc7b2ac07579bfc7e93b4a0bdb6c10efb165a6f
printf '\n%s fact 26\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/selvedge_app.py fcef1e0291391499d74ede75a78622fa1fb138768df74c725f7118c51a851cb8
printf '\n%s fact 27\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/selvedge_explain.py b3df473e85a707954cf5301a8f5a6ab63d043a572ebec0eaab9eaa73a209a3e9
printf '\n%s fact 28\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/selvedge_asgi.py 03cfc2fa71b2e73c05a399435e22c75983d302bc46efadac3e1394b98920132e
printf '\n%s fact 29\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/selvedge_log.py 0f91e04a2c13be4334fb2228bd00ce8eb9b1a3836a28893653b9b3f362287d5a
printf '\n%s fact 30\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/gunicorn_start a23c0be5835bd5a4f1493d07ba93dc1e88d8a599895dcdb5f0b3dda6ddd57987
printf '\n%s fact 31\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/processes ''
printf '\n%s fact 32\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/processes/beat ''
printf '\n%s fact 33\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/processes/beat/start 0436087b714759e0e3df80afc2c4fb45afe965f7b25b6b021f7d429d300d2761
printf '\n%s fact 34\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/processes/beat/settings 73bb2388f56d0332535f4f8f3c25c9c3c4aa1153678bfb19ec1bd4a08eee475f
printf '\n%s fact 35\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/processes/beat/process.service 306f246f8a35fef2f935be83017a829d2dd244e1d50e00571c801d2b6dd19e6c
printf '\n%s fact 36\n' "$mark"
[ -e /etc/logrotate.conf ] && echo there || true
printf '\n%s fact 37\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-0f8825/gunicorn_start ] && echo there || true
printf '\n%s fact 38\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/unit.socket 3ee58b3f90806c8d17e61f7f1c97dca4a63aa86a7ca7b343fc40322b6093f3b4
printf '\n%s fact 39\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-0f8825/unit.service dee03c92648ca790ee61b981e154e2bbf93c183af75e104eec17bde3104c0b88
printf '\n%s fact 40\n' "$mark"
probe_path /etc/logrotate.d/hello.app 1d904d26f8385f387153a8e954b6ab9dfdf11a05835f25db6040541bf5a24c5b
printf '\n%s fact 41\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 81f7861e60764b8591959c1294dcbb92c527d26dd361966f9148c25c32cbf0ce
printf '\n%s fact 42\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 43\n' "$mark"
probe_path /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf ''
printf '\n%s fact 44\n' "$mark"
probe_path /etc/systemd/system/docker.service.d/50-selvedge-hello.conf ''
printf '\n%s fact 45\n' "$mark"
probe_path /etc/systemd/system/docker.service.wants/selvedge-stop.hello.service ''
printf '\n%s fact 46\n' "$mark"
probe_path /etc/systemd/system/supervisor.service.wants/selvedge-stop.hello.service ''
:
}
read_second() {
printf '\n%s fact 47\n' "$mark"
probe_path /srv/hello/stop_processes.py ''
printf '\n%s fact 48\n' "$mark"
probe_path /etc/systemd/system/selvedge-stop.hello.service ''
printf '\n%s fact 49\n' "$mark"
app=hello
messages_left
printf '\n%s fact 50\n' "$mark"
probe_existing /etc/systemd/system/selvedge-hello-backup.timer /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-rehearsal.timer /etc/systemd/system/selvedge-hello-rehearsal.service /srv/hello/backup /srv/hello/backup/cache /srv/hello/backup/credentials /srv/hello/backup/key /srv/hello/backup/known_hosts /srv/hello/backup/password /srv/hello/backup/program /srv/hello/backup/settings.json /srv/hello/backup/state /srv/hello/backup/replaced /srv/hello/backup/restored/kept
printf '%s\n' "$(sed -n '/"whole": true/q; s/.*"chosen": "\([0-9a-z]*\)".*/half yes \1/p; t; s/.*/half yes/p' /srv/hello/backup/state/half-restored 2>/dev/null)"
printf '\n%s fact 51\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
base=/srv/hello
environment_of_left 0123456789ab-0f8825
printf '\n%s fact 52\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf acf9fe75f943addd96ef29447a00fce22a5ab6bc9c97795c709e50a34ce37f38
printf '\n%s fact 53\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 54\n' "$mark"
probe_path /etc/selvedge/hello/database.pem ''
printf '\n%s fact 55\n' "$mark"
app=hello
timers_listed
printf '\n%s fact 56\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 57\n' "$mark"
probe_port 80
printf '\n%s fact 58\n' "$mark"
site_fact
printf '\n%s fact 59\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 60\n' "$mark"
site_fact
echo
echo --
site_addresses
printf '\n%s fact 61\n' "$mark"
site_fact
echo
echo --
site_locations
printf '\n%s fact 62\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 63\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 64\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 65\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf 61fffcbcde02de4ab498c74d4e5f2bdf03c1e613bad08250f36e2dd3a26b19dc
printf '\n%s fact 66\n' "$mark"
probe_path /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service ''
printf '\n%s fact 67\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-boot.service ''
printf '\n%s fact 68\n' "$mark"
probe_existing /etc/systemd/system/multi-user.target.wants/selvedge-drained.hello.service /etc/systemd/system/selvedge-drained.hello.service /etc/systemd/system/multi-user.target.wants/selvedge-leave.hello.service /etc/systemd/system/selvedge-leave.hello.service /etc/nginx/selvedge/hello.drained.nft /etc/nginx/selvedge/hello.drained-by-run /var/lib/selvedge/loaded/selvedge-leave.hello.service
printf '\n%s fact 69\n' "$mark"
probe_path /etc/nginx/selvedge/hello.htpasswd ''
printf '\n%s fact 70\n' "$mark"
probe_path /etc/selvedge/hello/site-login ''
printf '\n%s fact 71\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 72\n' "$mark"
nginx_outsider
printf '\n%s fact 73\n' "$mark"
nginx_limits
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 955f75b327991cce6c32f3709b577bb633aea20078a339e805be68e9ca81fed9
printf '\n%s fact 74\n' "$mark"
nginx_without_sites /etc/nginx/conf.d/selvedge-sites.conf
echo --
probe_path /etc/nginx/conf.d/selvedge-sites.conf b0ddaf16977a6b8c5f9fbda3f2f56b94909bd9e904f52a165acd7b33d4cbac9d
printf '\n%s fact 75\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 53268a307cc66ac18c2cb333cb71d8b67b6c1e0b4ccd6f5c21aabfb1ddbce4cd
printf '\n%s fact 76\n' "$mark"
probe_path /etc/nginx/conf.d/00-log-selvedge.conf 91d953566d8ad6c43c35a82a6c630b92f0c2c800b0f77eb083b684b7b40da1e3
printf '\n%s fact 77\n' "$mark"
probe_path /etc/nginx/snippets/hello.include.conf ''
printf '\n%s fact 78\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf 51a7207cc3b3460892ed2fd95a9cc0e6b7e971bbfda6c83cd37d7bbe1b034deb
printf '\n%s fact 79\n' "$mark"
probe_path /etc/nginx/conf.d/00-selvedge-hello.conf ''
printf '\n%s fact 80\n' "$mark"
site_locations_of hello
printf '\n%s fact 81\n' "$mark"
:
echo --
probe_path /etc/nginx/sites-available/hello b96c8c2b5c87f5c0274ccaa27a14811a2168cb3100b69554b86ef188fc1e4a09
printf '\n%s fact 82\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 83\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 84\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 85\n' "$mark"
site_fact
printf '\n%s fact 86\n' "$mark"
probe_path /etc/logrotate.d/hello 94e58c367a9b8707bd483908e241fed71a957b6f3ce9dfe30b598e254ff46f4a
printf '\n%s fact 87\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 88\n' "$mark"
probe_path /var/lib/nginx/cache-hello ''
printf '\n%s fact 89\n' "$mark"
maintenance_fact hello
printf '\n%s fact 90\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local f7019a51a9c124ebc54dc0dfb3f5c3c7969a865b4e8ca323c7cd359eb84718e4
printf '\n%s fact 91\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 92\n' "$mark"
probe_existing /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/selvedge/hello/certificate.pem /etc/nginx/sites-available/hello-tls
:
}
read_lookups() {
probe_take_paths /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/deploy_key /srv/hello/git_credentials /srv/hello/releases/0123456789ab /etc/selvedge/hello/build.env /srv/hello/venvs /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-0f8825 /srv/hello/instances/0123456789ab-0f8825/.venv /srv/hello/instances/0123456789ab-0f8825/env /srv/hello/instances/0123456789ab-0f8825/run /srv/hello/instances/0123456789ab-0f8825/selvedge_worker.py /srv/hello/instances/0123456789ab-0f8825/selvedge_app.py /srv/hello/instances/0123456789ab-0f8825/selvedge_explain.py /srv/hello/instances/0123456789ab-0f8825/selvedge_asgi.py /srv/hello/instances/0123456789ab-0f8825/selvedge_log.py /srv/hello/instances/0123456789ab-0f8825/gunicorn_start /srv/hello/instances/0123456789ab-0f8825/processes /srv/hello/instances/0123456789ab-0f8825/processes/beat /srv/hello/instances/0123456789ab-0f8825/processes/beat/start /srv/hello/instances/0123456789ab-0f8825/processes/beat/settings /srv/hello/instances/0123456789ab-0f8825/processes/beat/process.service /srv/hello/instances/0123456789ab-0f8825/unit.socket /srv/hello/instances/0123456789ab-0f8825/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf /etc/systemd/system/docker.service.d/50-selvedge-hello.conf /etc/systemd/system/docker.service.wants/selvedge-stop.hello.service /etc/systemd/system/supervisor.service.wants/selvedge-stop.hello.service /srv/hello/stop_processes.py /etc/systemd/system/selvedge-stop.hello.service /etc/tmpfiles.d/hello.conf /run/hello /etc/selvedge/hello/database.pem /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service /etc/systemd/system/selvedge-hello-boot.service /etc/nginx/selvedge/hello.htpasswd /etc/selvedge/hello/site-login /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.include.conf /etc/nginx/snippets/hello.conf /etc/nginx/conf.d/00-selvedge-hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /var/lib/nginx/cache-hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_hashes /srv/hello/instances/0123456789ab-0f8825/env /srv/hello/instances/0123456789ab-0f8825/run /srv/hello/instances/0123456789ab-0f8825/selvedge_worker.py /srv/hello/instances/0123456789ab-0f8825/selvedge_app.py /srv/hello/instances/0123456789ab-0f8825/selvedge_explain.py /srv/hello/instances/0123456789ab-0f8825/selvedge_asgi.py /srv/hello/instances/0123456789ab-0f8825/selvedge_log.py /srv/hello/instances/0123456789ab-0f8825/gunicorn_start /srv/hello/instances/0123456789ab-0f8825/processes/beat/start /srv/hello/instances/0123456789ab-0f8825/processes/beat/settings /srv/hello/instances/0123456789ab-0f8825/processes/beat/process.service /srv/hello/instances/0123456789ab-0f8825/unit.socket /srv/hello/instances/0123456789ab-0f8825/unit.service /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/tmpfiles.d/hello.conf /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2
:
}
read_all nginx.service logrotate.timer fail2ban.service
