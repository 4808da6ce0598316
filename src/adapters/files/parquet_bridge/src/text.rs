//! Values as text.
/// Writing to memory cannot fail.
macro_rules! put {
    ($out:expr, $($argument:tt)*) => {
        let _ = std::io::Write::write_fmt($out, format_args!($($argument)*));
    };
}
pub(crate) use put;

#[derive(Clone, Copy)]
pub struct Instant {
    /// 1000, 1000000 or 1000000000.
    pub per_second: i64,
    pub is_utc: bool,
}

const DAY_S: i64 = 86_400;

/// Of days since 1970, in the proleptic Gregorian calendar. By eras of 400 years that begin in
/// March (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub fn put_date(out: &mut Vec<u8>, days: i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if (0..10_000).contains(&year) {
        put_two(out, year / 100);
        put_two(out, year % 100);
    } else {
        put!(out, "{year:04}");
    }
    out.push(b'-');
    put_two(out, month);
    out.push(b'-');
    put_two(out, day);
}

/// `value` is below 100.
fn put_two(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

/// Of a time since midnight.
pub fn put_time(out: &mut Vec<u8>, value: i64, per_second: i64) {
    let seconds = value.div_euclid(per_second);
    if (0..DAY_S).contains(&seconds) {
        put_two(out, seconds / 3600);
        out.push(b':');
        put_two(out, seconds / 60 % 60);
        out.push(b':');
        put_two(out, seconds % 60);
    } else {
        put!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let fraction = value.rem_euclid(per_second);
    if fraction != 0 {
        let width = per_second.ilog10() as usize;
        put!(out, ".{fraction:0width$}");
    }
}

pub fn put_timestamp(out: &mut Vec<u8>, value: i64, instant: Instant) {
    let day = DAY_S * instant.per_second;
    put_date(out, value.div_euclid(day));
    out.push(b' ');
    put_time(out, value.rem_euclid(day), instant.per_second);
    if instant.is_utc {
        out.push(b'Z');
    }
}

/// `data`: nanoseconds of the day (low, high) and the Julian day, as Impala, Hive and Spark before
/// 3.0 wrote times.
pub fn put_int96(out: &mut Vec<u8>, data: &[u32]) {
    const JULIAN_DAY_OF_1970: i64 = 2_440_588;
    const DAY_NS: i64 = DAY_S * 1_000_000_000;
    let nanoseconds = ((u64::from(data[1]) << 32) | u64::from(data[0])) as i64;
    let day = i64::from(data[2]) - JULIAN_DAY_OF_1970 + nanoseconds.div_euclid(DAY_NS);
    put_date(out, day);
    out.push(b' ');
    put_time(out, nanoseconds.rem_euclid(DAY_NS), 1_000_000_000);
    out.push(b'Z');
}

/// `digits` of a whole number, perhaps with a minus, shifted by `scale` places.
fn put_scaled(out: &mut Vec<u8>, digits: &str, scale: usize) {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    if scale == 0 {
        put!(out, "{sign}{digits}");
    } else if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        put!(out, "{sign}{whole}.{fraction}");
    } else {
        put!(out, "{sign}0.{digits:0>scale$}");
    }
}

pub fn put_decimal(out: &mut Vec<u8>, unscaled: i64, scale: usize) {
    put_scaled(out, &unscaled.to_string(), scale);
}

/// `bytes`: two's complement, the highest first. False when there are too many.
pub fn put_decimal_bytes(out: &mut Vec<u8>, bytes: &[u8], scale: usize) -> bool {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let filling = if negative { 0xFF } else { 0 };
    let extra = bytes.len().saturating_sub(16);
    let (leading, last) = bytes.split_at(extra);
    let mut whole = [filling; 16];
    whole[16 - last.len()..].copy_from_slice(last);
    let value = i128::from_be_bytes(whole);
    if leading.iter().any(|byte| *byte != filling) || (value < 0) != negative {
        return false;
    }
    put_scaled(out, &value.to_string(), scale);
    true
}

pub fn put_uuid(out: &mut Vec<u8>, bytes: &[u8]) {
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        put!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_before_and_after_1970() {
        let date = |days| text(|out| put_date(out, days));
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-719_162), "0001-01-01");
        assert_eq!(date(2_932_896), "9999-12-31");
        assert_eq!(date(2_932_897), "10000-01-01");
        assert_eq!(date(-719_529), "-001-12-31");
    }

    #[test]
    fn timestamps_of_each_unit() {
        let at = |value, per_second, is_utc| {
            text(|out| put_timestamp(out, value, Instant { per_second, is_utc }))
        };
        assert_eq!(at(-1, 1_000, true), "1969-12-31 23:59:59.999Z");
        assert_eq!(at(1_709_632_801_000_000, 1_000_000, false), "2024-03-05 10:00:01");
        assert_eq!(at(1_709_632_801_000_000_001, 1_000_000_000, true), "2024-03-05 10:00:01.000000001Z");
    }

    #[test]
    fn times_of_a_day_and_beyond_it() {
        let time = |value, per_second| text(|out| put_time(out, value, per_second));
        assert_eq!(time(86_399_999, 1_000), "23:59:59.999");
        assert_eq!(time(90_061_000, 1_000), "25:01:01");
        assert_eq!(time(-1_000, 1_000), "00:00:-1");
    }

    #[test]
    fn int96_counts_julian_days() {
        assert_eq!(text(|out| put_int96(out, &[1, 0, 2_440_588])), "1970-01-01 00:00:00.000000001Z");
    }

    #[test]
    fn decimals_of_any_width() {
        let bytes = |bytes: &[u8], scale| {
            text(|out| assert!(put_decimal_bytes(out, bytes, scale)))
        };
        assert_eq!(text(|out| put_decimal(out, -15, 1)), "-1.5");
        assert_eq!(text(|out| put_decimal(out, 5, 3)), "0.005");
        assert_eq!(bytes(&[], 2), "0.00");
        assert_eq!(bytes(&[0xFF, 0xFF, 0x6A], 2), "-1.50");
        assert_eq!(bytes(&[0; 20], 0), "0");
        assert!(!put_decimal_bytes(&mut Vec::new(), &[1; 17], 0));
    }

    #[test]
    fn uuids_have_their_dashes() {
        let bytes: Vec<u8> = (0..16).collect();
        assert_eq!(text(|out| put_uuid(out, &bytes)), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
