LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library acme

# … the library appserver

# … the library apt

# … the library build

# … the library certbot

# … the library clock

# … the library disk

# … the library docker

# … the library dockerengine

# … the library dockerunit

# … the library environment

# … the library export

# … the library file

# … the library git

# … the library group

# … the library gunicorn

# … the library hide

# … the library history

# … the library hook

# … the library https

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

# … the library postgres

# … the library probe

# … the library processes

# … the library project

# … the library prune

# … the library python

# … the library read

# … the library redis

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
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 busybox-static
printf '\n%s fact 2\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 3\n' "$mark"
probe_path /etc/docker ''
printf '\n%s fact 4\n' "$mark"
dockerengine_settings
printf '\n%s fact 5\n' "$mark"
probe_path /etc/systemd/system/docker.service.d/50-selvedge.conf 01d579f40903ec1d9a6f7812cb7b488676ee18705ff8cb418d649ce12909b05a
printf '\n%s fact 6\n' "$mark"
dockerengine_fact
printf '\n%s fact 7\n' "$mark"
probe_unit docker.service
printf Stamp=
stamp_read docker
echo
printf '\n%s fact 8\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 9\n' "$mark"
probe_unit postgresql.service
echo
printf '\n%s fact 10\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 11\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 12\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 13\n' "$mark"
cat /etc/postgresql/*/*/conf.d/60-selvedge-hello.conf 2>/dev/null || :
grep -hs -e '^# selvedge: the servers that use the database hello$' -e '# selvedge: a restore of hello is not finished$' /etc/postgresql/*/*/pg_hba.conf || :
printf '\n%s fact 14\n' "$mark"
redis_fact
printf '\n%s fact 15\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 16\n' "$mark"
redis_fact
echo --
probe_path /etc/systemd/system/selvedge-redis@.service 92d9d3e4ec4e5426c9c52766a7dbb3770e1b89baefec10dbf5cea560c7129a6c
printf '\n%s fact 17\n' "$mark"
probe_memory
probe_path /etc/selvedge/redis/hello.conf 556a72108d9db1deb4d6a0d83965c3a8fb8fb3a429b9df88004fce154b2cdf41
printf '\n%s fact 18\n' "$mark"
probe_unit selvedge-redis@hello.service
printf Stamp=
stamp_read selvedge-redis@hello
echo
printf '\n%s fact 19\n' "$mark"
[ -e /usr/bin/git ] && echo there || true
printf '\n%s fact 20\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 21\n' "$mark"
probe_path /srv/hello ''
printf '\n%s fact 22\n' "$mark"
probe_path /srv/hello/releases ''
printf '\n%s fact 23\n' "$mark"
probe_path /srv/hello/shared ''
printf '\n%s fact 24\n' "$mark"
probe_path /srv/hello/repo.git ''
probe_path /srv/hello/repo.git/HEAD ''
printf '\n%s fact 25\n' "$mark"
probe_path /srv/hello/git_credentials ''
printf '\n%s fact 26\n' "$mark"
mirror_fact /srv/hello/repo.git 0123456789abcdef0123456789abcdef01234567
printf '\n%s fact 27\n' "$mark"
probe_path /srv/hello/releases/0123456789ab ''
printf '\n%s fact 28\n' "$mark"
[ -e /usr/bin/docker ] && echo there || true
printf '\n%s fact 29\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 30\n' "$mark"
probe_path /etc/selvedge/hello/build.env ''
printf '\n%s fact 31\n' "$mark"
hook_built /srv/hello/releases/0123456789ab/.selvedge-before_build 88e6894eb7f6d21f /srv/hello/releases/0123456789ab '' /srv/hello/live.sock
printf '\n%s fact 32\n' "$mark"
probe_path /srv/hello/images ''
printf '\n%s fact 33\n' "$mark"
image=hello:0123456789ab.77cebf
mark_path=/srv/hello/images/0123456789ab
request='backend gunicorn uvicorn_worker'
image_fact
printf '\n%s fact 34\n' "$mark"
[ -e /srv/hello/images/0123456789ab ] && echo there || true
printf '\n%s fact 35\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf f7f2482494c297529b0d553097d04214e06f2a6519bdac6697c9161cdbdf5f02
printf '\n%s fact 36\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 37\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 38\n' "$mark"
probe_path /srv/hello/instances ''
printf '\n%s fact 39\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f ''
printf '\n%s fact 40\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/env ''
base=/srv/hello
live_socket=/srv/hello/live.sock
environment_of_live /srv/hello/instances/0123456789ab-ba359f/env
printf '\n%s fact 41\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/run b4746d5da9506a60bb99249a0b0557c8bf16015865f4449e39702a52ab758374
printf '\n%s fact 42\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/selvedge_worker.py d46faf095d12b418152a606ac73fc1c08eb1798230945c73e3ce71ad1132b9a5
printf '\n%s fact 43\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/selvedge_app.py fcef1e0291391499d74ede75a78622fa1fb138768df74c725f7118c51a851cb8
printf '\n%s fact 44\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/selvedge_explain.py b3df473e85a707954cf5301a8f5a6ab63d043a572ebec0eaab9eaa73a209a3e9
printf '\n%s fact 45\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/selvedge_asgi.py 03cfc2fa71b2e73c05a399435e22c75983d302bc46efadac3e1394b98920132e
printf '\n%s fact 46\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/selvedge_log.py 0f91e04a2c13be4334fb2228bd00ce8eb9b1a3836a28893653b9b3f362287d5a
printf '\n%s fact 47\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/gunicorn_start 9177be28ea0719bc4ec9f2ae08dba699377c377baf67bb2a7acb68315bd24309
printf '\n%s fact 48\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/processes ''
printf '\n%s fact 49\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/processes/worker ''
printf '\n%s fact 50\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/processes/worker/start a2adf32209ff5b75b35da17cc441748e280901fc87bd69ba22a8f3d4d4a6f7d6
printf '\n%s fact 51\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/processes/worker/settings f76a8f7377e6d081f6219a9f6c20375e0d6389b5af4ea7c0f7c415d7b54cbf7d
printf '\n%s fact 52\n' "$mark"
[ -e /usr/bin/docker ] && echo there || true
printf '\n%s fact 53\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-ba359f/gunicorn_start ] && echo there || true
printf '\n%s fact 54\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-ba359f/container 0ea69f1bd6cae7e26dbcd2efa076aca5a13a838b5710878462e11fe8be6a45da
printf '\n%s fact 55\n' "$mark"
probe_path /etc/logrotate.d/hello.app 1d904d26f8385f387153a8e954b6ab9dfdf11a05835f25db6040541bf5a24c5b
printf '\n%s fact 56\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 81f7861e60764b8591959c1294dcbb92c527d26dd361966f9148c25c32cbf0ce
printf '\n%s fact 57\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 58\n' "$mark"
probe_path /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf ''
printf '\n%s fact 59\n' "$mark"
probe_path /etc/systemd/system/docker.service.d/50-selvedge-hello.conf dbbf51ae65902c6b5e54a2d3145cc353025e2e13a822a9e8c5d20e2a6410e808
printf '\n%s fact 60\n' "$mark"
probe_unit docker.service
printf Stamp=
stamp_read docker-order-hello
echo
printf '\n%s fact 61\n' "$mark"
probe_path /etc/systemd/system/supervisor.service.wants/selvedge-stop.hello.service ''
printf '\n%s fact 62\n' "$mark"
probe_path /srv/hello/stop_processes.py ''
printf '\n%s fact 63\n' "$mark"
probe_path /etc/systemd/system/selvedge-stop.hello.service ab27ba13f03cf19fe03c143a582f1c2911313821f4d39d35005fca6db58cb04c
printf '\n%s fact 64\n' "$mark"
probe_unit selvedge-stop.hello.service
printf Stamp=
stamp_read selvedge-stop.hello.service
echo
:
}
read_second() {
printf '\n%s fact 65\n' "$mark"
app=hello
messages_left
printf '\n%s fact 66\n' "$mark"
probe_existing /etc/systemd/system/selvedge-hello-backup.timer /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-rehearsal.timer /etc/systemd/system/selvedge-hello-rehearsal.service /srv/hello/backup /srv/hello/backup/cache /srv/hello/backup/credentials /srv/hello/backup/key /srv/hello/backup/known_hosts /srv/hello/backup/password /srv/hello/backup/program /srv/hello/backup/settings.json /srv/hello/backup/state /srv/hello/backup/replaced /srv/hello/backup/restored/kept
printf '%s\n' "$(sed -n '/"whole": true/q; s/.*"chosen": "\([0-9a-z]*\)".*/half yes \1/p; t; s/.*/half yes/p' /srv/hello/backup/state/half-restored 2>/dev/null)"
printf '\n%s fact 67\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
base=/srv/hello
environment_of_left 0123456789ab-ba359f
printf '\n%s fact 68\n' "$mark"
probe_path /etc/selvedge/hello/database.pem ''
printf '\n%s fact 69\n' "$mark"
app=hello
timers_listed
printf '\n%s fact 70\n' "$mark"
probe_path /srv/hello/timers ''
printf '\n%s fact 71\n' "$mark"
probe_path /srv/hello/timers/record 07421e2d7e5b269ce6491d801752e4e0f5289b8090a49a19b133bcb4e92d0111
printf '\n%s fact 72\n' "$mark"
probe_path /srv/hello/timers/cleanup.sh de9fc182811d707132bf899965bc9604d125fdf445753ace378346cd988e7383
printf '\n%s fact 73\n' "$mark"
probe_path /etc/systemd/system/selvedge-timer-hello.cleanup.service ee04f02e839df88235cd4a110d813933debb952af7320b83114fc365822bf3a6
printf '\n%s fact 74\n' "$mark"
probe_path /etc/systemd/system/selvedge-timer-hello.cleanup.timer 878b9b85b4295bc904d18408e397a823d280edebb6048eec034a00ab0c630849
printf '\n%s fact 75\n' "$mark"
probe_unit selvedge-timer-hello.cleanup.timer
printf Stamp=
stamp_read selvedge-timer-hello.cleanup.timer
echo
printf '\n%s fact 76\n' "$mark"
hook_switched /srv/hello/instances/.after_switch 837e0ae787553a3f 0123456789ab-ba359f /srv/hello/live.sock
printf '\n%s fact 77\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 78\n' "$mark"
probe_port 80
printf '\n%s fact 79\n' "$mark"
site_fact
printf '\n%s fact 80\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 81\n' "$mark"
site_fact
echo
echo --
site_addresses
printf '\n%s fact 82\n' "$mark"
if [ -e /etc/nginx/sites-enabled/hello ]; then
site_hold_fact /etc/nginx/sites-enabled/hello hello
fi
printf '\n%s fact 83\n' "$mark"
site_fact
echo
echo --
site_locations
printf '\n%s fact 84\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 85\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 86\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 87\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf 61fffcbcde02de4ab498c74d4e5f2bdf03c1e613bad08250f36e2dd3a26b19dc
printf '\n%s fact 88\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-boot.service 74de35de3f3e221b1c6a8ad7f67c1bdb778cf1b5dbddb5aec14976f60f26ce05
printf '\n%s fact 89\n' "$mark"
probe_path /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service ''
printf '\n%s fact 90\n' "$mark"
probe_existing /etc/systemd/system/multi-user.target.wants/selvedge-drained.hello.service /etc/systemd/system/selvedge-drained.hello.service /etc/systemd/system/multi-user.target.wants/selvedge-leave.hello.service /etc/systemd/system/selvedge-leave.hello.service /etc/nginx/selvedge/hello.drained.nft /etc/nginx/selvedge/hello.drained-by-run /var/lib/selvedge/loaded/selvedge-leave.hello.service
printf '\n%s fact 91\n' "$mark"
probe_path /etc/nginx/selvedge/hello.htpasswd ''
printf '\n%s fact 92\n' "$mark"
probe_path /etc/selvedge/hello/site-login ''
printf '\n%s fact 93\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 94\n' "$mark"
nginx_outsider
printf '\n%s fact 95\n' "$mark"
nginx_limits
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 955f75b327991cce6c32f3709b577bb633aea20078a339e805be68e9ca81fed9
printf '\n%s fact 96\n' "$mark"
nginx_without_sites /etc/nginx/conf.d/selvedge-sites.conf
echo --
probe_path /etc/nginx/conf.d/selvedge-sites.conf b0ddaf16977a6b8c5f9fbda3f2f56b94909bd9e904f52a165acd7b33d4cbac9d
printf '\n%s fact 97\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 53268a307cc66ac18c2cb333cb71d8b67b6c1e0b4ccd6f5c21aabfb1ddbce4cd
printf '\n%s fact 98\n' "$mark"
probe_path /etc/nginx/conf.d/00-log-selvedge.conf 91d953566d8ad6c43c35a82a6c630b92f0c2c800b0f77eb083b684b7b40da1e3
printf '\n%s fact 99\n' "$mark"
probe_path /etc/nginx/snippets/hello.include.conf ''
printf '\n%s fact 100\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf 04e00b79241da03296e3b4ac07cc1a7d4e509c139f69b573ee9a45aa8801b56f
printf '\n%s fact 101\n' "$mark"
probe_path /etc/nginx/conf.d/00-selvedge-hello.conf ''
printf '\n%s fact 102\n' "$mark"
site_locations_of hello
printf '\n%s fact 103\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello hello
echo --
probe_path /etc/nginx/sites-available/hello 1f890ef57c513b564ab5cc8649380d07115ca43866bb7becde31e8918cb260c7
printf '\n%s fact 104\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 105\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 106\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 107\n' "$mark"
site_fact
printf '\n%s fact 108\n' "$mark"
probe_path /etc/logrotate.d/hello 94e58c367a9b8707bd483908e241fed71a957b6f3ce9dfe30b598e254ff46f4a
printf '\n%s fact 109\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 110\n' "$mark"
probe_path /var/lib/nginx/cache-hello ''
printf '\n%s fact 111\n' "$mark"
maintenance_fact hello
printf '\n%s fact 112\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local f7019a51a9c124ebc54dc0dfb3f5c3c7969a865b4e8ca323c7cd359eb84718e4
printf '\n%s fact 113\n' "$mark"
[ -e /etc/nginx/sites-available/hello ] && echo there || true
printf '\n%s fact 114\n' "$mark"
probe_port 443
printf '\n%s fact 115\n' "$mark"
site_fact
printf '\n%s fact 116\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 117\n' "$mark"
probe_packages certbot
printf '\n%s fact 118\n' "$mark"
probe_path /etc/selvedge/hello/acme-ca.pem ''
printf '\n%s fact 119\n' "$mark"
probe_path /etc/selvedge/hello/dns-credentials ''
printf '\n%s fact 120\n' "$mark"
probe_unit certbot.timer
printf Stamp=
stamp_read certbot.timer
echo
printf '\n%s fact 121\n' "$mark"
certbot_fact hello certbot.service
printf '\n%s fact 122\n' "$mark"
nginx_version
probe_path /etc/nginx/snippets/selvedge-listen-tls.conf -
printf '\n%s fact 123\n' "$mark"
probe_path /etc/nginx/sites-available/hello-tls 2bf2dd8cda3bb7a5bc0ebbc510ff58364a79911d9de28221abd469cec0adc3bb
printf '\n%s fact 124\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello-tls ''
printf '\n%s fact 125\n' "$mark"
probe_path /etc/nginx/snippets/hello-http.conf 5f1dc54076a4b2a6cd9bea6a1b6b4305c5e649dded48e1a14ca8382c0686e8e0
printf '\n%s fact 126\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello hello
echo --
probe_path /etc/nginx/sites-available/hello 1f890ef57c513b564ab5cc8649380d07115ca43866bb7becde31e8918cb260c7
printf '\n%s fact 127\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 128\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-tls-hello
echo
https_fact /etc/letsencrypt/live/hello/fullchain.pem nginx-tls-hello hello.example.com 443
printf '\n%s fact 129\n' "$mark"
probe_path /etc/selvedge/hello/certificate.pem ''
:
}
read_lookups() {
probe_take_paths /etc/docker /etc/docker/daemon.json /etc/systemd/system/docker.service.d/50-selvedge.conf /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/git_credentials /srv/hello/releases/0123456789ab /etc/selvedge/hello/build.env /srv/hello/images /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-ba359f /srv/hello/instances/0123456789ab-ba359f/env /srv/hello/instances/0123456789ab-ba359f/run /srv/hello/instances/0123456789ab-ba359f/selvedge_worker.py /srv/hello/instances/0123456789ab-ba359f/selvedge_app.py /srv/hello/instances/0123456789ab-ba359f/selvedge_explain.py /srv/hello/instances/0123456789ab-ba359f/selvedge_asgi.py /srv/hello/instances/0123456789ab-ba359f/selvedge_log.py /srv/hello/instances/0123456789ab-ba359f/gunicorn_start /srv/hello/instances/0123456789ab-ba359f/processes /srv/hello/instances/0123456789ab-ba359f/processes/worker /srv/hello/instances/0123456789ab-ba359f/processes/worker/start /srv/hello/instances/0123456789ab-ba359f/processes/worker/settings /srv/hello/instances/0123456789ab-ba359f/container /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf /etc/systemd/system/docker.service.d/50-selvedge-hello.conf /etc/systemd/system/supervisor.service.wants/selvedge-stop.hello.service /srv/hello/stop_processes.py /etc/systemd/system/selvedge-stop.hello.service /etc/selvedge/hello/database.pem /srv/hello/timers /srv/hello/timers/record /srv/hello/timers/cleanup.sh /etc/systemd/system/selvedge-timer-hello.cleanup.service /etc/systemd/system/selvedge-timer-hello.cleanup.timer /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/selvedge-hello-boot.service /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service /etc/nginx/selvedge/hello.htpasswd /etc/selvedge/hello/site-login /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.include.conf /etc/nginx/snippets/hello.conf /etc/nginx/conf.d/00-selvedge-hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /var/lib/nginx/cache-hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/selvedge/hello/acme-ca.pem /etc/selvedge/hello/dns-credentials /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf /etc/selvedge/hello/certificate.pem
probe_take_hashes /etc/systemd/system/docker.service.d/50-selvedge.conf /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf /etc/selvedge/hello/build.env /etc/tmpfiles.d/hello.conf /srv/hello/instances/0123456789ab-ba359f/env /srv/hello/instances/0123456789ab-ba359f/run /srv/hello/instances/0123456789ab-ba359f/selvedge_worker.py /srv/hello/instances/0123456789ab-ba359f/selvedge_app.py /srv/hello/instances/0123456789ab-ba359f/selvedge_explain.py /srv/hello/instances/0123456789ab-ba359f/selvedge_asgi.py /srv/hello/instances/0123456789ab-ba359f/selvedge_log.py /srv/hello/instances/0123456789ab-ba359f/gunicorn_start /srv/hello/instances/0123456789ab-ba359f/processes/worker/start /srv/hello/instances/0123456789ab-ba359f/processes/worker/settings /srv/hello/instances/0123456789ab-ba359f/container /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/docker.service.d/50-selvedge-hello.conf /etc/systemd/system/selvedge-stop.hello.service /srv/hello/timers/record /srv/hello/timers/cleanup.sh /etc/systemd/system/selvedge-timer-hello.cleanup.service /etc/systemd/system/selvedge-timer-hello.cleanup.timer /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/selvedge-hello-boot.service /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 busybox-static certbot
:
}
read_all nginx.service docker.service postgresql.service selvedge-redis@hello.service logrotate.timer selvedge-stop.hello.service selvedge-timer-hello.cleanup.timer fail2ban.service certbot.timer
