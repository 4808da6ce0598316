#!/usr/bin/env bash
# A single-node Apache Cassandra for the tests: jars from Maven, a Java that is already here, loopback only.
#
# usage: cassandra.sh start|stop|wipe|status|env|fetch|java|nodetool [--auth] [-- nodetool arguments]
#   start    fetch the jars once, start, wait until CQL answers; does nothing when it runs already
#   stop     end it, keep its data         wipe   end it and delete its data
#   status   say whether it serves (exit 0) or not (exit 3)
#   env      print the export line for the tests
#   java     print the path of a usable Java (11 or 17)
#   --auth   a second instance at 127.0.0.2, as awkward as managed clusters and containers are: it asks for a login (cassandra/cassandra),
#            speaks TLS, too, its guardrails refuse ordinary users reads at ALL and ALLOW FILTERING, and it advertises an address where nothing listens
#
# Environment: HIRESTREAM_TEST_CASSANDRA_PORT (9042)  HIRESTREAM_TEST_CASSANDRA_ADDRESS (127.0.0.1, with --auth 127.0.0.2)
#   HIRESTREAM_TEST_CASSANDRA_STORAGE_PORT, HIRESTREAM_TEST_CASSANDRA_JMX_PORT   HIRESTREAM_TEST_CASSANDRA_HEAP (1g)
#   HIRESTREAM_TEST_CASSANDRA_SEED (address of a node that runs: this one joins it)
#   HIRESTREAM_TEST_CASSANDRA_COMMITLOG_SYNC (periodic; batch: what was acknowledged survives kill -9)
#   HIRESTREAM_TEST_CASSANDRA_SEGMENT (32MiB; size of a commit log segment)   HIRESTREAM_TEST_CASSANDRA_SETTINGS (more lines of cassandra.yaml)
#   HIRESTREAM_TEST_CASSANDRA_VERSION (4.1.10; 5.0.x works too)   HIRESTREAM_TEST_CASSANDRA_WAIT (seconds, 240)   HIRESTREAM_CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
service=cassandra
# shellcheck source=service_lib.sh
. "$here/service_lib.sh"

command=${1:-}
[ $# -gt 0 ] && shift
auth=0
if [ "${1:-}" = --auth ]; then
  auth=1
  service=cassandra-auth
  shift
fi
[ "${1:-}" = -- ] && shift

version=${HIRESTREAM_TEST_CASSANDRA_VERSION:-4.1.10}
port=${HIRESTREAM_TEST_CASSANDRA_PORT:-9042}
heap=${HIRESTREAM_TEST_CASSANDRA_HEAP:-1g}
ready_wait=${HIRESTREAM_TEST_CASSANDRA_WAIT:-240}
commitlog_sync="commitlog_sync: periodic
commitlog_sync_period: 10000ms"
[ "${HIRESTREAM_TEST_CASSANDRA_COMMITLOG_SYNC:-periodic}" = periodic ] || commitlog_sync="commitlog_sync: batch"
if [ "$auth" = 1 ]; then
  address=${HIRESTREAM_TEST_CASSANDRA_ADDRESS:-127.0.0.2}
  login=(cassandra cassandra)
else
  address=${HIRESTREAM_TEST_CASSANDRA_ADDRESS:-127.0.0.1}
  login=()
fi
# Other ports follow the CQL port, so that instances side by side do not meet. JMX always listens on 127.0.0.1.
if [ "$port" = 9042 ]; then
  storage_port=${HIRESTREAM_TEST_CASSANDRA_STORAGE_PORT:-7000}
  jmx_port=${HIRESTREAM_TEST_CASSANDRA_JMX_PORT:-$((7199 + 100 * auth))}
else
  storage_port=${HIRESTREAM_TEST_CASSANDRA_STORAGE_PORT:-$((port + 1))}
  jmx_port=${HIRESTREAM_TEST_CASSANDRA_JMX_PORT:-$((port + 2 + auth))}
fi
libraries=$cache_dir/cassandra/lib-$version
name=$service-$version-$port
[ -z "${HIRESTREAM_TEST_CASSANDRA_SEED:-}" ] || name=$service-$version-$address-$port
instance=$services_dir/$name
keystore=$instance/conf/node.p12
keystore_password=cassandra

probe() { # true when it serves as wanted; what else is there goes to $probe_reason
  probe_reason=$(python3 "$here/cql_probe.py" "$address" "$port" "${login[@]}")
}

java_version() { # PATH
  "$1" -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p'
}

find_java() {
  local candidate
  for candidate in "${HIRESTREAM_TEST_JAVA:-}" "${JAVA_HOME:-/nonexistent}/bin/java" "$(command -v java || true)" \
    /usr/lib/jvm/*-17-*/bin/java /usr/lib/jvm/*-11-*/bin/java; do
    [ -n "$candidate" ] && [ -x "$candidate" ] || continue
    case $(java_version "$candidate") in
      11 | 17)
        echo "$candidate"
        return 0
        ;;
    esac
  done
  return 1
}

