# Run on a bare server, as root: the app of a tutorial that was followed by hand, with supervisor, nginx and certbot.
# Values: acme (directory URL), name (domain). The certificate of the authority's HTTPS server is /root/acme-ca.pem.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get install -qy supervisor nginx certbot python3-venv >/dev/null
useradd --create-home --shell /bin/bash fastapi-user
mkdir -p /home/fastapi-user/app /home/fastapi-user/logs
cat >/home/fastapi-user/app/main.py <<'END'
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def home() -> dict[str, str]:
    return {"message": "Deployed by hand"}
END
echo data >/home/fastapi-user/app/blog.sqlite3
chown -R fastapi-user: /home/fastapi-user
su fastapi-user -c 'cd && python3 -m venv .venv && .venv/bin/pip install -q fastapi uvicorn gunicorn uvicorn-worker' >/dev/null
cat >/etc/supervisor/conf.d/fastapi-app.conf <<'END'
[program:fastapi-app]
command=/home/fastapi-user/.venv/bin/gunicorn main:app -w 1 -k uvicorn_worker.UvicornWorker -b 127.0.0.1:8000
directory=/home/fastapi-user/app
user=fastapi-user
autostart=true
autorestart=true
redirect_stderr=true
stdout_logfile=/home/fastapi-user/logs/gunicorn.log
END
systemctl enable -q --now supervisor nginx
supervisorctl update >/dev/null
cat >/etc/nginx/sites-available/fastapi-app <<END
server {
    listen 80;
    server_name $name;
    root /var/www/html;
    location /.well-known/acme-challenge/ { }
    location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host \$host; }
}
END
ln -s ../sites-available/fastapi-app /etc/nginx/sites-enabled/
systemctl reload nginx
REQUESTS_CA_BUNDLE=/root/acme-ca.pem certbot certonly -q --webroot -w /var/www/html -d "$name" --server "$acme" \
  --agree-tos --register-unsafely-without-email
cat >/etc/nginx/sites-available/fastapi-app <<END
server {
    listen 443 ssl;
    server_name $name;
    ssl_certificate /etc/letsencrypt/live/$name/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/$name/privkey.pem;
    location / { proxy_pass http://127.0.0.1:8000; proxy_set_header Host \$host; }
}
server {
    listen 80;
    server_name $name;
    return 301 https://\$host\$request_uri;
}
END
systemctl reload nginx
