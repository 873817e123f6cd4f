# One image for every part of the product: web, workers, beat, sealer. See docker-compose.yml.

FROM node:24-bookworm-slim AS node

FROM python:3.11-slim-bookworm AS assets
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
WORKDIR /build
COPY package.json package-lock.json ./
COPY ops/assets.py ops/
RUN python ops/assets.py vendor

# Backups need PostgreSQL's own programs, of its version. Built for the service `backup` alone.
FROM postgres:17-bookworm AS backup
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-cryptography python3-psycopg2 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/dermaclinic
COPY ops/roles.sql ops/
COPY dermaclinic dermaclinic
USER 10001
ENV PGBIN=/usr/lib/postgresql/17/bin VAULT_DIR=/srv/vault PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python3", "-m", "dermaclinic.backup"]

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=dermaclinic.settings.production
WORKDIR /srv/dermaclinic
COPY ops/native.sh ops/
RUN ops/native.sh demo && rm -rf /var/lib/apt/lists/*
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY . .
COPY --from=assets /build/vendor static/vendor
# Nothing is signed, sealed or connected to while files are collected: keys that nobody keeps.
RUN key() { python -c 'import base64, os; print(base64.b64encode(os.urandom(48)).decode())'; } \
    && SECRET_KEY="$(key)" AUDIT_EVENT_KEY="$(key)" DATABASE_ROLE=owner \
    DATABASE_URL=postgresql:///build REDIS_URL=redis://build \
    python manage.py collectstatic --no-input \
    && useradd --system --uid 10001 --create-home dermaclinic \
    && install -d -o dermaclinic -m 0700 /srv/vault
USER dermaclinic
ENV VAULT_DIR=/srv/vault XDG_CACHE_HOME=/tmp KERAS_HOME=/tmp/keras
VOLUME /srv/vault
EXPOSE 8000
CMD ["gunicorn", "dermaclinic.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--timeout", "120", "--worker-tmp-dir", "/dev/shm", \
     "--no-control-socket"]