fetch() {
  local pom partial
  [ -f "$libraries/.complete" ] && return 0
  command -v mvn >/dev/null || fail "maven (mvn) is needed to fetch the jars" "run: .ci/setup"
  say "fetching the jars of $version (about 50 MB, once)"
  partial=$libraries.partial
  pom=$cache_dir/cassandra/pom-$version
  rm -rf "$partial"
  mkdir -p "$partial" "$pom"
  cat >"$pom/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>cassandra-run</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency>
<groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId><version>$version</version>
</dependency></dependencies>
</project>
XML
  local try
  for try in 1 2 3; do
    if mvn -B -q -f "$pom/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$partial" </dev/null; then
      touch "$partial/.complete"
      rm -rf "$libraries"
      mv "$partial" "$libraries"
      return 0
    fi
    say "fetching failed (try $try of 3)"
    sleep $((try * 5))
  done
  fail "the jars of $version could not be fetched"
}

write_configuration() {
  local authenticator=AllowAllAuthenticator authorizer=AllowAllAuthorizer guardrails='' advertised=$address
  local encryption='{enabled: false}'
  if [ "$auth" = 1 ]; then
    authenticator=PasswordAuthenticator authorizer=CassandraAuthorizer
    advertised=127.0.0.3
    guardrails="read_consistency_levels_disallowed: [ALL]
allow_filtering_enabled: false"
    encryption="{enabled: true, optional: true, keystore: '$keystore', keystore_password: '$keystore_password', store_type: PKCS12}"
  fi
  # Without role and permission caches a changed permission holds at once.
  cat >"$instance/conf/cassandra.yaml" <<YAML
cluster_name: 'hirestream tests'
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "${HIRESTREAM_TEST_CASSANDRA_SEED:-$address}:$storage_port"
listen_address: $address
storage_port: $storage_port
rpc_address: $address
broadcast_rpc_address: $advertised
start_native_transport: true
native_transport_port: $port
data_file_directories: [$instance/data/data]
commitlog_directory: $instance/data/commitlog
hints_directory: $instance/data/hints
saved_caches_directory: $instance/data/saved_caches
cdc_raw_directory: $instance/data/cdc_raw
$commitlog_sync
commitlog_segment_size: ${HIRESTREAM_TEST_CASSANDRA_SEGMENT:-32MiB}
authenticator: $authenticator
authorizer: $authorizer
role_manager: CassandraRoleManager
roles_validity: 0ms
permissions_validity: 0ms
credentials_validity: 0ms
auto_snapshot: false
auto_bootstrap: false
materialized_views_enabled: true
sasi_indexes_enabled: true
user_defined_functions_enabled: true
concurrent_reads: 16
concurrent_writes: 16
concurrent_compactors: 1
compaction_throughput: 64MiB/s
memtable_allocation_type: heap_buffers
read_request_timeout: 30000ms
range_request_timeout: 60000ms
write_request_timeout: 20000ms
request_timeout: 60000ms
batch_size_warn_threshold: 64KiB
batch_size_fail_threshold: 1024KiB
server_encryption_options: {internode_encryption: none}
client_encryption_options: $encryption
$guardrails
${HIRESTREAM_TEST_CASSANDRA_SETTINGS:-}
YAML
  cat >"$instance/conf/logback.xml" <<'XML'
<configuration>
  <appender name="FILE" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>${cassandra.logdir}/system.log.%i</fileNamePattern><maxIndex>2</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>20MB</maxFileSize>
    </triggeringPolicy>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
XML
  cat >"$instance/conf/logback-tools.xml" <<'XML'
<configuration>
  <appender name="ERR" class="ch.qos.logback.core.ConsoleAppender">
    <target>System.err</target><encoder><pattern>%-5level %date{"HH:mm:ss,SSS"} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="ERR"/></root>
</configuration>
XML
}

