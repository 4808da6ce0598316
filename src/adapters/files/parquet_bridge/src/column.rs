//! One column of a row group: its values, as numbers where they are some, else made into text.
use crate::error::{Error, Res, damaged};
use crate::pages::CheckedPages;
use crate::text::{
    Instant, put, put_date, put_decimal, put_decimal_bytes, put_int96, put_time, put_timestamp,
    put_uuid,
};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray,
    FixedLenByteArrayType, FloatType, Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use std::ffi::{c_char, c_void};
use std::ptr;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    data: *const c_char,
    size: i64,
}

pub const NULL: Value = Value { data: ptr::null(), size: -1 };

impl Value {
    pub fn of(bytes: &[u8]) -> Value {
        Value { data: bytes.as_ptr().cast(), size: bytes.len() as i64 }
    }
}

/// As what the values of a column cross the ABI.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text = 0,
    Integer = 1,
    Instant = 2,
    Double = 3,
    Uuid = 4,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Column {
    kind: Kind,
    is_utc: i32,
    per_second: i64,
    values: *const c_void,
    valid: *const u8,
}

/// How the values of a column become text.
#[derive(Clone, Copy)]
pub enum Format {
    Plain,
    Unsigned,
    Decimal(usize),
    Date,
    Time(i64),
    Timestamp(Instant),
    Uuid,
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    }
}

fn of_logical_type(logical: &LogicalType) -> Option<Format> {
    Some(match logical {
        LogicalType::String | LogicalType::Enum | LogicalType::Json => Format::Plain,
        LogicalType::Decimal(decimal) => Format::Decimal(usize::try_from(decimal.scale).ok()?),
        LogicalType::Date => Format::Date,
        LogicalType::Time(time) => Format::Time(per_second(time.unit)),
        LogicalType::Timestamp(time) => Format::Timestamp(Instant {
            per_second: per_second(time.unit),
            is_utc: time.is_adjusted_to_u_t_c,
        }),
        LogicalType::Integer(integer) if integer.is_signed => Format::Plain,
        LogicalType::Integer(_) => Format::Unsigned,
        LogicalType::Unknown => Format::Plain,
        LogicalType::Uuid => Format::Uuid,
        _ => return None,
    })
}

fn of_converted_type(column: &ColumnDescriptor) -> Option<Format> {
    let utc = |per_second| Format::Timestamp(Instant { per_second, is_utc: true });
    Some(match column.converted_type() {
        ConvertedType::NONE if column.physical_type() == Type::FIXED_LEN_BYTE_ARRAY => {
            if column.type_length() == 16 { Format::Uuid } else { Format::Plain }
        }
        ConvertedType::DECIMAL => Format::Decimal(usize::try_from(column.type_scale()).ok()?),
        ConvertedType::DATE => Format::Date,
        ConvertedType::TIME_MILLIS => Format::Time(1_000),
        ConvertedType::TIME_MICROS => Format::Time(1_000_000),
        ConvertedType::TIMESTAMP_MILLIS => utc(1_000),
        ConvertedType::TIMESTAMP_MICROS => utc(1_000_000),
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Format::Unsigned,
        ConvertedType::BSON | ConvertedType::INTERVAL => return None,
        _ => Format::Plain,
    })
}

/// Of a column that cannot be read, for people.
pub fn type_name_of(column: &ColumnDescriptor) -> String {
    if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
        return "a list, map or struct".to_owned();
    }
    match column.logical_type_ref() {
        Some(logical) => format!("{logical:?}"),
        None => format!("{} {}", column.physical_type(), column.converted_type()),
    }
}

/// None: this column cannot be read.
pub fn format_of(column: &ColumnDescriptor) -> Option<Format> {
    let is_flat = column.max_rep_level() == 0 && column.path().parts().len() == 1;
    if !is_flat {
        return None;
    }
    match column.logical_type_ref() {
        Some(logical) => of_logical_type(logical),
        None => of_converted_type(column),
    }
}

