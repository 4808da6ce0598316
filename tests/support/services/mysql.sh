#!/usr/bin/env bash
# A real MySQL server for the tests, without installing it: Debian's packages of it (only sid has them) are unpacked into a folder and run by
# the loader that comes with them, loopback only. apt resolves the packages in a private root, so the machine's own
# package state is neither read nor changed; no root rights are needed.
#
# usage: mysql.sh start|stop|wipe|status|env|fetch [--awkward]
#   start    fetch and unpack once, make the data folder once, start, wait until root can log in
#   stop     end it, keep its data         wipe   end it and delete its data
#   status   say whether it serves (exit 0) or not (exit 3)
#   env      print the export line for the tests
#   --awkward   a second instance with settings that make life hard (sql_server_lib.sh has them)
#
# Environment: HIRESTREAM_TEST_MYSQL_PORT (3306), HIRESTREAM_TEST_MYSQL_AWKWARD_PORT (3316)  HIRESTREAM_TEST_MYSQL_SUITE (sid)  HIRESTREAM_TEST_SQL_PASSWORD (root's, secret)
#   HIRESTREAM_TEST_SQL_WAIT (seconds, 120)  HIRESTREAM_CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=${1:-} awkward=0
service=mysql wanted_server=MySQL port_variable=HIRESTREAM_TEST_MYSQL_PORT variable=HIRESTREAM_TEST_MYSQL default_port=3306
if [ "${2:-}" = --awkward ]; then
  awkward=1
  service=mysql-awkward port_variable=HIRESTREAM_TEST_MYSQL_AWKWARD_PORT variable=HIRESTREAM_TEST_MYSQL_AWKWARD default_port=3316
fi
# shellcheck source=service_lib.sh
. "$here/service_lib.sh"
# shellcheck source=sql_server_lib.sh
. "$here/sql_server_lib.sh"
# shellcheck source=debian_archive_lib.sh
. "$here/debian_archive_lib.sh"

port=${!port_variable:-$default_port}
suite=${HIRESTREAM_TEST_MYSQL_SUITE:-sid}
name=mysql-$port
[ "$awkward" = 0 ] || name=mysql-awkward-$port
instance=$services_dir/$name
home=$cache_dir/mysql/root
triplet=$(uname -m)-linux-gnu
run_as=()
[ "$(id -u)" = 0 ] && run_as=(--user=root)

# Only the scripts around the server need these (perl and its libraries), or the base system, of which nothing is used.
not_needed='^(perl|libperl|libdb5|libgdbm|libcrypt1|gcc-.*-base|debconf|cdebconf|dpkg|tar|libacl|libattr|libselinux|libpcre2|libbz2'
not_needed+='|libmd0|libcurl|libfido|libcbor|libudev|libmecab|libprotobuf|libtirpc|libkrb|libgss|libk5|libcom-err|libkeyutils|libldap'
not_needed+='|libsasl|libssh|libnghttp|libngtcp|libpsl|libidn|libunistring|librtmp|libbrotli|libgnutls|libhogweed|libnettle|libp11'
not_needed+='|libtasn1|libgmp|libffi|openssl-provider|libsystemd|libcap|libevent|sensible|zlib1g-)'

# The command that runs FOLDER's mysqld by FOLDER's own loader and libraries, in $mysqld.
find_server() { # FOLDER
  local loader
  for loader in "$1"/usr/lib64/ld-linux-*.so.* "$1/usr/lib/$triplet"/ld-linux-*.so.* "$1"/usr/lib/ld-linux-*.so.*; do
    if [ -x "$loader" ] && [ -x "$1/usr/sbin/mysqld" ]; then
      mysqld=("$loader" --library-path "$1/usr/lib/$triplet" --argv0 mysqld "$1/usr/sbin/mysqld")
      libraries=("$loader" --library-path "$1/usr/lib/$triplet" --list "$1/usr/sbin/mysqld")
      return 0
    fi
  done
  return 1
}