# Fills $module_options (what the server opens in the JDK) and $jvm_options.
choose_jvm_options() { # JAVA
  local java=$1 module java_major
  java_major=$(java_version "$java")
  module_options=()
  for module in java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/jdk.internal.util \
    java.base/sun.nio.ch java.base/java.lang.ref java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.sql/java.sql jdk.unsupported/sun.misc; do
    module_options+=(--add-exports "$module=ALL-UNNAMED")
  done
  for module in java.base/{java.lang.module,jdk.internal.{loader,ref,reflect,math,module,util.jar}} \
    jdk.management/com.sun.management.internal; do
    module_options+=(--add-opens "$module=ALL-UNNAMED")
  done
  jvm_options=(-ea '-da:net.openhft...' -Xss512k "-Xms$heap" "-Xmx$heap" -XX:+UseG1GC -XX:+ParallelRefProcEnabled
    -XX:MaxGCPauseMillis=300 -XX:+PerfDisableSharedMem -XX:+ExitOnOutOfMemoryError
    -Djava.net.preferIPv4Stack=true -Djdk.attach.allowAttachSelf=true -Dio.netty.tryReflectionSetAccessible=true
    -Dio.netty.allocator.useCacheForAllThreads=true -Dio.netty.allocator.maxOrder=11
    -Djna.tmpdir="$instance/tmp" -Djava.io.tmpdir="$instance/tmp"
    -Dcassandra.config="file://$instance/conf/cassandra.yaml" -Dcassandra.storagedir="$instance/data"
    -Dcassandra.logdir="$instance/logs" -Dlogback.configurationFile="file://$instance/conf/logback.xml"
    -Dcassandra.jmx.local.port="$jmx_port" -Dcassandra-foreground=yes
    # A node alone has nobody to wait for.
    -Dcassandra.ring_delay_ms=1000 -Dcassandra.skip_wait_for_gossip_to_settle=0
    -Dcassandra.superuser_setup_delay_ms=100)
  if [ "$java_major" -ge 17 ]; then
    for module in java.base/java.{lang,lang.reflect,lang.ref,lang.invoke,util,util.concurrent,util.concurrent.atomic} \
      java.base/java.{util.concurrent.locks,util.function,io,nio,nio.channels.spi,net,math,time} \
      java.base/{sun.nio.ch,sun.nio.cs,sun.nio.fs,sun.net.util,jdk.internal.misc,jdk.internal.util,jdk.internal.perf} \
      java.management/sun.management java.rmi/sun.rmi.transport; do
      module_options+=(--add-opens "$module=ALL-UNNAMED")
    done
    module_options+=(--add-exports jdk.attach/sun.tools.attach=ALL-UNNAMED)
    # A headless runtime has no compiler module; naming it there would be a warning on each start.
    if "$java" --list-modules | grep -q '^jdk.compiler'; then
      module_options+=(--add-exports jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED
        --add-opens jdk.compiler/com.sun.tools.javac=ALL-UNNAMED)
    fi
    case $version in 4.*) jvm_options+=(-Djava.security.manager=allow) ;; esac
  else
    jvm_options+=(-XX:-UseBiasedLocking)
  fi
  jvm_options+=("${module_options[@]}" "-javaagent:$(ls "$libraries"/jamm-*.jar | head -1)")
}

write_nodetool() { # JAVA
  printf '%s\n' "${module_options[@]}" >"$instance/conf/modules.args"
  {
    echo '#!/usr/bin/env bash'
    printf 'exec %q -Xmx192m @%q -cp %q -Dcassandra.config=%q -Dlogback.configurationFile=%q -Dcassandra.logdir=%q ' \
      "$1" "$instance/conf/modules.args" "$instance/conf:$libraries/*" "file://$instance/conf/cassandra.yaml" \
      "file://$instance/conf/logback-tools.xml" "$instance/logs"
    # shellcheck disable=SC2016
    printf -- '-Dcom.sun.jndi.rmiURLParsing=legacy org.apache.cassandra.tools.NodeTool -h 127.0.0.1 -p %q "$@"\n' "$jmx_port"
  } >"$instance/nodetool"
  chmod +x "$instance/nodetool"
}

