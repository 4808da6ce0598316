#!/usr/bin/env bash
# A MariaDB server for the tests: Debian's mariadb-server-core with a data folder of its own, loopback only.
#
# usage: mariadb.sh start|stop|wipe|status|env [--awkward]
#   start    make the data folder once, start, wait until root can log in; does nothing when it runs already
#   stop     end it, keep its data         wipe   end it and delete its data
#   status   say whether it serves (exit 0) or not (exit 3)
#   env      print the export line for the tests
#   --awkward   a second instance with settings that make life hard (sql_server_lib.sh has them)
#
# Environment: HIRESTREAM_TEST_MARIADB_PORT (3307), HIRESTREAM_TEST_MARIADB_AWKWARD_PORT (3317)  HIRESTREAM_TEST_SQL_PASSWORD (root's, secret)  HIRESTREAM_TEST_SQL_WAIT (seconds, 120)
#   HIRESTREAM_CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=${1:-} awkward=0
service=mariadb wanted_server=MariaDB port_variable=HIRESTREAM_TEST_MARIADB_PORT variable=HIRESTREAM_TEST_MARIADB default_port=3307
if [ "${2:-}" = --awkward ]; then
  awkward=1
  service=mariadb-awkward port_variable=HIRESTREAM_TEST_MARIADB_AWKWARD_PORT variable=HIRESTREAM_TEST_MARIADB_AWKWARD default_port=3317
fi
# shellcheck source=service_lib.sh
. "$here/service_lib.sh"
# shellcheck source=sql_server_lib.sh
. "$here/sql_server_lib.sh"

port=${!port_variable:-$default_port}
name=mariadb-$port
[ "$awkward" = 0 ] || name=mariadb-awkward-$port
instance=$services_dir/$name
run_as=()
[ "$(id -u)" = 0 ] && run_as=(--user=root)

find_server() {
  server=$(command -v mariadbd || ls /usr/sbin/mariadbd 2>/dev/null) ||
    fail "mariadbd is not installed" "run .ci/setup, or install mariadb-server-core"
}

prepare() {
  find_server
  cat >"$instance/init.sql" <<SQL
CREATE OR REPLACE USER root@localhost IDENTIFIED BY '$password';
GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION;
CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
$(awkward_user 'SUPER, CONNECTION ADMIN')
SQL
  mariadb-install-db --no-defaults "${run_as[@]}" --datadir="$instance/data" --skip-test-db \
    --auth-root-authentication-method=normal </dev/null
}

launch() {
  local options=()
  find_server
  [ "$awkward" = 0 ] || awkward_options
  # The socket's name is relative to the data folder: a full path may exceed the 107 bytes that a socket's name can have.
  setsid nohup "$server" --no-defaults "${run_as[@]}" --datadir="$instance/data" --init-file="$instance/init.sql" \
    --bind-address="$address" --port="$port" --socket=mariadbd.sock --pid-file="$instance/data/mariadbd.pid" \
    --log-error="$instance/error.log" --skip-log-bin --skip-name-resolve --innodb-buffer-pool-size=256M \
    --innodb-log-file-size=96M --innodb-flush-log-at-trx-commit=1 --max-connections=200 \
    "${options[@]}" \
    >"$instance/console.log" 2>&1 </dev/null 9>&- &
  launched_pid=$!
}

run_command "$command" "$variable"
