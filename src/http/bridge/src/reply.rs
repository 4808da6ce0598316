//! An answer while a handler makes it.
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use std::io::Write;

const COMPRESSED_FROM: usize = 1024;

#[derive(Default)]
pub struct Reply {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn new() -> Self {
        Reply { status: 200, ..Default::default() }
    }

    pub fn set_field(&mut self, name: &[u8], value: &[u8]) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            self.fields.insert(name, value);
        }
    }

    pub fn close(&mut self) {
        self.fields.insert(CONNECTION, HeaderValue::from_static("close"));
    }

    pub fn compress(&mut self) {
        if self.body.len() < COMPRESSED_FROM || self.fields.contains_key(CONTENT_ENCODING) {
            return;
        }
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(5));
        if packed.write_all(&self.body).is_err() {
            return;
        }
        if let Ok(packed) = packed.finish() {
            self.body = packed.into();
            self.fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
}
