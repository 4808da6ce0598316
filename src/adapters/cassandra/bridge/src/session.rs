//! Opening and closing sessions; statements without values.
use crate::error::{CError, E_ARGUMENT, E_CONNECT, E_TLS, Error, OK, Res, err, guard};
use crate::request::Counters;
use async_trait::async_trait;
use openssl::ssl::{SslContext, SslContextBuilder, SslFiletype, SslMethod, SslVerifyMode};
use scylla::client::PoolSize;
use scylla::client::execution_profile::{
    ExecutionProfile, ExecutionProfileBuilder, ExecutionProfileHandle,
};
use scylla::client::session::Session as DriverSession;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::TranslationError;
use scylla::policies::address_translator::{AddressTranslator, UntranslatedPeer};
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::policies::timestamp_generator::MonotonicTimestampGenerator;
use std::ffi::{CStr, c_char};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

const ABI: u32 = 6;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// One after the other while a session opens: to the host given and to the nodes, then both once more.
const CONNECTS_MAX: u32 = 4;
/// A node that is stopped, or whose network is gone, keeps its connections and answers nothing: after that
/// time another one is asked, too. By then a coordinator has given a write up (write_request_timeout).
const SECOND_NODE_AFTER: Duration = Duration::from_secs(2);

#[repr(C)]
pub struct Config {
    abi: u32,
    io_threads: u32,
    hosts: *const c_char,
    user: *const c_char,
    password: *const c_char,
    local_dc: *const c_char,
    tls_ca: *const c_char,
    tls_cert: *const c_char,
    tls_key: *const c_char,
    tls: u32,
    tls_no_ip_check: u32,
    connect_timeout_ms: u32,
    request_timeout_ms: u32,
    connections_per_host: u32,
}

pub struct Session {
    pub driver: Arc<DriverSession>,
    /// Asks no second node. Of whole scans (a cluster that is slow is not asked for each page twice), and of
    /// what one node alone can answer.
    pub patient: ExecutionProfileHandle,
    pub counters: Arc<Counters>,
    pub runtime: Runtime,
}

/// The string; None when it is null or empty.
pub unsafe fn text(pointer: *const c_char) -> Res<Option<String>> {
    if pointer.is_null() {
        return Ok(None);
    }
    match unsafe { CStr::from_ptr(pointer) }.to_str() {
        Ok("") => Ok(None),
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => err(E_ARGUMENT, "an option is not UTF-8"),
    }
}

/// Why a server's certificate was refused: the driver's own error says only that it was.
type Refusal = Arc<Mutex<Option<String>>>;

unsafe fn tls_context(config: &Config, refusal: &Refusal) -> Res<Option<SslContext>> {
    if config.tls == 0 {
        return Ok(None);
    }
    let (ca, cert, key) =
        unsafe { (text(config.tls_ca)?, text(config.tls_cert)?, text(config.tls_key)?) };
    let unusable = |what: &str, file: &str, e: &dyn std::fmt::Display| {
        Error { code: E_TLS, server_code: 0, message: format!("{what} {file} cannot be used: {e}") }
    };
    let mut builder =
        SslContextBuilder::new(SslMethod::tls_client()).or_else(|e| err(E_TLS, e))?;
    let any_address = config.tls_no_ip_check != 0;
    let refusal = refusal.clone();
    builder.set_verify_callback(SslVerifyMode::PEER, move |ok, context| {
        // The driver always asks OpenSSL to match the certificate with the node's IP.
        const IP_ADDRESS_MISMATCH: i32 = 64;
        let good = ok || (any_address && context.error().as_raw() == IP_ADDRESS_MISMATCH);
        if !good && let Ok(mut reason) = refusal.lock() {
            *reason = Some(context.error().error_string().to_owned());
        }
        good
    });
    match &ca {
        Some(ca) => builder.set_ca_file(ca).map_err(|e| unusable("tls_ca", ca, &e))?,
        None => builder.set_default_verify_paths().or_else(|e| err(E_TLS, e))?,
    }
    if let (Some(cert), Some(key)) = (&cert, &key) {
        builder
            .set_certificate_chain_file(cert)
            .map_err(|e| unusable("tls_cert", cert, &e))?;
        builder
            .set_private_key_file(key, SslFiletype::PEM)
            .map_err(|e| unusable("tls_key", key, &e))?;
    }
    Ok(Some(builder.build()))
}