const UUID_BYTES: i32 = 16;

fn put_integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A physical type: appends a value as text; what cannot be text is an error, nothing is null.
trait Put: DataType {
    /// Other kinds than Text have a number() or an uuid().
    fn kind(_format: Format, _column: &ColumnDescriptor) -> Kind {
        Kind::Text
    }
    /// An i64, or the bits of an f64; None: null.
    fn number(_value: &Self::T) -> Option<i64> {
        None
    }
    fn uuid(_value: &Self::T) -> Option<[u8; 16]> {
        None
    }
    /// The text as it lies in the value, if there is no need to write it anew.
    fn as_is(_value: &Self::T, _format: Format) -> Option<&[u8]> {
        None
    }
    fn put(out: &mut Vec<u8>, value: &Self::T, format: Format) -> Res<bool>;
}

impl Put for BoolType {
    fn put(out: &mut Vec<u8>, value: &bool, _format: Format) -> Res<bool> {
        put!(out, "{value}");
        Ok(true)
    }
}

impl Put for Int32Type {
    fn kind(format: Format, _column: &ColumnDescriptor) -> Kind {
        if matches!(format, Format::Plain) { Kind::Integer } else { Kind::Text }
    }
    fn number(value: &i32) -> Option<i64> {
        Some(i64::from(*value))
    }
    fn put(out: &mut Vec<u8>, value: &i32, format: Format) -> Res<bool> {
        match format {
            Format::Unsigned => {
                put_integer(out, *value as u32);
                Ok(true)
            }
            _ => Int64Type::put(out, &i64::from(*value), format),
        }
    }
}

impl Put for Int64Type {
    fn kind(format: Format, _column: &ColumnDescriptor) -> Kind {
        match format {
            Format::Plain => Kind::Integer,
            Format::Timestamp(_) => Kind::Instant,
            _ => Kind::Text,
        }
    }
    fn number(value: &i64) -> Option<i64> {
        Some(*value)
    }
    fn put(out: &mut Vec<u8>, value: &i64, format: Format) -> Res<bool> {
        match format {
            Format::Unsigned => put_integer(out, *value as u64),
            Format::Decimal(scale) => put_decimal(out, *value, scale),
            Format::Date => put_date(out, *value),
            Format::Time(per_second) => put_time(out, *value, per_second),
            Format::Timestamp(instant) => put_timestamp(out, *value, instant),
            Format::Plain | Format::Uuid => put_integer(out, *value),
        }
        Ok(true)
    }
}

impl Put for Int96Type {
    fn put(out: &mut Vec<u8>, value: &Int96, _format: Format) -> Res<bool> {
        put_int96(out, value.data());
        Ok(true)
    }
}

impl Put for FloatType {
    fn put(out: &mut Vec<u8>, value: &f32, _format: Format) -> Res<bool> {
        put!(out, "{value}");
        Ok(!value.is_nan())
    }
}

impl Put for DoubleType {
    fn kind(_format: Format, _column: &ColumnDescriptor) -> Kind {
        Kind::Double
    }
    fn number(value: &f64) -> Option<i64> {
        (!value.is_nan()).then(|| value.to_bits() as i64)
    }
    fn put(out: &mut Vec<u8>, value: &f64, _format: Format) -> Res<bool> {
        put!(out, "{value}");
        Ok(!value.is_nan())
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8], format: Format) -> Res<bool> {
    match format {
        Format::Decimal(scale) => {
            if !put_decimal_bytes(out, bytes, scale) {
                return Err(damaged("a decimal of more than 38 digits"));
            }
        }
        Format::Uuid => put_uuid(out, bytes),
        _ => out.extend_from_slice(bytes),
    }
    Ok(true)
}

impl Put for ByteArrayType {
    fn as_is(value: &ByteArray, format: Format) -> Option<&[u8]> {
        matches!(format, Format::Plain).then(|| value.data())
    }
    fn put(out: &mut Vec<u8>, value: &ByteArray, format: Format) -> Res<bool> {
        put_bytes(out, value.data(), format)
    }
}

