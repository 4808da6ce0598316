//! Which heads are taken: what hyper lets through and this server does not. Pure.
use hyper::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use hyper::{Method, Uri, Version};

pub const TARGET_MAX: usize = 8192;

/// Makes a line that ends without CR, and one that continues the line before it, unreadable: who
/// stands in front may understand them otherwise. hyper takes the first kind.
///
/// No request has a body here, so every byte that comes belongs to a head.
#[derive(Default)]
pub struct LineCheck {
    last: u8,
    line_ended: bool,
}

impl LineCheck {
    pub fn spoil(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            let came = *byte;
            if came == b'\n' && self.last != b'\r' || self.line_ended && matches!(came, b' ' | b'\t') {
                *byte = 0;
            }
            self.line_ended = came == b'\n';
            self.last = came;
        }
    }
}

/// The status with which a request is refused before any handler sees it.
pub fn refusal(method: &Method, uri: &Uri, version: Version, fields: &HeaderMap) -> Option<u16> {
    let hosts = fields.get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && version != Version::HTTP_10 {
        return Some(400);
    }
    if uri.scheme().is_some() || uri.authority().is_some() && method != Method::CONNECT {
        return Some(400);
    }
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_MAX) {
        return Some(414);
    }
    let empty = fields.get_all(CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0");
    let only_read = method == Method::GET || method == Method::HEAD;
    if only_read && (fields.contains_key(TRANSFER_ENCODING) || !empty) {
        return Some(400);
    }
    None
}

pub fn accepts_gzip(fields: &HeaderMap) -> bool {
    let values = fields.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse::<f32>);
        named && weight.is_none_or(|weight| weight.is_ok_and(|weight| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoiled(parts: &[&str]) -> String {
        let mut check = LineCheck::default();
        let mut out = Vec::new();
        for part in parts {
            let mut bytes = part.as_bytes().to_vec();
            check.spoil(&mut bytes);
            out.extend(bytes);
        }
        String::from_utf8(out).unwrap().replace('\0', "#")
    }

    #[test]
    fn lines_end_with_cr_lf_and_are_not_continued() {
        assert_eq!(spoiled(&["GET / HTTP/1.1\r\nA: b\r\n\r\n"]), "GET / HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(spoiled(&["A: b\nC: d\r\n"]), "A: b#C: d\r\n");
        assert_eq!(spoiled(&["A: b\r\n c\r\n"]), "A: b\r\n#c\r\n");
        assert_eq!(spoiled(&["A: b\r", "\n", "\tc"]), "A: b\r\n#c");
        assert_eq!(spoiled(&["A: b\r\n\r\n\n"]), "A: b\r\n\r\n#");
    }

    fn refused(target: &str, version: Version, fields: &[(&'static str, &'static str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        refusal(&Method::GET, &target.parse().unwrap(), version, &map)
    }

    #[test]
    fn one_host_is_needed() {
        assert_eq!(refused("/", Version::HTTP_11, &[("host", "a")]), None);
        assert_eq!(refused("/", Version::HTTP_11, &[]), Some(400));
        assert_eq!(refused("/", Version::HTTP_10, &[]), None);
        assert_eq!(refused("/", Version::HTTP_10, &[("host", "a"), ("host", "a")]), Some(400));
    }

    #[test]
    fn bodies_absolute_forms_and_long_targets_are_refused() {
        let host = ("host", "a");
        assert_eq!(refused("/", Version::HTTP_11, &[host, ("content-length", "0")]), None);
        assert_eq!(refused("/", Version::HTTP_11, &[host, ("content-length", "5")]), Some(400));
        assert_eq!(refused("/", Version::HTTP_11, &[host, ("transfer-encoding", "chunked")]), Some(400));
        assert_eq!(refused("http://a/", Version::HTTP_11, &[host]), Some(400));
        assert_eq!(refused(&format!("/{}", "a".repeat(8191)), Version::HTTP_11, &[host]), None);
        assert_eq!(refused(&format!("/{}", "a".repeat(8192)), Version::HTTP_11, &[host]), Some(414));
    }

    #[test]
    fn gzip_is_accepted_by_name_and_weight() {
        let accepts = |value: &str| {
            let mut map = HeaderMap::new();
            map.insert(ACCEPT_ENCODING, value.parse().unwrap());
            accepts_gzip(&map)
        };
        assert!(accepts("gzip") && accepts("br, GZIP;q=0.5") && accepts("deflate , gzip"));
        assert!(!accepts("gzip;q=0") && !accepts("gzip; q=0.0") && !accepts("br") && !accepts("gzipped"));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
