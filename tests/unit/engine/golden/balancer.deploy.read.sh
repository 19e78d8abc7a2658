LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL DEBIAN_FRONTEND PATH
# LANGUAGE comes with PAM from /etc/default/locale and would translate output whatever LC_ALL says.
unset CDPATH ENV LANGUAGE
umask 022
cd /

mark=@selvedge
# … the library acme

# … the library apt

# … the library certbot

# … the library disk

# … the library file

# … the library history

# … the library https

# … the library maintenance

# … the library messages

# … the library nginx

# … the library probe

# … the library read

# … the library service

# … the library site

# … the library sources

# … the library stamp

# … the library step

read_first() {
printf '\n%s fact 0\n' "$mark"
probe_port 80
printf '\n%s fact 1\n' "$mark"
probe_packages nginx curl ca-certificates logrotate iproute2
printf '\n%s fact 2\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx
echo
printf '\n%s fact 3\n' "$mark"
[ -e /etc/nginx/nginx.conf ] && echo there || true
printf '\n%s fact 4\n' "$mark"
probe_port 80
printf '\n%s fact 5\n' "$mark"
site_fact
printf '\n%s fact 6\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 7\n' "$mark"
site_fact
echo
echo --
site_addresses
printf '\n%s fact 8\n' "$mark"
if [ -e /etc/nginx/sites-enabled/hello.balancer ]; then
site_hold_fact /etc/nginx/sites-enabled/hello.balancer hello.balancer
fi
printf '\n%s fact 9\n' "$mark"
site_fact
echo
echo --
site_locations
printf '\n%s fact 10\n' "$mark"
probe_path /var/log/hello.balancer ''
printf '\n%s fact 11\n' "$mark"
probe_path /var/log/hello.balancer/nginx-access.log
probe_path /var/log/hello.balancer/nginx-error.log
probe_path /var/log/hello.balancer/nginx-missed.log
printf '\n%s fact 12\n' "$mark"
probe_path /var/www/letsencrypt ''
printf '\n%s fact 13\n' "$mark"
probe_path /etc/systemd/system/nginx.service.d/50-selvedge.conf 61fffcbcde02de4ab498c74d4e5f2bdf03c1e613bad08250f36e2dd3a26b19dc
printf '\n%s fact 14\n' "$mark"
probe_path /etc/nginx/selvedge ''
printf '\n%s fact 15\n' "$mark"
probe_path /etc/nginx/selvedge/hello.balancer.html 745901183a23dffacf241c8b720b5c04a19117dc3c33aa2093a890105e44bdea
printf '\n%s fact 16\n' "$mark"
probe_path /etc/nginx/selvedge/hello.balancer.htpasswd ''
printf '\n%s fact 17\n' "$mark"
probe_path /etc/selvedge/hello.balancer/site-login ''
printf '\n%s fact 18\n' "$mark"
probe_path /etc/nginx/nginx.conf
cat -- /etc/nginx/nginx.conf
printf '\n%s fact 19\n' "$mark"
nginx_outsider
printf '\n%s fact 20\n' "$mark"
nginx_limits
echo --
probe_path /etc/nginx/modules-enabled/90-selvedge.conf 955f75b327991cce6c32f3709b577bb633aea20078a339e805be68e9ca81fed9
printf '\n%s fact 21\n' "$mark"
nginx_without_sites /etc/nginx/conf.d/selvedge-sites.conf
echo --
probe_path /etc/nginx/conf.d/selvedge-sites.conf b0ddaf16977a6b8c5f9fbda3f2f56b94909bd9e904f52a165acd7b33d4cbac9d
printf '\n%s fact 22\n' "$mark"
probe_path /etc/nginx/conf.d/selvedge.conf 53268a307cc66ac18c2cb333cb71d8b67b6c1e0b4ccd6f5c21aabfb1ddbce4cd
printf '\n%s fact 23\n' "$mark"
probe_path /etc/nginx/conf.d/00-log-selvedge.conf 91d953566d8ad6c43c35a82a6c630b92f0c2c800b0f77eb083b684b7b40da1e3
printf '\n%s fact 24\n' "$mark"
probe_path /etc/nginx/snippets/hello.balancer.include.conf ''
printf '\n%s fact 25\n' "$mark"
probe_path /etc/nginx/snippets/hello.balancer.conf d58fd25bf2f82f7f67c5758e043633cbdb63b977a14b6547a7c3e5f10b11c1e2
printf '\n%s fact 26\n' "$mark"
probe_path /etc/nginx/conf.d/00-selvedge-hello.balancer.conf ''
printf '\n%s fact 27\n' "$mark"
site_locations_of hello.balancer
:
}
read_second() {
printf '\n%s fact 28\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello.balancer hello.balancer
echo --
probe_path /etc/nginx/sites-available/hello.balancer b887eab1ed3a9bc161079d61de9df1cd6ece03f41c2e5db4126df814819b7736
printf '\n%s fact 29\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello.balancer ''
printf '\n%s fact 30\n' "$mark"
if site_is_debians; then echo debians; fi
printf '\n%s fact 31\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default.conf -
printf '\n%s fact 32\n' "$mark"
site_fact
printf '\n%s fact 33\n' "$mark"
probe_path /etc/logrotate.d/hello.balancer af0b8165f6f12d2c2406d9332152b0123e87aad4858fcf6ca8be0a23d1ccc62a
printf '\n%s fact 34\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-hello.balancer
echo
printf '\n%s fact 35\n' "$mark"
probe_path /var/lib/nginx/cache-hello.balancer ''
printf '\n%s fact 36\n' "$mark"
maintenance_fact hello.balancer
printf '\n%s fact 37\n' "$mark"
printf '\n--- unit\n'
probe_unit fail2ban.service
printf '\n--- loaded\n'
stamp_read 60-selvedge-hello.balancer
printf '\n--- file\n'
probe_path /etc/fail2ban/jail.d/60-selvedge-hello.balancer.local 12578cd6cdc4d4ce415566622868ecb39e1e57d99e257a072b11a3c57b92bc12
printf '\n%s fact 38\n' "$mark"
[ -e /etc/nginx/sites-available/hello.balancer ] && echo there || true
printf '\n%s fact 39\n' "$mark"
probe_port 443
printf '\n%s fact 40\n' "$mark"
site_fact
printf '\n%s fact 41\n' "$mark"
grep -hs -e '^ENABLED=yes' -e '^### tuple' /etc/ufw/ufw.conf /etc/ufw/user.rules || :
printf '\n%s fact 42\n' "$mark"
probe_packages certbot
printf '\n%s fact 43\n' "$mark"
probe_path /etc/selvedge/hello.balancer/acme-ca.pem ''
printf '\n%s fact 44\n' "$mark"
probe_path /etc/selvedge/hello.balancer/dns-credentials ''
printf '\n%s fact 45\n' "$mark"
probe_unit certbot.timer
printf Stamp=
stamp_read certbot.timer
echo
printf '\n%s fact 46\n' "$mark"
certbot_fact hello.balancer certbot.service
printf '\n%s fact 47\n' "$mark"
nginx_version
probe_path /etc/nginx/snippets/selvedge-listen-tls.conf -
printf '\n%s fact 48\n' "$mark"
probe_path /etc/nginx/sites-available/hello.balancer-tls 8ebc93370b38e9c439bffb7ec3c21a808da9af3da4bcd3f9ff2f17f14dd2ac32
printf '\n%s fact 49\n' "$mark"
probe_path /etc/nginx/sites-enabled/hello.balancer-tls ''
printf '\n%s fact 50\n' "$mark"
probe_path /etc/nginx/snippets/hello.balancer-http.conf 5f1dc54076a4b2a6cd9bea6a1b6b4305c5e649dded48e1a14ca8382c0686e8e0
printf '\n%s fact 51\n' "$mark"
site_hold_fact /etc/nginx/sites-available/hello.balancer hello.balancer
echo --
probe_path /etc/nginx/sites-available/hello.balancer b887eab1ed3a9bc161079d61de9df1cd6ece03f41c2e5db4126df814819b7736
printf '\n%s fact 52\n' "$mark"
nginx_version
site_fact
printf '\n--\n'
probe_path /etc/nginx/conf.d/selvedge-default-tls.conf -
printf '\n%s fact 53\n' "$mark"
probe_unit nginx.service
printf Stamp=
stamp_read nginx-tls-hello.balancer
echo
https_fact /etc/letsencrypt/live/hello.balancer/fullchain.pem nginx-tls-hello.balancer hello.example.com 443
printf '\n%s fact 54\n' "$mark"
probe_path /etc/selvedge/hello.balancer/certificate.pem ''
printf '\n%s fact 55\n' "$mark"
app=hello.balancer
messages_left
:
}
read_lookups() {
probe_take_paths /var/log/hello.balancer /var/log/hello.balancer/nginx-access.log /var/log/hello.balancer/nginx-error.log /var/log/hello.balancer/nginx-missed.log /var/www/letsencrypt /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/selvedge /etc/nginx/selvedge/hello.balancer.html /etc/nginx/selvedge/hello.balancer.htpasswd /etc/selvedge/hello.balancer/site-login /etc/nginx/nginx.conf /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.balancer.include.conf /etc/nginx/snippets/hello.balancer.conf /etc/nginx/conf.d/00-selvedge-hello.balancer.conf /etc/nginx/sites-available/hello.balancer /etc/nginx/sites-enabled/hello.balancer /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello.balancer /var/lib/nginx/cache-hello.balancer /etc/fail2ban/jail.d/60-selvedge-hello.balancer.local /etc/selvedge/hello.balancer/acme-ca.pem /etc/selvedge/hello.balancer/dns-credentials /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello.balancer-tls /etc/nginx/sites-enabled/hello.balancer-tls /etc/nginx/snippets/hello.balancer-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf /etc/selvedge/hello.balancer/certificate.pem
probe_take_hashes /etc/systemd/system/nginx.service.d/50-selvedge.conf /etc/nginx/selvedge/hello.balancer.html /etc/nginx/modules-enabled/90-selvedge.conf /etc/nginx/conf.d/selvedge-sites.conf /etc/nginx/conf.d/selvedge.conf /etc/nginx/conf.d/00-log-selvedge.conf /etc/nginx/snippets/hello.balancer.conf /etc/nginx/sites-available/hello.balancer /etc/nginx/conf.d/selvedge-default.conf /etc/logrotate.d/hello.balancer /etc/fail2ban/jail.d/60-selvedge-hello.balancer.local /etc/nginx/snippets/selvedge-listen-tls.conf /etc/nginx/sites-available/hello.balancer-tls /etc/nginx/snippets/hello.balancer-http.conf /etc/nginx/conf.d/selvedge-default-tls.conf
probe_take_packages nginx curl ca-certificates logrotate iproute2 certbot
:
}
read_all nginx.service fail2ban.service certbot.timer