impl Put for FixedLenByteArrayType {
    fn kind(format: Format, column: &ColumnDescriptor) -> Kind {
        let is_uuid = matches!(format, Format::Uuid) && column.type_length() == UUID_BYTES;
        if is_uuid { Kind::Uuid } else { Kind::Text }
    }
    fn uuid(value: &FixedLenByteArray) -> Option<[u8; 16]> {
        value.data().try_into().ok()
    }
    fn as_is(value: &FixedLenByteArray, format: Format) -> Option<&[u8]> {
        matches!(format, Format::Plain).then(|| value.data())
    }
    fn put(out: &mut Vec<u8>, value: &FixedLenByteArray, format: Format) -> Res<bool> {
        put_bytes(out, value.data(), format)
    }
}

/// The next rows of a column.
pub trait ColumnValues: Send {
    /// The values of exactly `rows` rows; valid until the next call.
    fn read(&mut self, rows: usize) -> Res<Column>;
    /// Of one of these rows; valid until the next call of any function.
    fn text(&mut self, row: usize) -> Res<Value>;
}

struct TypedColumn<T: Put> {
    reader: ColumnReaderImpl<T>,
    name: String,
    format: Format,
    kind: Kind,
    /// Of a column that may have nulls: the level of those that are none.
    level_max: i16,
    levels: Vec<i16>,
    values: Vec<T::T>,
    /// Of Text: the values' texts, and by value where its text ends, or that it is null.
    text: Vec<u8>,
    ends: Vec<Option<usize>>,
    // By row, those of the kind.
    shown: Vec<Value>,
    numbers: Vec<i64>,
    uuids: Vec<[u8; 16]>,
    valid: Vec<u8>,
}

// What `shown` points to lies in this struct.
unsafe impl<T: Put> Send for TypedColumn<T> where T::T: Send {}

impl<T: Put> TypedColumn<T> {
    fn texts_of_values(&mut self) -> Res<()> {
        self.text.clear();
        self.ends.clear();
        for value in &self.values {
            if T::as_is(value, self.format).is_some() {
                continue;
            }
            let begin = self.text.len();
            if T::put(&mut self.text, value, self.format)? {
                self.ends.push(Some(self.text.len()));
            } else {
                self.text.truncate(begin);
                self.ends.push(None);
            }
        }
        Ok(())
    }

    fn show(&mut self, rows: usize) {
        self.shown.clear();
        let (mut values, mut ends, mut begin) = (self.values.iter(), self.ends.iter(), 0);
        for row in 0..rows {
            if self.level_max > 0 && self.levels[row] != self.level_max {
                self.shown.push(NULL);
                continue;
            }
            let Some(value) = values.next() else { break };
            let bytes = match T::as_is(value, self.format) {
                Some(bytes) => Some(bytes),
                None => ends.next().copied().flatten().map(|end| {
                    let bytes = &self.text[begin..end];
                    begin = end;
                    bytes
                }),
            };
            self.shown.push(bytes.map_or(NULL, Value::of));
        }
    }

    /// `out` and `valid` by row; fewer than `rows` if values are missing.
    fn spread<V: Copy + Default>(
        &mut self,
        rows: usize,
        out: impl Fn(&mut Self) -> &mut Vec<V>,
        of: impl Fn(&T::T) -> Option<V>,
    ) {
        let mut spread = std::mem::take(out(self));
        spread.clear();
        self.valid.clear();
        let mut values = self.values.iter();
        for row in 0..rows {
            let is_null = self.level_max > 0 && self.levels[row] != self.level_max;
            let value = if is_null {
                None
            } else {
                let Some(value) = values.next() else { break };
                of(value)
            };
            spread.push(value.unwrap_or_default());
            self.valid.push(u8::from(value.is_some()));
        }
        *out(self) = spread;
    }