fn profile(config: &Config) -> ExecutionProfileBuilder {
    let limit = Duration::from_millis(config.request_timeout_ms.max(1).into());
    ExecutionProfile::builder().request_timeout(Some(limit))
}

/// From now on a second node is asked; where there is none, an error would only wait for it.
fn ask_two_nodes(session: &DriverSession, config: &Config) {
    if session.get_cluster_state().get_nodes_info().len() > 1 {
        let policy = SimpleSpeculativeExecutionPolicy {
            max_retry_count: 1,
            retry_interval: SECOND_NODE_AFTER,
        };
        let profile = profile(config).speculative_execution_policy(Some(Arc::new(policy))).build();
        session.get_default_execution_profile_handle().clone().map_to_another_profile(profile);
    }
}

unsafe fn session_builder(config: &Config, refusal: &Refusal) -> Res<SessionBuilder> {
    let limit = Duration::from_millis(config.connect_timeout_ms.max(1).into());
    let connections = NonZeroUsize::new(config.connections_per_host.max(1) as usize);
    let mut builder = SessionBuilder::new()
        .default_execution_profile_handle(profile(config).build().into_handle())
        // Whoever executes a statement late must not write over what was written since.
        .timestamp_generator(Arc::new(MonotonicTimestampGenerator::new()))
        .connection_timeout(limit / CONNECTS_MAX)
        .pool_size(PoolSize::PerHost(connections.unwrap_or(NonZeroUsize::MIN)));
    unsafe {
        for host in text(config.hosts)?.unwrap_or_default().split(',') {
            builder = builder.known_node(host.trim());
        }
        if let Some(user) = text(config.user)? {
            builder = builder.user(user, text(config.password)?.unwrap_or_default());
        }
        if let Some(datacenter) = text(config.local_dc)? {
            builder = builder.prefer_datacenter(datacenter);
        }
        Ok(builder.tls_context(tls_context(config, refusal)?))
    }
}

/// The addresses that the nodes advertise; none when one of them can be reached.
fn unreachable_addresses(session: &DriverSession) -> Vec<SocketAddr> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info();
    if nodes.iter().any(|node| node.is_connected()) {
        return Vec::new();
    }
    nodes.iter().map(|node| SocketAddr::new(node.address.ip(), node.address.port())).collect()
}

/// A node alone is there where it was found, whatever address it advertises: recreated, it advertises another
/// one. Nodes that join it later are asked through it, which answers for them, too.
struct WhereItWasFound {
    hosts: String,
    patience: Duration,
}

impl WhereItWasFound {
    /// As names are resolved now. Of several the first that lets anybody connect.
    async fn address(&self) -> Option<SocketAddr> {
        let mut found = Vec::new();
        for host in self.hosts.split(',') {
            found.extend(lookup_host(host.trim()).await.into_iter().flatten());
        }
        if found.len() > 1 {
            for address in &found {
                if let Ok(Ok(_)) = timeout(self.patience, TcpStream::connect(address)).await {
                    return Some(*address);
                }
            }
        }
        found.first().copied()
    }
}

#[async_trait]
impl AddressTranslator for WhereItWasFound {
    async fn translate_address(
        &self,
        peer: &UntranslatedPeer,
    ) -> Result<SocketAddr, TranslationError> {
        let advertised = peer.untranslated_address();
        self.address().await.ok_or(TranslationError::NoRuleForAddress(advertised))
    }
}

