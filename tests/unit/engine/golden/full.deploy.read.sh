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

# … the library shared

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
probe_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor restic
printf '\n%s fact 2\n' "$mark"
python_tool_fact apprise
printf '\n%s fact 3\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 4\n' "$mark"
probe_unit supervisor.service
printf Stamp=
stamp_read supervisor
echo
printf '\n%s fact 5\n' "$mark"
python_tool_fact uv
printf '\n%s fact 6\n' "$mark"
python_fact /opt/selvedge/python/3.12 3.12
printf '\n%s fact 7\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 8\n' "$mark"
probe_unit postgresql.service
echo
printf '\n%s fact 9\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 10\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 11\n' "$mark"
app=hello
postgres_fact
printf '\n%s fact 12\n' "$mark"
cat /etc/postgresql/*/*/conf.d/60-selvedge-hello.conf 2>/dev/null || :
grep -hs -e '^# selvedge: the servers that use the database hello$' -e '# selvedge: a restore of hello is not finished$' /etc/postgresql/*/*/pg_hba.conf || :
printf '\n%s fact 13\n' "$mark"
redis_fact
printf '\n%s fact 14\n' "$mark"
if getent passwd hello; then id -nG hello 2>/dev/null || true
else
if getent group hello >/dev/null; then echo 'has a group'; fi
fi
printf '\n%s fact 15\n' "$mark"
redis_fact
echo --
probe_path /etc/systemd/system/selvedge-redis@.service 92d9d3e4ec4e5426c9c52766a7dbb3770e1b89baefec10dbf5cea560c7129a6c
printf '\n%s fact 16\n' "$mark"
probe_memory
probe_path /etc/selvedge/redis/hello.conf 556a72108d9db1deb4d6a0d83965c3a8fb8fb3a429b9df88004fce154b2cdf41
printf '\n%s fact 17\n' "$mark"
probe_unit selvedge-redis@hello.service
printf Stamp=
stamp_read selvedge-redis@hello
echo
printf '\n%s fact 18\n' "$mark"
app=hello
base=/srv/hello
restoring_fact
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
shared_fact /srv/hello/releases/0123456789ab/backend /srv/hello/shared uploads data/blog.db
printf '\n%s fact 29\n' "$mark"
[ -e /srv/hello/releases/0123456789ab ] && echo there || true
printf '\n%s fact 30\n' "$mark"
probe_path /etc/selvedge/hello/build.env ''
printf '\n%s fact 31\n' "$mark"
hook_built /srv/hello/releases/0123456789ab/.selvedge-before_build 4aee93435a157cb2 /srv/hello/releases/0123456789ab '' /srv/hello/live.sock
printf '\n%s fact 32\n' "$mark"
probe_path /srv/hello/venvs ''
printf '\n%s fact 33\n' "$mark"
if [ -x /srv/hello/releases/0123456789ab/.venv/bin/python ]; then probe_line /srv/hello/releases/0123456789ab/.venv/.selvedge; fi
printf '\n%s fact 34\n' "$mark"
[ -e /srv/hello/releases/0123456789ab/.venv/bin/python ] && echo there || true
printf '\n%s fact 35\n' "$mark"
probe_path /etc/tmpfiles.d/hello.conf f7f2482494c297529b0d553097d04214e06f2a6519bdac6697c9161cdbdf5f02
printf '\n%s fact 36\n' "$mark"
probe_path /run/hello ''
printf '\n%s fact 37\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 38\n' "$mark"
probe_path /srv/hello/instances ''
printf '\n%s fact 39\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144 ''
printf '\n%s fact 40\n' "$mark"
readlink /srv/hello/instances/0123456789ab-fae144/.venv || echo; readlink /srv/hello/releases/0123456789ab/.venv || echo
printf '\n%s fact 41\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/env ''
base=/srv/hello
live_socket=/srv/hello/live.sock
environment_of_live /srv/hello/instances/0123456789ab-fae144/env
printf '\n%s fact 42\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/run c3e29979a56a41a2109fe0e6c85a7aec0b4d1fa1e2c3048f5e80708779c2646f
printf '\n%s fact 43\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/selvedge_worker.py d73a691431f2a05f848f49dfdd629abfe8a89d4b9546d9f88f9570c77b05c6c0
printf '\n%s fact 44\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/selvedge_app.py fcef1e0291391499d74ede75a78622fa1fb138768df74c725f7118c51a851cb8
printf '\n%s fact 45\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/selvedge_explain.py b3df473e85a707954cf5301a8f5a6ab63d043a572ebec0eaab9eaa73a209a3e9
printf '\n%s fact 46\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/selvedge_asgi.py 03cfc2fa71b2e73c05a399435e22c75983d302bc46efadac3e1394b98920132e
printf '\n%s fact 47\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/selvedge_log.py 0f91e04a2c13be4334fb2228bd00ce8eb9b1a3836a28893653b9b3f362287d5a
printf '\n%s fact 48\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/gunicorn_start 300734835a75946815a9c20a1d99cde2ca1ec11cdb96b475bfdec5e68886a767
printf '\n%s fact 49\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/processes ''
printf '\n%s fact 50\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/processes/worker ''
printf '\n%s fact 51\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/processes/worker/start fa9f42833fd103360229665ecddb566c259b4c4d5566237318152c28cc704173
printf '\n%s fact 52\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/processes/worker/settings 55c41c6f94558086b04242ba946d2cdb003208c4addf677179d72e3aa7b2c400
printf '\n%s fact 53\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/processes/worker/process.conf b6ad04866c2c97299787cddf8c17596fb712a91cae5bc43a0e1b996065b0ea34
printf '\n%s fact 54\n' "$mark"
hook_built /srv/hello/releases/0123456789ab/.selvedge-after_build.0123456789ab-fae144 d944855a14613d34 /srv/hello/releases/0123456789ab 0123456789ab-fae144 /srv/hello/live.sock
printf '\n%s fact 55\n' "$mark"
site_unreadable /srv/hello/releases/0123456789ab backend/static
site_unreadable /srv/hello/releases/0123456789ab frontend/dist
site_without_page /srv/hello/releases/0123456789ab frontend/dist
echo end
printf '\n%s fact 56\n' "$mark"
[ -e /etc/supervisor/supervisord.conf ] && echo there || true
printf '\n%s fact 57\n' "$mark"
[ -e /srv/hello/instances/0123456789ab-fae144/gunicorn_start ] && echo there || true
printf '\n%s fact 58\n' "$mark"
probe_path /srv/hello/instances/0123456789ab-fae144/program.conf a9b8b9336553e5fbbb5524c2e2950b5d2dd3fb25841d2ecc8a6ae1c09dbcf44d
printf '\n%s fact 59\n' "$mark"
probe_path /etc/logrotate.d/hello.app 1d904d26f8385f387153a8e954b6ab9dfdf11a05835f25db6040541bf5a24c5b
printf '\n%s fact 60\n' "$mark"
probe_path /etc/systemd/system/logrotate.timer.d/selvedge.conf 81f7861e60764b8591959c1294dcbb92c527d26dd361966f9148c25c32cbf0ce
printf '\n%s fact 61\n' "$mark"
probe_unit logrotate.timer
printf Stamp=
stamp_read logrotate.timer
echo
printf '\n%s fact 62\n' "$mark"
probe_path /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf fe879288ae438794803b3107d34d2146fe4248c4b0d44ceaa3d159325292339a
printf '\n%s fact 63\n' "$mark"
probe_unit supervisor.service
printf Stamp=
stamp_read supervisor-order-hello
echo
printf '\n%s fact 64\n' "$mark"
probe_path /etc/systemd/system/docker.service.d/50-selvedge-hello.conf ''
printf '\n%s fact 65\n' "$mark"
probe_path /etc/systemd/system/docker.service.wants/selvedge-stop.hello.service ''
printf '\n%s fact 66\n' "$mark"
probe_path /srv/hello/stop_processes.py 84604499e6473349a0f8ab138e08c4cc744cbb72101e3e712a2b4e683d47ccb6
printf '\n%s fact 67\n' "$mark"
probe_path /etc/systemd/system/selvedge-stop.hello.service c70d7eb05fc29e2347c39ad5a53c446a9e9a435f5ffbababacfa813a8d45ffc2
printf '\n%s fact 68\n' "$mark"
probe_unit selvedge-stop.hello.service
printf Stamp=
stamp_read selvedge-stop.hello.service
echo
printf '\n%s fact 69\n' "$mark"
[ -e /opt/selvedge/apprise/bin/python ] && echo there || true
printf '\n%s fact 70\n' "$mark"
probe_path /usr/local/lib/selvedge/messages ''
printf '\n%s fact 71\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages ''
printf '\n%s fact 72\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/__init__.py 8b1f65657d5a2627dc7d188a21896def92ce3b506c5b59e1cd3d14573cb264bb
printf '\n%s fact 73\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/__main__.py 61f425ba752751edce03f179fdbb9f14f6dd7ca27b1daa69eece163f4ce608c1
printf '\n%s fact 74\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/checks.py 4ed1c136eb71217596956325a747c2a386f7f85d4262c3f0ac365add7e340939
printf '\n%s fact 75\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/ended.py 33f9fd828170a1278b27df08ed27eeb3da2efe516d48e7315ba5114e99144455
printf '\n%s fact 76\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/escapes.py dc13cf3a018da90ab8d552e4b4bacacc938140cea190f87e3053e63cd0fd548f
printf '\n%s fact 77\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/notify.py 1b6472c466286d10625bf1b9184c8a8d367d0a60a0a57b13662db776b33e812b
printf '\n%s fact 78\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/outcome.py 9d3adef7c29bc9a84068b1451e33dd9d2167dee93adadcd828c18d047d2bf239
printf '\n%s fact 79\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/sending.py 432c7e3424f00c839eca5c23769545ae14b1a63c1e6cb934433c1e7dc12edc5e
printf '\n%s fact 80\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/settings.py feded0fffa80d0d3cec996b3dcd24861f7bc29f7d48afb3bc21bf2fcf7aeca2d
printf '\n%s fact 81\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/text.py 68e3de05cd38f4fd5ff0c479829d3e02be659a966142abaa08ba698402d2f2c2
printf '\n%s fact 82\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/told.py 6d9e84666fc477ed6152dfa544ca90ea482d6671185f0790376a20ca594b1821
printf '\n%s fact 83\n' "$mark"
probe_path /usr/local/lib/selvedge/messages/messages/trial.py f771aa6b3e6d71819910a28f3a1ba6f1afc3d2416fac2fda864e23ccc51316e8
printf '\n%s fact 84\n' "$mark"
probe_path /usr/local/lib/selvedge/notify b86e750454bc977c09279adee8b6ff7764d88e38e6daa9bc2732feca17d04467
printf '\n%s fact 85\n' "$mark"
probe_path /etc/selvedge/hello/notify.json 9a89c55b60a3ef7eac92f9dfe69dff64a3c953da63a25b9ba07798fc75358c98
printf '\n%s fact 86\n' "$mark"
probe_path /etc/selvedge/hello/notify-urls ''
printf '\n%s fact 87\n' "$mark"
probe_path /etc/systemd/system/selvedge-notify@.service 8706fa0310023fcaba6d9c6efdc010266b037f23ff4c5b05dd063e0152ce3d3c
printf '\n%s fact 88\n' "$mark"
probe_path /etc/systemd/system/selvedge-notify-check.service 7b32f60ec515212b6fe24d2c21e26a9fea285e1c8943089b17872ba87115ae15
printf '\n%s fact 89\n' "$mark"
probe_path /etc/systemd/system/selvedge-notify-check.timer 8f2180ce2847e55e1e66b28316d1e5ada6aac158704b7a04147dc1e8ab1af342
printf '\n%s fact 90\n' "$mark"
probe_path /etc/systemd/system/certbot.service.d/selvedge-notify.conf 61e3ce613210611f4073e28397622cf13ae63cb54c299a00d7b8cecbe1689b72
printf '\n%s fact 91\n' "$mark"
probe_path /etc/systemd/system/snap.certbot.renew.service.d/selvedge-notify.conf 61e3ce613210611f4073e28397622cf13ae63cb54c299a00d7b8cecbe1689b72
printf '\n%s fact 92\n' "$mark"
probe_path /etc/systemd/system/selvedge-certbot.service.d/selvedge-notify.conf 61e3ce613210611f4073e28397622cf13ae63cb54c299a00d7b8cecbe1689b72
printf '\n%s fact 93\n' "$mark"
probe_unit selvedge-notify-check.timer
printf Stamp=
stamp_read selvedge-notify-check.timer
echo
printf '\n%s fact 94\n' "$mark"
probe_packages restic
:
}
read_second() {
printf '\n%s fact 95\n' "$mark"
probe_path /srv/hello/backup ''
printf '\n%s fact 96\n' "$mark"
probe_path /srv/hello/backup/state ''
printf '\n%s fact 97\n' "$mark"
probe_path /srv/hello/backup/program ''
printf '\n%s fact 98\n' "$mark"
probe_path /srv/hello/backup/program/backup ''
printf '\n%s fact 99\n' "$mark"
probe_path /srv/hello/backup/program/backup/__init__.py 9385f5bd11808ada479e684879777238cb8057107dd3f49f46840ccd3da0ef4a
printf '\n%s fact 100\n' "$mark"
probe_path /srv/hello/backup/program/__main__.py 9c1f63494974cc554d22a2621a56e92a20d8a1cfdd889e1f281a77843aa8ee66
printf '\n%s fact 101\n' "$mark"
probe_path /srv/hello/backup/program/backup/choosing.py fb2347e1dffd30c95bc2242aab42cf474ce4667e1e8e8d505517a188b81d3f95
printf '\n%s fact 102\n' "$mark"
probe_path /srv/hello/backup/program/backup/dumps.py 0c8819cf68b7ae0065e484543ccacd748da30e731bb5331e6b5f3b1d963736ee
printf '\n%s fact 103\n' "$mark"
probe_path /srv/hello/backup/program/backup/excluding.py 15724bc49356bd6902a7c1fe85bfac9181b5a5c7dd03a4e4ddc84ba64232cb29
printf '\n%s fact 104\n' "$mark"
probe_path /srv/hello/backup/program/backup/finding.py 54f3289d4a14ed13ebc31eba7cf4d638a689904c9840c4ee4dff42222183c42f
printf '\n%s fact 105\n' "$mark"
probe_path /srv/hello/backup/program/backup/half.py 9b12a69eff670e9dbfd014e16db585bfe715bcdb73e9a1ef4ede88d6a8eca565
printf '\n%s fact 106\n' "$mark"
probe_path /srv/hello/backup/program/backup/network.py 7e4f58a622e1127847dc6c472431bc3051c86a214045d32e6195436d6ae61a4e
printf '\n%s fact 107\n' "$mark"
probe_path /srv/hello/backup/program/backup/paths.py 63637588719b1309e00d67c29863cb4adeebfb81f662d2e1f64c2ab957f92fe2
printf '\n%s fact 108\n' "$mark"
probe_path /srv/hello/backup/program/backup/postgres.py 7e9b95a2df9690478aa747e9742592836c757b8bc75da70249b84cb433106c63
printf '\n%s fact 109\n' "$mark"
probe_path /srv/hello/backup/program/backup/psql.py 9984227860daf0799473ea107f2c96f2c2333216d5ff24bb6be2ed4cf2962fea
printf '\n%s fact 110\n' "$mark"
probe_path /srv/hello/backup/program/backup/repository.py 726ad3a087b38035c88faf0768460935281cdcdc3843e27e4b5f0e342913631d
printf '\n%s fact 111\n' "$mark"
probe_path /srv/hello/backup/program/backup/restoring.py 9d4e05afc04b987b794318dc413b0068fddf55b2ed8eac6d37cf979c65761d50
printf '\n%s fact 112\n' "$mark"
probe_path /srv/hello/backup/program/backup/settings.py 7cd4db9f494e3b7198be93fb283f003264f264d613b0c412bf6d7ab6c6cbb047
printf '\n%s fact 113\n' "$mark"
probe_path /srv/hello/backup/program/backup/sqlite.py 6f160bf288cbf7389a5c72e5a36e8b03a9c4629a0b73f3d090ae88c4a915feda
printf '\n%s fact 114\n' "$mark"
probe_path /srv/hello/backup/program/backup/swapping.py 05df111b4c05787d1c5fd89c582ff8dd26900f89252621319218c60551876f43
printf '\n%s fact 115\n' "$mark"
probe_path /srv/hello/backup/program/backup/taking.py c44356e8e20642850f78ac23d278e1828fcd240f5d086063c91517af1af7ef04
printf '\n%s fact 116\n' "$mark"
probe_path /srv/hello/backup/program/backup/volumes.py f067d0bfbef7cba82ef4a060a837b5f015084a2807944ac5fb5592ae786cdae9
printf '\n%s fact 117\n' "$mark"
probe_path /srv/hello/backup/settings.json 3e17db2ee20be2508d2d0c918539049a06fda47d34a2e7bf3785ae5c2f701710
printf '\n%s fact 118\n' "$mark"
probe_path /srv/hello/backup/password ''
printf '\n%s fact 119\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-backup.service b43dd957e4e380bca1cf4e7fbbb6c24f9cfe40afaa4eca97eb7ec1cf9b1e79c5
printf '\n%s fact 120\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-backup.timer 0a60bf094f728dbe62b7b608001ec5bc5a0032ca57676db9eb7cefb7a7d7c3d4
printf '\n%s fact 121\n' "$mark"
probe_unit selvedge-hello-backup.timer
printf Stamp=
stamp_read selvedge-hello-backup.timer
echo
printf '\n%s fact 122\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-rehearsal.service c95c2786f11b4a97aa42952d40d41d47e2cfc8af7b7ec62b2c6fb049f2b78023
printf '\n%s fact 123\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-rehearsal.timer 4a21201436f150fe9bd31b9e526ac831185e6d85d77560b71461b13b835e0ed9
printf '\n%s fact 124\n' "$mark"
probe_unit selvedge-hello-rehearsal.timer
printf Stamp=
stamp_read selvedge-hello-rehearsal.timer
echo
printf '\n%s fact 125\n' "$mark"
app=hello
base=/srv/hello
run_dir=/run/hello
live_socket=/srv/hello/live.sock
supervisor_conf=/etc/supervisor/conf.d/hello.conf
releases_fact
base=/srv/hello
environment_of_left 0123456789ab-fae144
printf '\n%s fact 126\n' "$mark"
probe_path /etc/selvedge/hello/database.pem ''
printf '\n%s fact 127\n' "$mark"
app=hello
timers_listed
printf '\n%s fact 128\n' "$mark"
probe_path /srv/hello/timers ''
printf '\n%s fact 129\n' "$mark"
probe_path /srv/hello/timers/record 016d598f7909600b58310cbffaa073cabf359071047ec5d768915d9dbf710224
printf '\n%s fact 130\n' "$mark"
probe_path /srv/hello/timers/cleanup.sh f6c8b49b4298ef8e5c1b569e1f964fa54474fcd3dac1d85e8fb8f95afaa6f0cf
printf '\n%s fact 131\n' "$mark"
probe_path /etc/systemd/system/selvedge-timer-hello.cleanup.service ea1abdcf248c680dfd053b0bfdfe9e8993557c489a957e2ea334162638a17889
printf '\n%s fact 132\n' "$mark"
probe_path /etc/systemd/system/selvedge-timer-hello.cleanup.timer 19bc05e1b858ff8f1791adff645d484d7cc5f2145c1526b305524b91843f3a71
printf '\n%s fact 133\n' "$mark"
probe_unit selvedge-timer-hello.cleanup.timer
printf Stamp=
stamp_read selvedge-timer-hello.cleanup.timer
echo
printf '\n%s fact 134\n' "$mark"
hook_switched /srv/hello/instances/.after_switch fa95d49c11eeb778 0123456789ab-fae144 /srv/hello/live.sock
printf '\n%s fact 135\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 136\n' "$mark"
probe_port 80
printf '\n%s fact 137\n' "$mark"
site_fact
printf '\n%s fact 138\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 139\n' "$mark"
site_fact
echo
echo --
site_addresses
printf '\n%s fact 140\n' "$mark"
if [ -e /etc/nginx/sites-enabled/hello ]; then
site_hold_fact /etc/nginx/sites-enabled/hello hello
fi
printf '\n%s fact 141\n' "$mark"
site_fact
echo
echo --
site_locations
printf '\n%s fact 142\n' "$mark"
probe_path /var/log/hello ''
printf '\n%s fact 143\n' "$mark"
probe_path /var/log/hello/nginx-access.log
probe_path /var/log/hello/nginx-error.log
probe_path /var/log/hello/nginx-missed.log
printf '\n%s fact 144\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 145\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf 61fffcbcde02de4ab498c74d4e5f2bdf03c1e613bad08250f36e2dd3a26b19dc
printf '\n%s fact 146\n' "$mark"
probe_path /etc/systemd/system/selvedge-hello-boot.service eaf5d81bb95bd55712c4a4a5dbb00e805fe0b2c7e8f02a3645ccbc94022a7ff2
printf '\n%s fact 147\n' "$mark"
probe_path /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service ''
printf '\n%s fact 148\n' "$mark"
probe_existing /etc/systemd/system/multi-user.target.wants/selvedge-drained.hello.service /etc/systemd/system/selvedge-drained.hello.service /etc/systemd/system/multi-user.target.wants/selvedge-leave.hello.service /etc/systemd/system/selvedge-leave.hello.service /etc/nginx/selvedge/hello.drained.nft /etc/nginx/selvedge/hello.drained-by-run /var/lib/selvedge/loaded/selvedge-leave.hello.service
printf '\n%s fact 149\n' "$mark"
site_unreadable /srv/hello/current backend/static
site_unreadable /srv/hello/current frontend/dist
site_without_page /srv/hello/current frontend/dist
echo end
printf '\n%s fact 150\n' "$mark"
stat -c '%a %U %G' -- /srv/hello/shared/uploads 2>/dev/null || true
printf '\n%s fact 151\n' "$mark"
probe_path /etc/nginx/selvedge/hello.htpasswd ''
printf '\n%s fact 152\n' "$mark"
probe_path /etc/selvedge/hello/site-login ''
printf '\n%s fact 153\n' "$mark"
probe_path /var/lib/nginx/cache-hello ''
printf '\n%s fact 154\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 155\n' "$mark"
nginx_outsider
printf '\n%s fact 156\n' "$mark"
nginx_limits
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 955f75b327991cce6c32f3709b577bb633aea20078a339e805be68e9ca81fed9
printf '\n%s fact 157\n' "$mark"
nginx_without_sites /etc/nginx/conf.d/selvedge-sites.conf
echo --
probe_path /etc/nginx/conf.d/selvedge-sites.conf b0ddaf16977a6b8c5f9fbda3f2f56b94909bd9e904f52a165acd7b33d4cbac9d
printf '\n%s fact 158\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 53268a307cc66ac18c2cb333cb71d8b67b6c1e0b4ccd6f5c21aabfb1ddbce4cd
printf '\n%s fact 159\n' "$mark"
probe_path /etc/nginx/conf.d/00-log-selvedge.conf 91d953566d8ad6c43c35a82a6c630b92f0c2c800b0f77eb083b684b7b40da1e3
printf '\n%s fact 160\n' "$mark"
probe_path /etc/nginx/snippets/hello.include.conf ''
printf '\n%s fact 161\n' "$mark"
probe_path /etc/nginx/snippets/hello.conf 9c63176beeb145b162c54e080cbea2e4e939bca577f973faddf5b25cccf906f5
printf '\n%s fact 162\n' "$mark"
probe_path /etc/nginx/conf.d/00-selvedge-hello.conf ''
printf '\n%s fact 163\n' "$mark"
site_locations_of hello
printf '\n%s fact 164\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello hello
echo --
probe_path /etc/nginx/sites-available/hello 012e119502ffd765eceebd7c4f27bc76eea623112ac4a4536db5c6b453b7edc2
printf '\n%s fact 165\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello ''
printf '\n%s fact 166\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 167\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 168\n' "$mark"
site_fact
printf '\n%s fact 169\n' "$mark"
probe_path /etc/logrotate.d/hello 94e58c367a9b8707bd483908e241fed71a957b6f3ce9dfe30b598e254ff46f4a
printf '\n%s fact 170\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello
echo
printf '\n%s fact 171\n' "$mark"
maintenance_fact hello
printf '\n%s fact 172\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.local dced4c593d836f4c1c5820ea1e68b73e1c4f23c7e6dfe48a5e0610ea359819fe
printf '\n%s fact 173\n' "$mark"
[ -e /etc/nginx/sites-available/hello ] && echo there || true
printf '\n%s fact 174\n' "$mark"
probe_port 443
printf '\n%s fact 175\n' "$mark"
site_fact
printf '\n%s fact 176\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 177\n' "$mark"
probe_packages certbot
printf '\n%s fact 178\n' "$mark"
probe_path /etc/selvedge/hello/acme-ca.pem ''
printf '\n%s fact 179\n' "$mark"
probe_path /etc/selvedge/hello/dns-credentials ''
printf '\n%s fact 180\n' "$mark"
probe_unit certbot.timer
printf Stamp=
stamp_read certbot.timer
echo
printf '\n%s fact 181\n' "$mark"
certbot_fact hello certbot.service
printf '\n%s fact 182\n' "$mark"
nginx_version
probe_path /etc/nginx/snippets/selvedge-listen-tls.conf -
printf '\n%s fact 183\n' "$mark"
probe_path /etc/nginx/sites-available/hello-tls d9e0a15756ec016a6bf9dd3cf7204a3c5c443fd40609fc6f82c8e8f1e82bf6fa
printf '\n%s fact 184\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello-tls ''
printf '\n%s fact 185\n' "$mark"
probe_path /etc/nginx/snippets/hello-http.conf 5f1dc54076a4b2a6cd9bea6a1b6b4305c5e649dded48e1a14ca8382c0686e8e0
printf '\n%s fact 186\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello hello
echo --
probe_path /etc/nginx/sites-available/hello 012e119502ffd765eceebd7c4f27bc76eea623112ac4a4536db5c6b453b7edc2
printf '\n%s fact 187\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 188\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-tls-hello
echo
https_fact /etc/letsencrypt/live/hello/fullchain.pem nginx-tls-hello hello.example.com 443
printf '\n%s fact 189\n' "$mark"
probe_path /etc/selvedge/hello/certificate.pem ''
:
}
read_lookups() {
probe_take_paths /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf /srv/hello /srv/hello/releases /srv/hello/shared /srv/hello/repo.git /srv/hello/repo.git/HEAD /srv/hello/git_credentials /srv/hello/releases/0123456789ab /etc/selvedge/hello/build.env /srv/hello/venvs /etc/tmpfiles.d/hello.conf /run/hello /var/log/hello /srv/hello/instances /srv/hello/instances/0123456789ab-fae144 /srv/hello/instances/0123456789ab-fae144/.venv /srv/hello/instances/0123456789ab-fae144/env /srv/hello/instances/0123456789ab-fae144/run /srv/hello/instances/0123456789ab-fae144/selvedge_worker.py /srv/hello/instances/0123456789ab-fae144/selvedge_app.py /srv/hello/instances/0123456789ab-fae144/selvedge_explain.py /srv/hello/instances/0123456789ab-fae144/selvedge_asgi.py /srv/hello/instances/0123456789ab-fae144/selvedge_log.py /srv/hello/instances/0123456789ab-fae144/gunicorn_start /srv/hello/instances/0123456789ab-fae144/processes /srv/hello/instances/0123456789ab-fae144/processes/worker /srv/hello/instances/0123456789ab-fae144/processes/worker/start /srv/hello/instances/0123456789ab-fae144/processes/worker/settings /srv/hello/instances/0123456789ab-fae144/processes/worker/process.conf /srv/hello/instances/0123456789ab-fae144/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf /etc/systemd/system/docker.service.d/50-selvedge-hello.conf /etc/systemd/system/docker.service.wants/selvedge-stop.hello.service /srv/hello/stop_processes.py /etc/systemd/system/selvedge-stop.hello.service /usr/local/lib/selvedge/messages /usr/local/lib/selvedge/messages/messages /usr/local/lib/selvedge/messages/messages/__init__.py /usr/local/lib/selvedge/messages/__main__.py /usr/local/lib/selvedge/messages/messages/checks.py /usr/local/lib/selvedge/messages/messages/ended.py /usr/local/lib/selvedge/messages/messages/escapes.py /usr/local/lib/selvedge/messages/messages/notify.py /usr/local/lib/selvedge/messages/messages/outcome.py /usr/local/lib/selvedge/messages/messages/sending.py /usr/local/lib/selvedge/messages/messages/settings.py /usr/local/lib/selvedge/messages/messages/text.py /usr/local/lib/selvedge/messages/messages/told.py /usr/local/lib/selvedge/messages/messages/trial.py /usr/local/lib/selvedge/notify /etc/selvedge/hello/notify.json /etc/selvedge/hello/notify-urls /etc/systemd/system/selvedge-notify@.service /etc/systemd/system/selvedge-notify-check.service /etc/systemd/system/selvedge-notify-check.timer /etc/systemd/system/certbot.service.d/selvedge-notify.conf /etc/systemd/system/snap.certbot.renew.service.d/selvedge-notify.conf /etc/systemd/system/selvedge-certbot.service.d/selvedge-notify.conf /srv/hello/backup /srv/hello/backup/state /srv/hello/backup/program /srv/hello/backup/program/backup /srv/hello/backup/program/backup/__init__.py /srv/hello/backup/program/__main__.py /srv/hello/backup/program/backup/choosing.py /srv/hello/backup/program/backup/dumps.py /srv/hello/backup/program/backup/excluding.py /srv/hello/backup/program/backup/finding.py /srv/hello/backup/program/backup/half.py /srv/hello/backup/program/backup/network.py /srv/hello/backup/program/backup/paths.py /srv/hello/backup/program/backup/postgres.py /srv/hello/backup/program/backup/psql.py /srv/hello/backup/program/backup/repository.py /srv/hello/backup/program/backup/restoring.py /srv/hello/backup/program/backup/settings.py /srv/hello/backup/program/backup/sqlite.py /srv/hello/backup/program/backup/swapping.py /srv/hello/backup/program/backup/taking.py /srv/hello/backup/program/backup/volumes.py /srv/hello/backup/settings.json /srv/hello/backup/password /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-backup.timer /etc/systemd/system/selvedge-hello-rehearsal.service /etc/systemd/system/selvedge-hello-rehearsal.timer /etc/selvedge/hello/database.pem /srv/hello/timers /srv/hello/timers/record /srv/hello/timers/cleanup.sh /etc/systemd/system/selvedge-timer-hello.cleanup.service /etc/systemd/system/selvedge-timer-hello.cleanup.timer /var/log/hello/nginx-access.log /var/log/hello/nginx-error.log /var/log/hello/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/selvedge-hello-boot.service /etc/systemd/system/multi-user.target.wants/selvedge-hello-boot.service /etc/nginx/selvedge/hello.htpasswd /etc/selvedge/hello/site-login /var/lib/nginx/cache-hello /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.include.conf /etc/nginx/snippets/hello.conf /etc/nginx/conf.d/00-selvedge-hello.conf /etc/nginx/sites-available/hello /etc/nginx/sites-enabled/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/selvedge/hello/acme-ca.pem /etc/selvedge/hello/dns-credentials /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/sites-enabled/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf /etc/selvedge/hello/certificate.pem
probe_take_hashes /etc/systemd/system/selvedge-redis@.service /etc/selvedge/redis/hello.conf /srv/hello/git_credentials /etc/tmpfiles.d/hello.conf /srv/hello/instances/0123456789ab-fae144/env /srv/hello/instances/0123456789ab-fae144/run /srv/hello/instances/0123456789ab-fae144/selvedge_worker.py /srv/hello/instances/0123456789ab-fae144/selvedge_app.py /srv/hello/instances/0123456789ab-fae144/selvedge_explain.py /srv/hello/instances/0123456789ab-fae144/selvedge_asgi.py /srv/hello/instances/0123456789ab-fae144/selvedge_log.py /srv/hello/instances/0123456789ab-fae144/gunicorn_start /srv/hello/instances/0123456789ab-fae144/processes/worker/start /srv/hello/instances/0123456789ab-fae144/processes/worker/settings /srv/hello/instances/0123456789ab-fae144/processes/worker/process.conf /srv/hello/instances/0123456789ab-fae144/program.conf /etc/logrotate.d/hello.app /etc/systemd/system/logrotate.timer.d/selvedge.conf /etc/systemd/system/supervisor.service.d/50-selvedge-hello.conf /srv/hello/stop_processes.py /etc/systemd/system/selvedge-stop.hello.service /usr/local/lib/selvedge/messages/messages/__init__.py /usr/local/lib/selvedge/messages/__main__.py /usr/local/lib/selvedge/messages/messages/checks.py /usr/local/lib/selvedge/messages/messages/ended.py /usr/local/lib/selvedge/messages/messages/escapes.py /usr/local/lib/selvedge/messages/messages/notify.py /usr/local/lib/selvedge/messages/messages/outcome.py /usr/local/lib/selvedge/messages/messages/sending.py /usr/local/lib/selvedge/messages/messages/settings.py /usr/local/lib/selvedge/messages/messages/text.py /usr/local/lib/selvedge/messages/messages/told.py /usr/local/lib/selvedge/messages/messages/trial.py /usr/local/lib/selvedge/notify /etc/selvedge/hello/notify.json /etc/selvedge/hello/notify-urls /etc/systemd/system/selvedge-notify@.service /etc/systemd/system/selvedge-notify-check.service /etc/systemd/system/selvedge-notify-check.timer /etc/systemd/system/certbot.service.d/selvedge-notify.conf /etc/systemd/system/snap.certbot.renew.service.d/selvedge-notify.conf /etc/systemd/system/selvedge-certbot.service.d/selvedge-notify.conf /srv/hello/backup/program/backup/__init__.py /srv/hello/backup/program/__main__.py /srv/hello/backup/program/backup/choosing.py /srv/hello/backup/program/backup/dumps.py /srv/hello/backup/program/backup/excluding.py /srv/hello/backup/program/backup/finding.py /srv/hello/backup/program/backup/half.py /srv/hello/backup/program/backup/network.py /srv/hello/backup/program/backup/paths.py /srv/hello/backup/program/backup/postgres.py /srv/hello/backup/program/backup/psql.py /srv/hello/backup/program/backup/repository.py /srv/hello/backup/program/backup/restoring.py /srv/hello/backup/program/backup/settings.py /srv/hello/backup/program/backup/sqlite.py /srv/hello/backup/program/backup/swapping.py /srv/hello/backup/program/backup/taking.py /srv/hello/backup/program/backup/volumes.py /srv/hello/backup/settings.json /srv/hello/backup/password /etc/systemd/system/selvedge-hello-backup.service /etc/systemd/system/selvedge-hello-backup.timer /etc/systemd/system/selvedge-hello-rehearsal.service /etc/systemd/system/selvedge-hello-rehearsal.timer /srv/hello/timers/record /srv/hello/timers/cleanup.sh /etc/systemd/system/selvedge-timer-hello.cleanup.service /etc/systemd/system/selvedge-timer-hello.cleanup.timer /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/systemd/system/selvedge-hello-boot.service /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.conf /etc/nginx/sites-available/hello /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello /etc/fail2ban/jail.d/60-selvedge-hello.local /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello-tls /etc/nginx/snippets/hello-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx git curl ca-certificates openssh-client python3 python3-venv logrotate iproute2 supervisor restic certbot
:
}
read_all nginx.service supervisor.service postgresql.service selvedge-redis@hello.service logrotate.timer selvedge-stop.hello.service selvedge-notify-check.timer selvedge-hello-backup.timer selvedge-hello-rehearsal.timer selvedge-timer-hello.cleanup.timer fail2ban.service certbot.timer
