#!/usr/bin/env bash
# Builds the images that the Compose stack names, under their official names, from what Debian's archive and Maven Central have: the base by
# debootstrap, Cassandra and MySQL as the real servers in the official images' clothes, Grafana as a stub. Images that are there are kept.
#
# usage: build.sh          Environment: DOCKER_HOST, DOCKER_CONFIG (docker.sh env)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
services=$here/../../support/services
service=images
# shellcheck source=../../support/services/service_lib.sh
. "$services/service_lib.sh"
# shellcheck source=../../support/services/debian_archive_lib.sh
. "$services/debian_archive_lib.sh"
docker=/usr/bin/docker
base=docker.io/library/debian:bookworm-slim
cassandra_version=4.1.10
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

there() { $docker image inspect "$1" >/dev/null 2>&1; }

# With the suites and, if there are any, the certificate authorities of this machine: without those HTTPS may fail inside.
make_base() {
  local mirror suite
  mirror=$(debian_mirror)
  debootstrap --variant=minbase bookworm "$work/base" "$mirror" >"$work/debootstrap.log" 2>&1 || {
    show_logs "$work/debootstrap.log"
    fail "the base system could not be made"
  }
  for suite in 'debian bookworm' 'debian bookworm-updates' 'debian-security bookworm-security'; do
    echo "deb ${mirror%/debian*}/$suite main"
  done >"$work/base/etc/apt/sources.list"
  mkdir -p "$work/base/usr/local/share/ca-certificates"
  cp /usr/local/share/ca-certificates/*.crt "$work/base/usr/local/share/ca-certificates/" 2>/dev/null || true
  tar -C "$work/base" --exclude=./var/cache/apt --exclude=./var/lib/apt/lists --exclude=./usr/share/doc --exclude=./usr/share/man \
    --exclude=./usr/share/locale -c . | $docker import --change 'CMD ["bash"]' - "$base" >/dev/null
}

build() { # IMAGE FOLDER [NAME=FOLDER]  the second folder goes into the context under its name
  local image=$1 folder=$2 more=${3:-}
  there "$image" && return 0
  say "building $image"
  cp -r "$here/$folder" "$work/$folder"
  [ -z "$more" ] || cp -rl "${more#*=}" "$work/$folder/${more%%=*}" 2>/dev/null || cp -r "${more#*=}" "$work/$folder/${more%%=*}"
  DOCKER_BUILDKIT=1 $docker build -q -t "$image" "$work/$folder" >"$work/build.log" 2>&1 || {
    show_logs "$work/build.log"
    fail "$image could not be built"
  }
}

there "$base" || {
  say "making the base system"
  make_base
}
"$services/cassandra.sh" fetch
"$services/mysql.sh" fetch
build docker.io/library/cassandra:4.1 cassandra "jars=$cache_dir/cassandra/lib-$cassandra_version"
build docker.io/library/mysql:8.0 mysql "server=$cache_dir/mysql/root"
build docker.io/grafana/grafana:10.0.13 grafana
