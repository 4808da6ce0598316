#!/bin/bash
# Stand-in for the official image's entrypoint: real MySQL (newer than 8.0), with the official image's variables, user, paths and ports.
set -euo pipefail
case ${1:-} in
  mysqld) shift ;;
  -*) ;;
  *) exec "$@" ;;
esac

# The value of VARIABLE, or the content of the file that VARIABLE_FILE names; read as root, as the official one does.
file_env() { # VARIABLE
  local file=${1}_FILE
  [ -n "${!file:-}" ] || return 0
  export "$1=$(<"${!file}")"
  unset "$file"
}

for variable in MYSQL_ROOT_PASSWORD MYSQL_USER MYSQL_PASSWORD MYSQL_DATABASE; do
  file_env "$variable"
done
if [ "$(id -u)" = 0 ]; then
  mkdir -p /var/run/mysqld
  chown -R mysql: /var/lib/mysql /var/run/mysqld
  exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi
home=/opt/mysql
triplet=$(uname -m)-linux-gnu
server=("$(echo $home/usr/lib*/ld-linux-*.so.*)" --library-path "$home/usr/lib/$triplet" --argv0 mysqld $home/usr/sbin/mysqld --no-defaults
  --basedir=$home/usr --plugin-dir=$home/usr/lib/mysql/plugin --datadir=/var/lib/mysql --socket=/var/run/mysqld/mysqld.sock
  --pid-file=/var/run/mysqld/mysqld.pid --secure-file-priv=NULL "$@")

first_start() {
  local client=(mariadb --no-defaults --protocol=socket --socket=/var/run/mysqld/mysqld.sock -uroot) pid host
  : "${MYSQL_ROOT_PASSWORD:?Database is uninitialized and password option is not specified}"
  echo 'Initializing database files'
  "${server[@]}" --initialize-insecure
  # As the official one: a temporary server at the socket only.
  "${server[@]}" --skip-networking --mysqlx=OFF &
  pid=$!
  for _ in {1..300}; do
    "${client[@]}" -e 'SELECT 1' >/dev/null 2>&1 && break
    sleep 0.1
  done
  {
    for host in localhost %; do
      echo "CREATE USER IF NOT EXISTS root@'$host'; ALTER USER root@'$host' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';"
      echo "GRANT ALL ON *.* TO root@'$host' WITH GRANT OPTION;"
    done
    [ -z "${MYSQL_DATABASE:-}" ] || echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
  } | "${client[@]}"
  kill $pid
  wait $pid || true
  echo 'MySQL init process done. Ready for start up.'
}

[ -d /var/lib/mysql/mysql ] || first_start
exec "${server[@]}"
