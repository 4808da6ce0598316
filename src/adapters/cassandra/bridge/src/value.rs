//! Bound values that are serialized already.
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::{CellOverflowError, RowWriter};
use std::slice;

const CELL_NULL: i64 = -1;

#[repr(C)]
pub struct Cell {
    data: *const u8,
    size: i64,
}

impl Cell {
    /// # Safety
    /// `data` points to `size` bytes while the answer is in use.
    unsafe fn value(&self) -> Value<'_> {
        match self.size {
            0 => Value::Bytes(&[]),
            1.. => Value::Bytes(unsafe { slice::from_raw_parts(self.data, self.size as usize) }),
            CELL_NULL => Value::Null,
            _ => Value::Unset,
        }
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Bytes(&'a [u8]),
    Null,
    Unset,
}

impl Value<'_> {
    fn write(self, writer: &mut RowWriter) -> Result<(), SerializationError> {
        let cell = writer.make_cell_writer();
        match self {
            Value::Bytes(bytes) => {
                cell.set_value(bytes).map_err(|e: CellOverflowError| SerializationError::new(e))?
            }
            Value::Null => cell.set_null(),
            Value::Unset => cell.set_unset(),
        };
        Ok(())
    }
}

/// A row in the caller's memory, for the duration of a call.
#[derive(Clone, Copy)]
pub struct BorrowedRow<'a>(pub &'a [Cell]);

impl SerializeRow for BorrowedRow<'_> {
    fn serialize(
        &self,
        _: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        // bridge.h: the cells outlive the call that got them.
        self.0.iter().try_for_each(|cell| unsafe { cell.value() }.write(writer))
    }
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

enum OwnedValue {
    Bytes(Vec<u8>),
    Null,
    Unset,
}

/// A row that outlives the call.
pub struct OwnedRow(Vec<OwnedValue>);

impl OwnedRow {
    pub fn copy(prefix: &[&[u8]], cells: &[Cell]) -> Self {
        let copied = cells.iter().map(|cell| match unsafe { cell.value() } {
            Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
            Value::Null => OwnedValue::Null,
            Value::Unset => OwnedValue::Unset,
        });
        OwnedRow(prefix.iter().map(|bytes| OwnedValue::Bytes(bytes.to_vec())).chain(copied).collect())
    }
}

impl SerializeRow for &OwnedRow {
    fn serialize(
        &self,
        _: &RowSerializationContext<'_>,
        writer: &mut RowWriter,
    ) -> Result<(), SerializationError> {
        self.0.iter().try_for_each(|value| {
            match value {
                OwnedValue::Bytes(bytes) => Value::Bytes(bytes),
                OwnedValue::Null => Value::Null,
                OwnedValue::Unset => Value::Unset,
            }
            .write(writer)
        })
    }
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