async fn connect(builder: SessionBuilder, found: WhereItWasFound) -> Res<DriverSession> {
    let session = builder.build().await.map_err(Error::from)?;
    let advertised = unreachable_addresses(&session);
    if advertised.is_empty() {
        return Ok(session);
    }
    if advertised.len() == 1 {
        let session = builder.address_translator(Arc::new(found)).build().await;
        if let Ok(session) = session
            && unreachable_addresses(&session).is_empty()
        {
            return Ok(session);
        }
    }
    let addresses: Vec<_> = advertised.iter().map(SocketAddr::to_string).collect();
    let addresses = addresses.join(", ");
    err(E_CONNECT, format!("no node can be reached at the address it advertises: {addresses}"))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_session_open(
    config: *const Config,
    out: *mut *mut Session,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let config = &*config;
        if config.abi != ABI {
            return err(E_ARGUMENT, "header and library have different ABI versions");
        }
        let refusal = Refusal::default();
        let builder = session_builder(config, &refusal)?;
        let hosts = text(config.hosts)?.unwrap_or_default();
        let runtime = Builder::new_multi_thread()
            .worker_threads(config.io_threads.max(1) as usize)
            .thread_name("cql-io")
            .enable_all()
            .build()
            .or_else(|e| err(E_CONNECT, e))?;
        // connection_timeout covers the TCP connect only, not a server that accepts and stays silent.
        let limit = Duration::from_millis(config.connect_timeout_ms.max(1).into());
        let found = WhereItWasFound { hosts, patience: limit / CONNECTS_MAX };
        let built = runtime.block_on(async { timeout(limit, connect(builder, found)).await });
        let session = match built {
            Ok(Ok(session)) => session,
            Ok(Err(mut error)) => {
                runtime.shutdown_background();
                if error.code == E_TLS
                    && let Some(reason) = refusal.lock().ok().and_then(|mut reason| reason.take())
                {
                    error.message = format!("certificate verify failed: {reason}");
                }
                return Err(error);
            }
            Err(_) => {
                runtime.shutdown_background();
                return err(E_CONNECT, format!("no session within {} ms", limit.as_millis()));
            }
        };
        let counters = Arc::new(Counters::default());
        ask_two_nodes(&session, config);
        let patient = profile(config).build().into_handle();
        let session = Session { driver: Arc::new(session), patient, counters, runtime };
        *out = Box::into_raw(Box::new(session));
        Ok(OK)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_session_close(session: *mut Session) {
    if !session.is_null() {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let Session { driver, runtime, .. } = *unsafe { Box::from_raw(session) };
            drop(driver);
            runtime.shutdown_timeout(CLOSE_TIMEOUT);
        }));
    }
}

#[repr(C)]
pub struct CountersOut {
    requests: u64,
    retries: u64,
    rows: u64,
    bytes: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_session_counters(session: *const Session, out: *mut CountersOut) {
    let counters = &unsafe { &*session }.counters;
    let answer = CountersOut {
        requests: counters.requests.load(Ordering::Relaxed),
        retries: counters.retries.load(Ordering::Relaxed),
        rows: counters.rows.load(Ordering::Relaxed),
        bytes: counters.bytes.load(Ordering::Relaxed),
    };
    unsafe { out.write(answer) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_execute(
    session: *mut Session,
    cql: *const c_char,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let session = &*session;
        let cql = text(cql)?.unwrap_or_default();
        session.counters.requests.fetch_add(1, Ordering::Relaxed);
        session
            .runtime
            .block_on(session.driver.query_unpaged(cql, ()))
            .map_err(Error::from)?;
        Ok(OK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn found_at(hosts: &str) -> Option<SocketAddr> {
        let found = WhereItWasFound { hosts: hosts.into(), patience: Duration::from_secs(5) };
        Builder::new_current_thread().enable_all().build().unwrap().block_on(found.address())
    }

    #[test]
    fn the_only_host_is_where_the_node_is_whether_it_answers_or_not() {
        assert_eq!(found_at("127.0.0.1:1"), Some("127.0.0.1:1".parse().unwrap()));
        assert_eq!(found_at("no.such.name.invalid:9042"), None);
        assert_eq!(found_at(""), None);
    }

    #[test]
    fn of_several_hosts_it_is_the_one_that_listens_now() {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = TcpListener::bind("127.0.0.1:0").unwrap();
        let (first_at, second_at) = (first.local_addr().unwrap(), second.local_addr().unwrap());
        let hosts = format!("{first_at}, {second_at}");
        assert_eq!(found_at(&hosts), Some(first_at));
        drop(first);
        assert_eq!(found_at(&hosts), Some(second_at));
        drop(second);
        assert_eq!(found_at(&hosts), Some(first_at));
    }
}
