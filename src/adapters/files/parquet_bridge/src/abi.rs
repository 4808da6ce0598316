//! The functions of bridge.h.
use crate::column::{Column, Value};
use crate::error::{CError, guard};
use crate::file::ParquetFile;
use std::ffi::c_char;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::slice;

#[repr(C)]
pub struct Batch {
    rows: u32,
    columns: *const Column,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_open(
    fd: i32,
    out: *mut *mut ParquetFile,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let file = ParquetFile::open(File::from_raw_fd(fd))?;
        *out = Box::into_raw(Box::new(file));
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_close(file: *mut ParquetFile) {
    if !file.is_null() {
        drop(unsafe { Box::from_raw(file) });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_bytes_read(file: *const ParquetFile) -> u64 {
    unsafe { &*file }.source.bytes_read()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_columns(file: *const ParquetFile) -> u32 {
    unsafe { &*file }.columns.len() as u32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_column_name(
    file: *const ParquetFile,
    column: u32,
) -> *const c_char {
    unsafe { &*file }.columns[column as usize].name.as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_unreadable_columns(file: *const ParquetFile) -> u32 {
    unsafe { &*file }.unreadable.len() as u32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_unreadable_name(
    file: *const ParquetFile,
    column: u32,
) -> *const c_char {
    unsafe { &*file }.unreadable[column as usize].name.as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_unreadable_type(
    file: *const ParquetFile,
    column: u32,
) -> *const c_char {
    unsafe { &*file }.unreadable[column as usize].type_name.as_ptr()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_select(
    file: *mut ParquetFile,
    columns: *const u32,
    count: u32,
) {
    let columns = if count == 0 {
        &[]
    } else {
        unsafe { slice::from_raw_parts(columns, count as usize) }
    };
    unsafe { &mut *file }.select(columns);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_next(
    file: *mut ParquetFile,
    out: *mut Batch,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        let (columns, rows) = (*file).next()?;
        *out = Batch { rows: rows as u32, columns: columns.as_ptr() };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_text(
    file: *mut ParquetFile,
    column: u32,
    row: u32,
    out: *mut Value,
    error: *mut CError,
) -> i32 {
    guard(error, || unsafe {
        *out = (*file).text(column as usize, row as usize)?;
        Ok(())
    })
}
