#!/usr/bin/env bash
# A Docker Engine for the tests of the Compose stack: Debian's own, with Compose v2 and buildx beside it, started at a private socket in a
# process and mount namespace of its own, so that ending it leaves neither process nor mount behind, even after kill -9.
#
# usage: docker.sh setup|fetch|start|stop|wipe|env
#   setup    install the engine where there is none (its service is not started) and fetch Compose and buildx
#   fetch    Compose and buildx alone, and print where Compose is: it reads a file without an engine
#   start    start it
#   stop     end it, and take away the links, packet filter rules and control groups that it made     wipe   delete images and volumes, too
#   env      print the export lines for a shell
# Exit 77, saying why: this machine cannot run one (no root rights, no namespaces, no control groups …). Refuses to start beside another Docker Engine: both would write the same packet filter rules.
#
# Environment: HIRESTREAM_TEST_COMPOSE_SUITE (trixie: the Debian suite of Compose; the newest that runs with this libc)  HIRESTREAM_CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
service=docker
# shellcheck source=../support/services/service_lib.sh
. "$here/../support/services/service_lib.sh"
# shellcheck source=../support/services/debian_archive_lib.sh
. "$here/../support/services/debian_archive_lib.sh"

suite=${HIRESTREAM_TEST_COMPOSE_SUITE:-trixie}
home=$cache_dir/docker
state=$home/engine
plugins=$home/config/cli-plugins
cannot_run=77

# A client without an engine may come first in PATH.
docker() { DOCKER_CONFIG=$home/config DOCKER_HOST=unix://$state/docker.sock /usr/bin/docker "$@"; }

find_dockerd() { # prints its path
  local path
  for path in /usr/sbin/dockerd /usr/bin/dockerd; do
    [ -x "$path" ] && [ -x /usr/bin/docker ] && echo "$path" && return 0
  done
  return 1
}

give_up() { # WHY
  say "this machine cannot run a Docker Engine: $1" >&2
  stop
  exit "$cannot_run"
}

install_engine() {
  local policy=/usr/sbin/policy-rc.d made=0 try
  find_dockerd >/dev/null && command -v debootstrap >/dev/null && return 0
  command -v apt-get >/dev/null || fail "no Docker Engine, and installing one needs a Debian machine"
  say "installing docker.io"
  # The package would start a service at the machine's usual socket.
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=1
  fi
  for try in 1 2; do
    DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install -y \
      --no-install-recommends docker.io containerd iptables iproute2 debootstrap </dev/null >"$home/install.log" 2>&1 && break
    # The lists may be older than the archive.
    apt-get -q update >>"$home/install.log" 2>&1 || true
  done
  [ "$made" = 0 ] || rm -f "$policy"
  find_dockerd >/dev/null || {
    show_logs "$home/install.log"
    fail "docker.io could not be installed"
  }
}

# Compose v2 and buildx are single programs; Debian 12 has neither.
fetch_plugins() {
  local apt=$home/apt package
  [ -x "$plugins/docker-compose" ] && [ -x "$plugins/docker-buildx" ] && return 0
  say "fetching Compose and buildx from Debian $suite (26 MB, once)"
  open_debian_suite "$suite" "$apt"
  (cd "$apt/debs" && apt-get download -qq docker-compose docker-buildx)
  unset APT_CONFIG
  mkdir -p "$plugins" "$apt/unpacked"
  for package in "$apt"/debs/*.deb; do
    dpkg-deb -x "$package" "$apt/unpacked"
  done
  cp "$apt"/unpacked/usr/libexec/docker/cli-plugins/* "$plugins/"
  rm -rf "$apt"
}

setup() {
  [ "$(id -u)" = 0 ] || give_up "root rights are needed"
  mkdir -p "$home"
  install_engine
  fetch_plugins
  docker compose version
}

links() { ip -br link | awk '{ sub(/@.*/, "", $1); print $1 }' | sort; }

running() {
  local pid
  pid=$(cat "$state/pid" 2>/dev/null) && [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$state/"
}

start() {
  local interface mtu dockerd
  running && return 0
  [ ! -S /var/run/docker.sock ] || ! /usr/bin/docker -H unix:///var/run/docker.sock version >/dev/null 2>&1 ||
    fail "a Docker Engine runs here already" "stop it for the time of this test: both would write the same packet filter rules"
  mkdir -p "$state"
  rm -f "$state/docker.sock" "$state/dockerd.pid"
  iptables-save >"$state/iptables" 2>/dev/null || give_up "iptables-save failed"
  links >"$state/links"
  dockerd=$(find_dockerd)
  interface=$(ip route show default | awk '{ print $5; exit }')
  mtu=$(cat "/sys/class/net/$interface/mtu" 2>/dev/null || echo 1500)
  setsid unshare --pid --mount --fork --mount-proc --kill-child "$dockerd" --data-root "$state/data" --exec-root "$state/exec" \
    --pidfile "$state/dockerd.pid" -H "unix://$state/docker.sock" --mtu "$mtu" >"$state/log" 2>&1 </dev/null &
  echo $! >"$state/pid"
  wait_until "$!" 60 docker version >/dev/null 2>&1 || give_up "$(tail -n 3 "$state/log")"
  say "serves at unix://$state/docker.sock"
}

stop() {
  local pid child link i
  if running; then
    pid=$(cat "$state/pid")
    # unshare only waits; SIGTERM is for its child.
    child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$child" ] || kill -TERM $child 2>/dev/null || true
    for ((i = 0; i < 200; i++)); do
      [ -d "/proc/$pid" ] || break
      sleep 0.2
    done
    [ ! -d "/proc/$pid" ] || kill -9 "$pid"
  fi
  rm -f "$state/pid" "$state/docker.sock"
  [ -f "$state/links" ] || return 0
  for link in $(links | comm -13 "$state/links" - | grep -E '^(docker0|br-|veth)' || true); do
    ip link del "$link" 2>/dev/null || true
  done
  iptables-restore <"$state/iptables" || true
  find /sys/fs/cgroup/*/docker -depth -type d -exec rmdir {} + 2>/dev/null || true
  rm -f "$state/links" "$state/iptables"
}

case ${1:-} in
  setup) setup ;;
  fetch)
    mkdir -p "$home"
    exec 9>"$home/lock"
    flock 9
    fetch_plugins >&2
    echo "$plugins/docker-compose"
    ;;
  start) start ;;
  stop) stop ;;
  wipe)
    stop
    rm -rf "$state"
    ;;
  env) printf 'export DOCKER_HOST=unix://%s DOCKER_CONFIG=%s\n' "$state/docker.sock" "$home/config" ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