    /// How many rows there are of those asked for.
    fn show_kind(&mut self, rows: usize) -> Res<usize> {
        match self.kind {
            Kind::Text => {
                self.texts_of_values()?;
                self.show(rows);
                return Ok(self.shown.len());
            }
            Kind::Uuid => self.spread(rows, |column| &mut column.uuids, T::uuid),
            _ => self.spread(rows, |column| &mut column.numbers, T::number),
        }
        Ok(self.valid.len())
    }
}

impl<T: Put> ColumnValues for TypedColumn<T>
where
    T::T: Send,
{
    fn read(&mut self, rows: usize) -> Res<Column> {
        self.levels.clear();
        self.values.clear();
        let levels = (self.level_max > 0).then_some(&mut self.levels);
        let named = |error: Error| Error {
            message: format!("column {}: {}", self.name, error.message),
            ..error
        };
        let read = self.reader.read_records(rows, levels, None, &mut self.values);
        let (records, ..) = read.map_err(|error| named(error.into()))?;
        if self.show_kind(rows.min(records))? != rows {
            return Err(damaged(format!("column {}: it ends before its row group", self.name)));
        }
        let (per_second, is_utc) = match self.format {
            Format::Timestamp(instant) => (instant.per_second, i32::from(instant.is_utc)),
            _ => (0, 0),
        };
        let values = match self.kind {
            Kind::Text => self.shown.as_ptr().cast(),
            Kind::Uuid => self.uuids.as_ptr().cast(),
            _ => self.numbers.as_ptr().cast(),
        };
        Ok(Column { kind: self.kind, is_utc, per_second, values, valid: self.valid.as_ptr() })
    }

    fn text(&mut self, row: usize) -> Res<Value> {
        if self.kind == Kind::Text {
            return Ok(self.shown[row]);
        }
        if self.valid[row] == 0 {
            return Ok(NULL);
        }
        self.text.clear();
        match self.kind {
            Kind::Uuid => put_uuid(&mut self.text, &self.uuids[row]),
            Kind::Double => {
                DoubleType::put(&mut self.text, &f64::from_bits(self.numbers[row] as u64), self.format)?;
            }
            _ => {
                Int64Type::put(&mut self.text, &self.numbers[row], self.format)?;
            }
        }
        Ok(Value::of(&self.text))
    }
}

fn typed<T: Put>(
    column: ColumnDescPtr,
    format: Format,
    pages: Box<dyn PageReader>,
) -> Box<dyn ColumnValues>
where
    T::T: Send,
{
    Box::new(TypedColumn::<T> {
        name: column.name().to_owned(),
        kind: T::kind(format, &column),
        level_max: column.max_def_level(),
        reader: ColumnReaderImpl::new(column, pages),
        format,
        levels: Vec::new(),
        values: Vec::new(),
        text: Vec::new(),
        ends: Vec::new(),
        shown: Vec::new(),
        numbers: Vec::new(),
        uuids: Vec::new(),
        valid: Vec::new(),
    })
}

pub fn open_column(
    column: ColumnDescPtr,
    format: Format,
    pages: Box<dyn PageReader>,
) -> Box<dyn ColumnValues> {
    let pages = Box::new(CheckedPages::new(pages, &column));
    match column.physical_type() {
        Type::BOOLEAN => typed::<BoolType>(column, format, pages),
        Type::INT32 => typed::<Int32Type>(column, format, pages),
        Type::INT64 => typed::<Int64Type>(column, format, pages),
        Type::INT96 => typed::<Int96Type>(column, format, pages),
        Type::FLOAT => typed::<FloatType>(column, format, pages),
        Type::DOUBLE => typed::<DoubleType>(column, format, pages),
        Type::BYTE_ARRAY => typed::<ByteArrayType>(column, format, pages),
        Type::FIXED_LEN_BYTE_ARRAY => typed::<FixedLenByteArrayType>(column, format, pages),
    }
}