# A certificate that nobody has signed; tests bring their own, and let the node read it (nodetool reloadssl).
make_keystore() { # JAVA
  [ "$auth" = 1 ] && [ ! -f "$keystore" ] || return 0
  "$(dirname "$(readlink -f "$1")")/keytool" -genkeypair -alias node -keyalg EC -dname CN=node -validity 3650 -storetype PKCS12 \
    -keystore "$keystore" -storepass "$keystore_password" 2>"$instance/logs/keytool.log"
}

# Succeeds when somebody else's server can be used; fails the script when the port is taken by something unusable.
use_foreign() {
  port_open "$address" "$port" || return 1
  if probe; then
    say "using the server at $address:$port that these scripts did not start (they will not stop it either)"
    return 0
  fi
  fail "$address:$port is taken: ${probe_reason:-no answer}" \
    "stop what listens there (ss -ltnp 'sport = :$port'), or choose another port with HIRESTREAM_TEST_CASSANDRA_PORT"
}

start() {
  local java pid began result other
  take_lock "$name"
  if pid=$(own_pid "$instance"); then
    wait_until "$pid" "$ready_wait" probe || fail "pid $pid runs but does not serve: ${probe_reason:-no answer}" "run: $0 wipe"
    say "already running at $address:$port (pid $pid)"
    return 0
  fi
  use_foreign && return 0
  for other in "$address $storage_port" "127.0.0.1 $jmx_port"; do
    # shellcheck disable=SC2086
    ! port_open $other || fail "port ${other/ /:} is taken" \
      "stop what listens there, or set HIRESTREAM_TEST_CASSANDRA_STORAGE_PORT / HIRESTREAM_TEST_CASSANDRA_JMX_PORT"
  done
  java=$(find_java) || fail "no Java 11 or 17 found" "run .ci/setup, or set JAVA_HOME"
  (take_lock "cassandra-fetch-$version" && fetch)
  mkdir -p "$instance"/{conf,logs,tmp,data}
  write_configuration
  make_keystore "$java"
  choose_jvm_options "$java"
  write_nodetool "$java"
  began=$(now_ms)
  : >"$instance/logs/console.log"
  cd "$instance"
  setsid nohup "$java" "${jvm_options[@]}" -cp "$instance/conf:$libraries/*" \
    org.apache.cassandra.service.CassandraDaemon >"$instance/logs/console.log" 2>&1 </dev/null 9>&- &
  pid=$!
  echo "$pid" >"$instance/pid"
  result=0
  wait_until "$pid" "$ready_wait" probe || result=$?
  if [ "$result" = 0 ]; then
    say "$version serves at $address:$port after $(elapsed "$began") (pid $pid)"
    return 0
  fi
  show_logs "$instance/logs/console.log" "$instance/logs/system.log"
  [ "$result" = 1 ] && fail "the server ended while starting" "if its data is damaged: $0 wipe"
  stop_own "$instance"
  fail "no answer within $ready_wait s" "a slow machine needs HIRESTREAM_TEST_CASSANDRA_WAIT=600"
}

case $command in
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
  status)
    pid=$(own_pid "$instance") || pid=
    if probe; then
      say "serves at $address:$port (${pid:+ours, pid }${pid:-not started by these scripts})"
    else
      say "does not serve at $address:$port (${probe_reason:-no answer})${pid:+; pid $pid runs}"
      exit 3
    fi
    ;;
  env)
    if [ "$auth" = 1 ]; then
      echo "export HIRESTREAM_TEST_CASSANDRA_AUTH=cassandra://${login[0]}@$address:$port"
      echo "export HIRESTREAM_TEST_CASSANDRA_AUTH_PASSWORD=${login[1]}"
      echo "export HIRESTREAM_TEST_CASSANDRA_AUTH_KEYSTORE=$keystore"
      echo "export HIRESTREAM_TEST_CASSANDRA_AUTH_KEYSTORE_PASSWORD=$keystore_password"
    else
      echo "export HIRESTREAM_TEST_CASSANDRA=cassandra://$address:$port"
    fi
    ;;
  fetch)
    take_lock "cassandra-fetch-$version"
    fetch
    ;;
  java) find_java || fail "no Java 11 or 17 found" "run: .ci/setup" ;;
  nodetool) exec "$instance/nodetool" "$@" ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
