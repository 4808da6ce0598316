//! Token ranges: how the ring is cut, and where a range's requests go.
use scylla::cluster::{ClusterState, NodeRef};
use scylla::policies::load_balancing::{FallbackPlan, LoadBalancingPolicy, RoutingInfo};
use scylla::routing::{Shard, Token};
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
    fn replicas<'a>(&self, cluster: &'a ClusterState) -> Vec<(NodeRef<'a>, Option<Shard>)> {
        let endpoints = cluster.get_token_endpoints(&self.keyspace, &self.table, self.token);
        let mut replicas: Vec<_> = endpoints
            .iter()
            .filter_map(|(node, shard)| {
                cluster.get_node_by_host_id(node.host_id).map(|node| (node, Some(*shard)))
            })
            .filter(|(node, _)| node.is_connected())
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
        self.replicas(cluster).into_iter().next().or_else(|| self.inner.pick(routing, cluster))
    }

    fn fallback<'a>(
        &'a self,
        routing: &'a RoutingInfo,
        cluster: &'a ClusterState,
    ) -> FallbackPlan<'a> {
        // No node twice: it would get a request again that it has just failed.
        let replicas = self.replicas(cluster);
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
