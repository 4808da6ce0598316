//! A client for one question, as health checks have.
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

const HEAD_MAX: usize = 4096;

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn connect(host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(until)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn status_of(head: &[u8]) -> Option<u32> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// The status of GET `path`, within `patience`.
pub fn ask(host: &str, port: u16, path: &str, patience: Duration) -> io::Result<u32> {
    let until = Instant::now() + patience;
    let mut stream = connect(host, port, until)?;
    stream.set_write_timeout(Some(left(until)?))?;
    let shown = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {shown}:{port}\r\nConnection: close\r\n\r\n")?;
    let mut head = Vec::new();
    let mut part = [0; 512];
    while head.len() < HEAD_MAX && !head.contains(&b'\n') {
        stream.set_read_timeout(Some(left(until)?))?;
        let count = stream.read(&mut part)?;
        if count == 0 {
            break;
        }
        head.extend_from_slice(&part[..count]);
    }
    status_of(&head).ok_or_else(|| io::Error::other("what answers there speaks no HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_the_second_word_of_an_http_head() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\nA: b"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        assert_eq!(status_of(b"SSH-2.0-x 200\r\n"), None);
        assert_eq!(status_of(b""), None);
    }
}
