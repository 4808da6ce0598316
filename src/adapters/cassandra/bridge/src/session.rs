//! Opening and closing sessions; statements without values.
use crate::error::{CError, E_ARGUMENT, E_CONNECT, E_TLS, Error, OK, Res, err, guard};
use crate::request::Counters;
use openssl::error::ErrorStack;
use openssl::ssl::{SslContext, SslContextBuilder, SslFiletype, SslMethod, SslVerifyMode};
use scylla::client::PoolSize;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session_builder::SessionBuilder;
use std::ffi::{CStr, c_char};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

const ABI: u32 = 1;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

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
    tls_no_ip_check: u32,
    connect_timeout_ms: u32,
    request_timeout_ms: u32,
    connections_per_host: u32,
}

pub struct Session {
    pub driver: Arc<scylla::client::session::Session>,
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

unsafe fn tls_context(config: &Config) -> Res<Option<SslContext>> {
    let (ca, cert, key) =
        unsafe { (text(config.tls_ca)?, text(config.tls_cert)?, text(config.tls_key)?) };
    if ca.is_none() && cert.is_none() {
        return Ok(None);
    }
    let build = || -> Result<SslContext, ErrorStack> {
        let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
        builder.set_verify(SslVerifyMode::PEER);
        if config.tls_no_ip_check != 0 {
            // The driver always asks OpenSSL to match the certificate with the node's IP.
            const IP_ADDRESS_MISMATCH: i32 = 64;
            builder.set_verify_callback(SslVerifyMode::PEER, |ok, context| {
                ok || context.error().as_raw() == IP_ADDRESS_MISMATCH
            });
        }
        if let Some(ca) = ca {
            builder.set_ca_file(ca)?;
        }
        if let (Some(cert), Some(key)) = (cert, key) {
            builder.set_certificate_chain_file(cert)?;
            builder.set_private_key_file(key, SslFiletype::PEM)?;
        }
        Ok(builder.build())
    };
    build().map(Some).or_else(|e| err(E_TLS, e))
}

unsafe fn session_builder(config: &Config) -> Res<SessionBuilder> {
    let connections = NonZeroUsize::new(config.connections_per_host.max(1) as usize);
    let profile = ExecutionProfile::builder()
        .request_timeout(Some(Duration::from_millis(config.request_timeout_ms.max(1).into())))
        .build();
    let mut builder = SessionBuilder::new()
        .default_execution_profile_handle(profile.into_handle())
        .connection_timeout(Duration::from_millis(config.connect_timeout_ms.max(1).into()))
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
        Ok(builder.tls_context(tls_context(config)?))
    }
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
        let builder = session_builder(config)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(config.io_threads.max(1) as usize)
            .thread_name("cql-io")
            .enable_all()
            .build()
            .or_else(|e| err(E_CONNECT, e))?;
        // connection_timeout covers the TCP connect only, not a server that accepts and stays silent.
        let limit = Duration::from_millis(config.connect_timeout_ms.max(1).into());
        let built =
            runtime.block_on(async { tokio::time::timeout(limit, builder.build()).await });
        let session = match built {
            Ok(Ok(session)) => session,
            Ok(Err(e)) => {
                runtime.shutdown_background();
                return Err(Error::from(e));
            }
            Err(_) => {
                runtime.shutdown_background();
                return err(E_CONNECT, format!("no session within {} ms", limit.as_millis()));
            }
        };
        let counters = Arc::new(Counters::default());
        *out = Box::into_raw(Box::new(Session { driver: Arc::new(session), counters, runtime }));
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
