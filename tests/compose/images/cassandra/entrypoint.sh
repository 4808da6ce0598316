#!/bin/bash
# Stand-in for the official image's entrypoint: real Cassandra from Maven's jars, with the official image's variables, user, paths and ports.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
  chown -R cassandra: /var/lib/cassandra /var/log/cassandra /etc/cassandra
  exec setpriv --reuid=cassandra --regid=cassandra --init-groups "$0" "$@"
fi
address=$(hostname --ip-address | cut -d' ' -f1)
: "${CASSANDRA_LISTEN_ADDRESS:=$address}" "${CASSANDRA_RPC_ADDRESS:=0.0.0.0}" "${CASSANDRA_BROADCAST_ADDRESS:=$CASSANDRA_LISTEN_ADDRESS}"
: "${CASSANDRA_SEEDS:=$CASSANDRA_BROADCAST_ADDRESS}"
# As cassandra-env.sh does with the official image's default collector.
if [ -n "${MAX_HEAP_SIZE:-}" ] && [ -z "${HEAP_NEWSIZE:-}" ]; then
  echo 'please set or unset MAX_HEAP_SIZE and HEAP_NEWSIZE in pairs when using CMS GC (see cassandra-env.sh)' >&2
  exit 1
fi
data=/var/lib/cassandra
cat >/etc/cassandra/cassandra.yaml <<YAML
cluster_name: '${CASSANDRA_CLUSTER_NAME:-Test Cluster}'
num_tokens: ${CASSANDRA_NUM_TOKENS:-16}
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: ${CASSANDRA_ENDPOINT_SNITCH:-SimpleSnitch}
seed_provider: [{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "$CASSANDRA_SEEDS"}]}]
listen_address: $CASSANDRA_LISTEN_ADDRESS
broadcast_address: $CASSANDRA_BROADCAST_ADDRESS
rpc_address: $CASSANDRA_RPC_ADDRESS
broadcast_rpc_address: ${CASSANDRA_BROADCAST_RPC_ADDRESS:-$CASSANDRA_BROADCAST_ADDRESS}
data_file_directories: [$data/data]
commitlog_directory: $data/commitlog
hints_directory: $data/hints
saved_caches_directory: $data/saved_caches
cdc_raw_directory: $data/cdc_raw
commitlog_sync: periodic
commitlog_sync_period: 10000ms
commitlog_segment_size: 32MiB
YAML
heap=${MAX_HEAP_SIZE:-1g}
# shellcheck disable=SC2086
exec java @/opt/cassandra/jvm.args -Xmx"$heap" -Xms"$heap" ${JVM_EXTRA_OPTS:-} \
  -javaagent:"$(echo /opt/cassandra/lib/jamm-*.jar)" -cp '/etc/cassandra:/opt/cassandra/lib/*' org.apache.cassandra.service.CassandraDaemon
