# Sourced by mysql.sh and mariadb.sh, after service_lib.sh: what both servers have in common. Not to be run.
# shellcheck shell=bash disable=SC2154
#
# The sourcing script sets $service, $port_variable, $wanted_server (MySQL or MariaDB), $awkward (0 or 1) and the function launch, which starts the server in
# the background for $instance/data on $address:$port and prints nothing, its pid in $launched_pid; prepare makes the data
# folder and leaves the first statements (the root login) in $instance/init.sql.

# With --awkward the script starts a second instance: small limits, another zone, character set and SQL mode than
# usual, and an init_connect, which servers run for those who may not administer them. Its tests log in as such a user.
tests_user=root
[ "$awkward" = 0 ] || tests_user=tester

awkward_options() {
  local forced="SET NAMES latin1; SET autocommit = 0; SET time_zone = '-03:00'; SET sql_safe_updates = 1; SET sql_select_limit = 3;"
  forced+=" SET sql_mode = 'ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION'"
  options+=(--lower-case-table-names=1 --max-allowed-packet=65536 --net-buffer-length=1024
    --sql-mode=ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION
    --default-time-zone=+07:00 --character-set-server=latin1 --collation-server=latin1_swedish_ci
    --loose-skip-character-set-client-handshake --innodb-lock-wait-timeout=1 --wait-timeout=1 --completion-type=RELEASE
    --transaction-isolation=SERIALIZABLE --div-precision-increment=0 --max-join-size=1
    --autocommit=0 "--init-connect=$forced"
    --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0)  # its data need not last
}

# The awkward instance's user: all rights but those that make one an administrator.
awkward_user() { # PRIVILEGES-OF-ADMINISTRATORS
  [ "$awkward" = 0 ] || cat <<SQL
CREATE USER IF NOT EXISTS $tests_user@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO $tests_user@'127.0.0.1' WITH GRANT OPTION;
REVOKE $1 ON *.* FROM $tests_user@'127.0.0.1';
SQL
}

address=127.0.0.1
password=${HIRESTREAM_TEST_SQL_PASSWORD:-secret}
ready_wait=${HIRESTREAM_TEST_SQL_WAIT:-120}

# MariaDB's client speaks to both; MySQL's default login method is a plugin of its own.
client() { # ARGUMENTS...
  local plugins
  plugins=/usr/lib/$(uname -m)-linux-gnu/libmariadb3/plugin
  MYSQL_PWD=$password mariadb --no-defaults --plugin-dir="$plugins" --connect-timeout=3 \
    -h "$address" -P "$port" -u root "$@"
}

# True when the wanted kind of server lets root in; otherwise $probe_reason says why not.
probe() {
  local version
  port_open "$address" "$port" || {
    probe_reason="no answer"
    return 1
  }
  command -v mariadb >/dev/null || fail "the mariadb client is needed to check the server" "run: .ci/setup"
  if ! version=$(client -N -e 'SELECT VERSION()' 2>&1 </dev/null); then
    probe_reason=${version//$'\n'/ }
    return 1
  fi
  local kind=MySQL
  [[ "$version" == *MariaDB* ]] && kind=MariaDB
  if [ "$kind" = "$wanted_server" ]; then
    probe_reason=
    server_version=$version
    return 0
  fi
  probe_reason="it is another server ($version), $wanted_server is wanted"
  return 1
}

use_foreign() {
  port_open "$address" "$port" || return 1
  if probe; then
    say "using the server $server_version at $address:$port that these scripts did not start (they will not stop it either)"
    return 0
  fi
  fail "$address:$port is taken: $probe_reason" \
    "stop what listens there (ss -ltnp 'sport = :$port'), or choose another port with $port_variable"
}

start() {
  local pid began result=0
  take_lock "$name"
  if pid=$(own_pid "$instance"); then
    wait_until "$pid" "$ready_wait" probe || fail "pid $pid runs but does not serve: $probe_reason" "run: $0 wipe"
    say "already running at $address:$port (pid $pid)"
    return 0
  fi
  use_foreign && return 0
  began=$(now_ms)
  mkdir -p "$instance"
  # The mark is made last: data of an interrupted initialisation is thrown away.
  if [ ! -f "$instance/.initialized" ]; then
    rm -rf "$instance/data"
    prepare >"$instance/prepare.log" 2>&1 || {
      show_logs "$instance/prepare.log"
      fail "the data folder could not be made"
    }
    touch "$instance/.initialized"
  fi
  launch
  echo "$launched_pid" >"$instance/pid"
  wait_until "$launched_pid" "$ready_wait" probe || result=$?
  if [ "$result" = 0 ]; then
    say "$server_version serves at $address:$port after $(elapsed "$began") (pid $launched_pid)"
    return 0
  fi
  show_logs "$instance/console.log" "$instance/error.log"
  [ "$result" = 1 ] && fail "the server ended while starting" "if its data is damaged: $0 wipe"
  stop_own "$instance"
  fail "no usable answer within $ready_wait s: $probe_reason" "a slow machine needs HIRESTREAM_TEST_SQL_WAIT=600"
}

status() {
  local pid
  pid=$(own_pid "$instance") || pid=
  if probe; then
    say "$server_version serves at $address:$port (${pid:+ours, pid }${pid:-not started by these scripts})"
  else
    say "does not serve at $address:$port ($probe_reason)${pid:+; pid $pid runs}"
    exit 3
  fi
}

run_command() { # COMMAND VARIABLE
  case $1 in
    start) start ;;
    stop)
      take_lock "$name"
      stop_own "$instance"
      ;;
    wipe)
      take_lock "$name"
      stop_own "$instance"
      rm -rf "$instance"
      say "deleted $instance"
      ;;
    status) status ;;
    env)
      echo "export $2=mysql://$tests_user@$address:$port"
      echo "export HIRESTREAM_TEST_SQL_PASSWORD=$password"
      ;;
    *)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
      exit 2
      ;;
  esac
}
