"""The scratch database of .ci/run: `database.py check|create|drop SERVER_URL NAME`. Create prints its URL."""

from __future__ import annotations

import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def main(action: str, server: str, name: str) -> None:
    parts = urlsplit(server)
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
        if action == "check":
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            if row is None or not row[0]:
                raise SystemExit("This user may not create databases.")
        if action == "create":
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            sys.stdout.write(urlunsplit(parts._replace(path=f"/{name}")) + "\n")
        if action == "drop":
            # The tests make `test_NAME` (and one for each worker) beside it.
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE datname = %s OR starts_with(datname, %s)",
                [name, f"test_{name}"],
            ).fetchall()
            for (database,) in found:
                connection.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
                )


if __name__ == "__main__":
    main(*sys.argv[1:])
