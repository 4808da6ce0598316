//! The handlers on the other side of the ABI, and what they are asked.
use crate::head::accepts_gzip;
use crate::reply::Reply;
use hyper::Request;
use hyper::header::{AUTHORIZATION, AsHeaderName, HOST, HeaderMap, IF_NONE_MATCH};
use std::ffi::{c_char, c_void};
use std::net::IpAddr;

pub const WORK: i32 = 1;
pub const STREAM: i32 = 2;
pub const DELAYED: i32 = 3;
pub const RESERVED: i32 = 4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    data: *const c_char,
    size: usize,
}

impl Text {
    fn of(bytes: &[u8]) -> Self {
        Text { data: bytes.as_ptr().cast(), size: bytes.len() }
    }

    /// The text has to live as long as the result.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        unsafe { std::slice::from_raw_parts(self.data.cast(), self.size) }
    }
}

#[repr(C)]
pub struct CRequest {
    method: Text,
    target: Text,
    host: Text,
    authorization: Text,
    if_none_match: Text,
    peer: Text,
    accepts_gzip: u32,
}

/// Of a request, what handlers want to know.
pub struct Asked {
    method: String,
    target: String,
    host: Vec<u8>,
    authorization: Vec<u8>,
    if_none_match: Vec<u8>,
    peer: String,
    pub accepts_gzip: bool,
}

fn field(fields: &HeaderMap, name: impl AsHeaderName) -> Vec<u8> {
    fields.get(name).map(|value| value.as_bytes().to_vec()).unwrap_or_default()
}

impl Asked {
    pub fn new<B>(request: &Request<B>, peer: IpAddr) -> Self {
        let fields = request.headers();
        let target = request.uri().path_and_query().map(|target| target.as_str());
        Asked {
            method: request.method().as_str().to_string(),
            target: target.unwrap_or_default().to_string(),
            host: field(fields, HOST),
            authorization: field(fields, AUTHORIZATION),
            if_none_match: field(fields, IF_NONE_MATCH),
            peer: peer.to_string(),
            accepts_gzip: accepts_gzip(fields),
        }
    }

    fn as_c(&self) -> CRequest {
        CRequest {
            method: Text::of(self.method.as_bytes()),
            target: Text::of(self.target.as_bytes()),
            host: Text::of(&self.host),
            authorization: Text::of(&self.authorization),
            if_none_match: Text::of(&self.if_none_match),
            peer: Text::of(self.peer.as_bytes()),
            accepts_gzip: self.accepts_gzip.into(),
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handlers {
    context: *mut c_void,
    route: extern "C" fn(*mut c_void, *const CRequest, *mut Reply) -> i32,
    work: extern "C" fn(*mut c_void, *const CRequest, *mut Reply),
    refuse: extern "C" fn(*mut c_void, u32, *mut Reply),
    stream_ended: extern "C" fn(*mut c_void),
}

// bridge.h asks for handlers that may be called from several threads.
unsafe impl Send for Handlers {}

impl Handlers {
    pub fn route(&self, asked: &Asked) -> (i32, Reply) {
        let mut reply = Reply::new();
        let code = (self.route)(self.context, &asked.as_c(), &mut reply);
        (code, reply)
    }

    pub fn work(&self, asked: &Asked) -> Reply {
        let mut reply = Reply::new();
        (self.work)(self.context, &asked.as_c(), &mut reply);
        reply
    }

    pub fn refuse(&self, status: u16) -> Reply {
        let mut reply = Reply::new();
        reply.status = status;
        (self.refuse)(self.context, status.into(), &mut reply);
        reply
    }

    pub fn stream_ended(&self) {
        (self.stream_ended)(self.context);
    }
}