# True when FOLDER holds a server that runs here, with no library of this machine.
works() { # FOLDER
  find_server "$1" && "${mysqld[@]}" --no-defaults --version >/dev/null 2>&1 &&
    ! "${libraries[@]}" | grep -qE 'not found|=> /(lib|usr)/'
}

unpack() { # FOLDER PATTERN-OF-PACKAGES-TO-LEAVE-OUT
  local packages package
  packages=$(apt-get install -y -qq --print-uris mysql-server-core |
    awk '{ gsub(/\x27/, ""); sub(/_.*/, "", $2); print $2 }' | grep -vE "$2")
  (
    cd "$apt/debs"
    # shellcheck disable=SC2086
    apt-get download -qq $packages
  )
  rm -rf "$1"
  mkdir -p "$1"
  for package in "$apt"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$1" --wildcards --exclude='./usr/share/doc*' \
      --exclude='./usr/share/man*' --exclude='./usr/share/locale*' --exclude='./usr/share/lintian*' \
      --exclude='./usr/share/gcc*' --exclude='./usr/share/gdb*' --exclude="./usr/lib/$triplet/gconv*" \
      --exclude='./usr/bin/*' --exclude='./etc/*' --exclude='./usr/lib/locale/*' --exclude="./usr/lib/$triplet/*_tcmalloc_*"
  done
}

fetch() {
  works "$home" && return 0
  command -v apt-get >/dev/null || fail "fetching MySQL needs a Debian machine" \
    "start a MySQL 8.0 or later yourself at $address:$port with root's password $password"
  say "fetching the server from Debian $suite (about 50 MB, once)"
  apt=$cache_dir/mysql/apt
  rm -rf "$home.partial"
  open_debian_suite "$suite" "$apt"
  unpack "$home.partial" "$not_needed"
  # sid moves: when a library was left out that is needed by now, take everything.
  works "$home.partial" || unpack "$home.partial" '^$'
  unset APT_CONFIG
  works "$home.partial" || fail "the unpacked server does not run" "see: ${libraries[*]:-$home.partial}"
  rm -rf "$home" "$apt"
  mv "$home.partial" "$home"
}

common_options() {
  find_server "$home"
  options=(--no-defaults "${run_as[@]}" --basedir="$home/usr" --plugin-dir="$home/usr/lib/mysql/plugin"
    --datadir="$instance/data" --secure-file-priv=NULL --disable-log-bin --innodb-redo-log-capacity=100M
    --innodb-buffer-pool-size=256M --log-error-verbosity=1)
  [ "$awkward" = 0 ] || awkward_options
}

prepare() {
  common_options
  cat >"$instance/init.sql" <<SQL
ALTER USER root@localhost IDENTIFIED BY '$password';
CREATE USER IF NOT EXISTS root@'127.0.0.1' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
$(awkward_user 'SUPER, CONNECTION_ADMIN')
SQL
  "${mysqld[@]}" "${options[@]}" --initialize-insecure --init-file="$instance/init.sql" </dev/null
}

launch() {
  common_options
  # The socket's name is relative to the data folder: a full path may exceed the 107 bytes that a socket's name can have.
  setsid nohup "${mysqld[@]}" "${options[@]}" --bind-address="$address" --port="$port" --socket=mysqld.sock --mysqlx=OFF \
    --skip-name-resolve --pid-file="$instance/data/mysqld.pid" --log-error="$instance/error.log" \
    >"$instance/console.log" 2>&1 </dev/null 9>&- &
  launched_pid=$!
}

case $command in
  fetch)
    take_lock mysql-fetch
    fetch
    ;;
  start)
    # A usable server of somebody else needs no download.
    probe || (take_lock mysql-fetch && fetch)
    run_command start "$variable"
    ;;
  *) run_command "$command" "$variable" ;;
esac
