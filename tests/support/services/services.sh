#!/usr/bin/env bash
# The servers that the tests need, together: Cassandra, MySQL, MariaDB (see the script of each for its settings).
#
# usage: services.sh start|stop|wipe|status|env [NAME...]        NAME: cassandra, cassandra-auth, mysql, mysql-awkward,
#                                                                mariadb, mariadb-awkward
#        services.sh run [NAME...] -- COMMAND...
#   start    start them at the same time and wait until all serve; those that run already are left as they are
#   stop     end those that these scripts started, keep their data; wipe deletes it, too
#   status   one line each; exit 3 when one does not serve
#   env      the export lines for the tests (and for `eval`): HIRESTREAM_TEST_CASSANDRA, _MYSQL, _MARIADB, _SQL_PASSWORD
#   run      start what does not run, run COMMAND with those variables set, stop again what was started; COMMAND's exit status
# Without NAME: cassandra mysql mariadb (stop, wipe: all six).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

call() { # NAME COMMAND
  case $1 in
    cassandra-auth) "$here/cassandra.sh" "$2" --auth ;;
    mysql-awkward | mariadb-awkward) "$here/${1%-awkward}.sh" "$2" --awkward ;;
    cassandra | mysql | mariadb) "$here/$1.sh" "$2" ;;
    *)
      echo "services: unknown service '$1'; known: cassandra, cassandra-auth, mysql, mysql-awkward, mariadb, mariadb-awkward" >&2
      return 2
      ;;
  esac
}

# Calls all at the same time; fails when one fails.
call_all() { # COMMAND NAME...
  local command=$1 name pids=() pid result=0
  shift
  for name in "$@"; do
    call "$name" "$command" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || result=$?
  done
  return "$result"
}

run_with_services() {
  local names=() started=() name result=0
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    names+=("$1")
    shift
  done
  [ "${1:-}" = -- ] && shift
  [ $# -gt 0 ] || {
    echo "services: run needs '-- COMMAND'" >&2
    exit 2
  }
  [ ${#names[@]} -gt 0 ] || names=(cassandra mysql mariadb)
  for name in "${names[@]}"; do
    call "$name" status >/dev/null 2>&1 || started+=("$name")
  done
  # Also after an interrupt: nothing that was started here is left behind.
  if [ ${#started[@]} -gt 0 ]; then
    trap 'call_all stop "${started[@]}"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    call_all start "${started[@]}"
  fi
  for name in "${names[@]}"; do
    eval "$(call "$name" env)"
  done
  "$@" || result=$?
  exit "$result"
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
  start | status | env)
    [ $# -gt 0 ] || set -- cassandra mysql mariadb
    if [ "$command" = start ]; then
      call_all start "$@"
    else
      result=0
      for name in "$@"; do
        call "$name" "$command" || result=$?
      done
      exit "$result"
    fi
    ;;
  stop | wipe)
    [ $# -gt 0 ] || set -- cassandra cassandra-auth mysql mysql-awkward mariadb mariadb-awkward
    call_all "$command" "$@"
    ;;
  run) run_with_services "$@" ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
