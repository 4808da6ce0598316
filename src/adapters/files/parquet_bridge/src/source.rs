//! The bytes of the file, read by position.
use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Page headers are small, and what is read beyond them is read again.
const HEADER_BYTES: usize = 1024;

#[derive(Clone)]
pub struct Source {
    file: Arc<File>,
    size: u64,
    bytes_read: Arc<AtomicU64>,
}

impl Source {
    pub fn new(file: File) -> io::Result<Source> {
        let size = file.metadata()?.len();
        Ok(Source { file: Arc::new(file), size, bytes_read: Arc::default() })
    }

    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }
}

pub struct SourceAt {
    source: Source,
    position: u64,
}

impl Read for SourceAt {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.file.read_at(into, self.position)?;
        self.position += read as u64;
        self.source.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Source {
    type T = BufReader<SourceAt>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let at = SourceAt { source: self.clone(), position: start };
        Ok(BufReader::with_capacity(HEADER_BYTES, at))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // Checked before the memory is asked for: the length may be anything.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} lie outside the file's {}",
                self.size
            )));
        }
        let mut buffer = vec![0; length];
        self.file.read_exact_at(&mut buffer, start)?;
        self.bytes_read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(buffer.into())
    }
}
