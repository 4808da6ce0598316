//! What reads and writes share: options, retries, counters, prepared statements.
use crate::error::{CError, E_ARGUMENT, Error, OK, Res, err, guard};
use crate::session::{Session, text};
use scylla::cluster::metadata::{ColumnType, NativeType};
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use std::collections::hash_map::RandomState;
use std::ffi::{CString, c_char};
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Default)]
pub struct Counters {
    pub requests: AtomicU64,
    pub retries: AtomicU64,
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RequestOptions {
    consistency: u16,
    pub parallel: u32,
    pub page_rows: i32,
    pub queue_pages: u32,
    retries: u32,
    backoff_ms_min: u32,
    backoff_ms_max: u32,
    pub in_order: u32,
}

impl RequestOptions {
    pub fn consistency(&self) -> Res<Consistency> {
        Consistency::try_from(self.consistency).or_else(|e| err(E_ARGUMENT, e))
    }

    fn pause(&self, attempt: u32) -> Duration {
        let least = u64::from(self.backoff_ms_min.max(1));
        let full = (least << attempt.min(20)).min(u64::from(self.backoff_ms_max).max(least));
        // A RandomState is seeded anew each time; no other source of randomness is needed.
        let random = RandomState::new().build_hasher().finish();
        Duration::from_millis(full - random % (full / 2 + 1))
    }

    /// Runs `attempt` until it succeeds, its error does not pass or the retries are used up.
    pub async fn retrying<T, F>(&self, counters: &Counters, attempt: impl Fn() -> F) -> Res<T>
    where
        F: Future<Output = Res<T>>,
    {
        let mut tries = 0;
        loop {
            counters.requests.fetch_add(1, Ordering::Relaxed);
            match attempt().await {
                Err(error) if error.is_passing() && tries < self.retries => {
                    counters.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(self.pause(tries)).await;
                    tries += 1;
                }
                result => return result,
            }
        }
    }
}

pub struct Statement {
    prepared: PreparedStatement,
    columns: Vec<(CString, CString)>,
}

impl Statement {
    /// A copy to run with these options; `width` is how many values will be bound.
    pub fn with(&self, options: &RequestOptions, width: usize) -> Res<PreparedStatement> {
        let markers = self.prepared.get_variable_col_specs().len();
        if markers != width {
            return err(E_ARGUMENT, format!("{width} values for {markers} bind markers"));
        }
        let mut prepared = self.prepared.clone();
        prepared.set_consistency(options.consistency()?);
        prepared.set_page_size(options.page_rows.max(1));
        Ok(prepared)
    }
}

fn type_name(column_type: &ColumnType) -> &'static str {
    let ColumnType::Native(native) = column_type else { return "unsupported" };
    match native {
        NativeType::Ascii => "ascii",
        NativeType::BigInt => "bigint",
        NativeType::Blob => "blob",
        NativeType::Boolean => "boolean",
        NativeType::Counter => "counter",
        NativeType::Date => "date",
        NativeType::Decimal => "decimal",
        NativeType::Double => "double",
        NativeType::Float => "float",
        NativeType::Inet => "inet",
        NativeType::Int => "int",
        NativeType::SmallInt => "smallint",
        NativeType::Text => "text",
        NativeType::Time => "time",
        NativeType::Timestamp => "timestamp",
        NativeType::Timeuuid => "timeuuid",
        NativeType::TinyInt => "tinyint",
        NativeType::Uuid => "uuid",
        NativeType::Varint => "varint",
        _ => "unsupported",
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_prepare(
    session: *mut Session,
    cql: *const c_char,
    out: *mut *mut Statement,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let session = &*session;
        let cql = text(cql)?.unwrap_or_default();
        let mut prepared =
            session.runtime.block_on(session.driver.prepare(cql)).map_err(Error::from)?;
        prepared.set_is_idempotent(true);
        // Columns are listed by name and the types of a table's columns never change.
        prepared.set_use_cached_result_metadata(true);
        let columns = prepared
            .get_current_result_set_col_specs()
            .get()
            .iter()
            .map(|column| {
                let name = CString::new(column.name()).unwrap_or_default();
                (name, CString::new(type_name(column.typ())).unwrap_or_default())
            })
            .collect();
        *out = Box::into_raw(Box::new(Statement { prepared, columns }));
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_statement_send_to(
    session: *mut Session,
    statement: *mut Statement,
    address: *const c_char,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let address = text(address)?.unwrap_or_default().parse::<IpAddr>().ok();
        let cluster = (*session).driver.get_cluster_state();
        let nodes = cluster.get_nodes_info();
        let Some(node) = nodes.iter().find(|node| Some(node.address.ip()) == address) else {
            return Ok(0);
        };
        let target = NodeIdentifier::HostId(node.host_id);
        let policy = SingleTargetLoadBalancingPolicy::new(target, None);
        (*statement).prepared.set_execution_profile_handle(Some((*session).patient.clone()));
        (*statement).prepared.set_load_balancing_policy(Some(policy));
        Ok(1)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_statement_free(statement: *mut Statement) {
    if !statement.is_null() {
        drop(unsafe { Box::from_raw(statement) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_statement_columns(statement: *const Statement) -> u32 {
    unsafe { &*statement }.columns.len() as u32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_statement_column_name(
    statement: *const Statement,
    column: u32,
) -> *const c_char {
    unsafe { &*statement }.columns[column as usize].0.as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_statement_column_type(
    statement: *const Statement,
    column: u32,
) -> *const c_char {
    unsafe { &*statement }.columns[column as usize].1.as_ptr()
}
