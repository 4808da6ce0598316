# Sourced by the service scripts: folders, locks, ports and pid files. Not to be run.
# shellcheck shell=bash disable=SC2154
#
# Layout under ${HIRESTREAM_CACHE:-${XDG_CACHE_HOME:-~/.cache}/hirestream}:
#   cassandra/lib-VERSION/   the server's jars            (kept by wipe)
#   mysql/root/              the unpacked server          (kept by wipe)
#   services/NAME/           one instance: data, configuration, logs, pid file (deleted by wipe)
#   services/NAME.lock       held while an instance is started, stopped or wiped
# A process is ours when its command line names the instance's folder; nothing else is ever signalled.

cache_dir=${HIRESTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hirestream}
services_dir=$cache_dir/services

say() { printf '%s: %s\n' "$service" "$*"; }

# fail MESSAGE [WHAT TO DO]
fail() {
  printf '%s: %s\n' "$service" "$1" >&2
  [ -z "${2:-}" ] || printf '%s: %s\n' "$service" "$2" >&2
  exit 1
}

# Descriptor 9 holds the lock until the script ends; daemons must be started with 9>&- or they would hold it for ever.
take_lock() { # NAME
  mkdir -p "$services_dir"
  exec 9>"$services_dir/$1.lock"
  flock -w "${HIRESTREAM_TEST_SERVICE_WAIT:-300}" 9 ||
    fail "another start or stop of $1 has been running for too long" "see: fuser $services_dir/$1.lock"
}

port_open() { # ADDRESS PORT
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Prints the pid of our running instance; fails when there is none. Removes a stale pid file.
own_pid() { # INSTANCE_DIR
  local pid
  [ -f "$1/pid" ] || return 1
  pid=$(cat "$1/pid")
  if [[ "$pid" =~ ^[0-9]+$ ]] && [ -r "/proc/$pid/cmdline" ] &&
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/"; then
    echo "$pid"
    return 0
  fi
  rm -f "$1/pid"
  return 1
}

# Ends our instance: TERM, then KILL after 40 s.
stop_own() { # INSTANCE_DIR
  local pid i
  if ! pid=$(own_pid "$1"); then
    say "not running (none that these scripts started)"
    return 0
  fi
  kill "$pid" 2>/dev/null || true
  for ((i = 0; i < 400; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  if kill -0 "$pid" 2>/dev/null; then
    say "pid $pid did not end within 40 s, killing it"
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$1/pid"
  say "stopped (pid $pid)"
}

# The files that explain why a server did not come up.
show_logs() { # FILE...
  local file
  for file in "$@"; do
    [ -s "$file" ] || continue
    echo "--- end of $file" >&2
    tail -n 25 "$file" >&2
  done
}

# Waits until CHECK succeeds. Returns 1 when the process ended, 2 when the time is over.
wait_until() { # PID SECONDS CHECK...
  local pid=$1 deadline=$((SECONDS + $2))
  shift 2
  while ((SECONDS < deadline)); do
    "$@" && return 0
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.2
  done
  return 2
}

elapsed() { # START, as printed by now_ms
  awk -v ms="$(($(now_ms) - $1))" 'BEGIN { printf "%.1f s", ms / 1000 }'
}

now_ms() { date +%s%3N; }
