//! The functions of bridge.h.
use crate::ask::ask;
use crate::error::{CError, guard};
use crate::handler::{Handlers, Text};
use crate::reply::Reply;
use crate::server::{Config, Server};
use hyper::body::Bytes;
use std::ffi::{CStr, c_char};
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

#[repr(C)]
pub struct CConfig {
    host: *const c_char,
    port: u16,
    connections: u32,
    connections_peer: u32,
    head_fields: u32,
    head_bytes: u32,
    head_ms: u32,
    idle_ms: u32,
    write_ms: u32,
    stream_ms: u32,
    workers: u32,
    queue: u32,
    queue_ms: u32,
    answer_bytes: u64,
    delay_ms: u32,
    grace_ms: u32,
}

#[repr(C)]
pub struct CCounters {
    answers: [u64; 6],
    accepted: u64,
    evicted: u64,
    timed_out: u64,
    connections: u64,
    streams: u64,
}

fn ms(count: u32) -> Duration {
    Duration::from_millis(count.into())
}

unsafe fn text_of<'a>(text: *const c_char) -> io::Result<&'a str> {
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| io::ErrorKind::InvalidInput.into())
}

unsafe fn config_of(config: &CConfig) -> io::Result<Config> {
    Ok(Config {
        host: unsafe { text_of(config.host) }?.to_string(),
        port: config.port,
        connections: config.connections as usize,
        connections_peer: config.connections_peer as usize,
        head_fields: config.head_fields as usize,
        head_bytes: config.head_bytes as usize,
        head: ms(config.head_ms),
        idle: ms(config.idle_ms),
        write: ms(config.write_ms),
        stream: ms(config.stream_ms),
        workers: config.workers as usize,
        queue: config.queue as usize,
        queue_wait: ms(config.queue_ms),
        answer_bytes: config.answer_bytes as usize,
        delay: ms(config.delay_ms),
        grace: ms(config.grace_ms),
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_listen(
    config: *const CConfig,
    out: *mut *mut Server,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let server = Server::listen(config_of(&*config)?)?;
        *out = Box::into_raw(Box::new(server));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_serve(
    server: *mut Server,
    handlers: *const Handlers,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe { (*server).serve(*handlers) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_port(server: *const Server) -> u16 {
    unsafe { &*server }.port
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_publish(server: *mut Server, event: Text) {
    unsafe { &*server }.publish(Bytes::copy_from_slice(unsafe { event.bytes() }));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_stop(server: *const Server) {
    unsafe { &*server }.stop();
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_free(server: *mut Server) {
    if !server.is_null() {
        drop(unsafe { Box::from_raw(server) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_server_counters(server: *const Server, out: *mut CCounters) {
    let counters = &unsafe { &*server }.counters;
    let counted = CCounters {
        answers: std::array::from_fn(|i| counters.answers[i].load(Relaxed)),
        accepted: counters.accepted.load(Relaxed),
        evicted: counters.evicted.load(Relaxed),
        timed_out: counters.timed_out.load(Relaxed),
        connections: counters.connections.load(Relaxed),
        streams: counters.streams.load(Relaxed),
    };
    unsafe { *out = counted };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_reply_status(reply: *mut Reply, status: u32) {
    unsafe { &mut *reply }.status = u16::try_from(status).unwrap_or(500);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_reply_field(reply: *mut Reply, name: Text, value: Text) {
    unsafe { (*reply).set_field(name.bytes(), value.bytes()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_reply_body(reply: *mut Reply, body: Text) {
    unsafe { (*reply).body = Bytes::copy_from_slice(body.bytes()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_reply_static_body(reply: *mut Reply, body: Text) {
    unsafe { (*reply).body = Bytes::from_static(body.bytes()) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_reply_reset(reply: *mut Reply) {
    unsafe { *reply = Reply::new() };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_ask(
    host: *const c_char,
    port: u16,
    path: *const c_char,
    timeout_ms: u32,
    status: *mut u32,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        *status = ask(text_of(host)?, port, text_of(path)?, ms(timeout_ms))?;
        Ok(())
    })
}
