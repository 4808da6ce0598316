//! Token ranges: how the ring is cut, where a range's requests go, and who replicates a row.
use crate::error::{CError, E_ARGUMENT, Res, err, guard};
use crate::session::{Session, text};
use crate::value::{BorrowedRow, Cell};
use scylla::cluster::metadata::Strategy;
use scylla::cluster::{ClusterState, NodeRef};
use scylla::frame::response::result::TableSpec;
use scylla::policies::load_balancing::{FallbackPlan, LoadBalancingPolicy, RoutingInfo};
use scylla::routing::{Shard, Token};
use std::ffi::c_char;
use std::slice;
use std::sync::Arc;

/// The tokens of (begin, end], cut where the replicas change and further until there are at least
/// `wanted` ranges; (exclusive, inclusive).
pub fn token_ranges(state: &ClusterState, begin: i64, end: i64, wanted: u32) -> Vec<(i64, i64)> {
    let ring = state.replica_locator().ring().iter().map(|(token, _)| token.value());
    let mut cuts: Vec<i64> = ring.filter(|token| begin < *token && *token < end).collect();
    cuts.extend([begin, end]);
    cuts.sort_unstable();
    cuts.dedup();
    let pieces = i128::from(wanted.div_ceil(cuts.len() as u32 - 1).max(1));
    let mut ranges = Vec::with_capacity((cuts.len() - 1) * pieces as usize);
    for pair in cuts.windows(2) {
        let (begin, end) = (i128::from(pair[0]), i128::from(pair[1]));
        let cut = |piece: i128| (begin + (end - begin) * piece / pieces) as i64;
        ranges.extend((0..pieces).map(|i| (cut(i), cut(i + 1))).filter(|(from, to)| from < to));
    }
    ranges
}

/// Sends a token range's requests to a replica of the range first, then to its other replicas, then to any node.
/// With a preferred data center to none of another one: there LOCAL_QUORUM would be its quorum.
#[derive(Debug)]
pub struct RangePolicy {
    pub token: Token,
    pub keyspace: Arc<str>,
    pub table: Arc<str>,
    /// Which replica comes first: neighbouring ranges start at different ones.
    pub spread: usize,
    pub inner: Arc<dyn LoadBalancingPolicy>,
}

impl RangePolicy {
    fn replicas<'a>(
        &self,
        routing: &RoutingInfo,
        cluster: &'a ClusterState,
    ) -> Vec<(NodeRef<'a>, Option<Shard>)> {
        let endpoints = cluster.get_token_endpoints(&self.keyspace, &self.table, self.token);
        let preferred = routing.node_location_preference.datacenter();
        let mut replicas: Vec<_> = endpoints
            .iter()
            .filter_map(|(node, shard)| {
                cluster.get_node_by_host_id(node.host_id).map(|node| (node, Some(*shard)))
            })
            .filter(|(node, _)| node.is_connected())
            .filter(|(node, _)| preferred.is_none_or(|name| node.datacenter.as_deref() == Some(name)))
            .collect();
        if !replicas.is_empty() {
            let first = self.spread % replicas.len();
            replicas.rotate_left(first);
        }
        replicas
    }
}

impl LoadBalancingPolicy for RangePolicy {
    fn pick<'a>(
        &'a self,
        routing: &'a RoutingInfo,
        cluster: &'a ClusterState,
    ) -> Option<(NodeRef<'a>, Option<Shard>)> {
        self.replicas(routing, cluster).into_iter().next().or_else(|| self.inner.pick(routing, cluster))
    }

    fn fallback<'a>(
        &'a self,
        routing: &'a RoutingInfo,
        cluster: &'a ClusterState,
    ) -> FallbackPlan<'a> {
        // No node twice: it would get a request again that it has just failed.
        let replicas = self.replicas(routing, cluster);
        let seen: Vec<_> = replicas.iter().map(|(node, _)| node.host_id).collect();
        let others = self
            .inner
            .fallback(routing, cluster)
            .filter(move |(node, _)| !seen.contains(&node.host_id));
        Box::new(replicas.into_iter().skip(1).chain(others))
    }

    fn name(&self) -> String {
        "RangePolicy".into()
    }
}

/// The host ids of the replicas that can be reached, in the order of the ring; none of an unknown table.
fn replicas(
    cluster: &ClusterState,
    keyspace: &str,
    table: &str,
    key: BorrowedRow,
) -> Res<Vec<[u8; 16]>> {
    let Some(known) = cluster.get_keyspace(keyspace) else { return Ok(Vec::new()) };
    if !known.tables.contains_key(table) {
        return Ok(Vec::new());
    }
    let token = cluster.compute_token(keyspace, table, &key).or_else(|e| err(E_ARGUMENT, e))?;
    let strategy: &Strategy = &known.strategy;
    let spec = TableSpec::borrowed(keyspace, table);
    let nodes = cluster.replica_locator().replicas_for_token(token, strategy, None, &spec);
    let ordered = nodes.into_replicas_ordered().into_iter();
    Ok(ordered
        .filter(|(node, _)| node.is_connected())
        .map(|(node, _)| node.host_id.into_bytes())
        .collect())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_replicas(
    session: *mut Session,
    keyspace: *const c_char,
    table: *const c_char,
    key: *const Cell,
    width: u32,
    host_ids: *mut [u8; 16],
    capacity: u32,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let keyspace = text(keyspace)?.unwrap_or_default();
        let table = text(table)?.unwrap_or_default();
        let cluster = (*session).driver.get_cluster_state();
        let key = BorrowedRow(slice::from_raw_parts(key, width as usize));
        let found = replicas(&cluster, &keyspace, &table, key)?;
        let count = found.len().min(capacity as usize);
        slice::from_raw_parts_mut(host_ids, count).copy_from_slice(&found[..count]);
        Ok(count as i32)
    })
}
