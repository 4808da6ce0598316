//! Errors as they cross the ABI; panics become some.
use parquet::errors::ParquetError;
use std::any::Any;
use std::cell::Cell;
use std::ffi::{CString, c_char};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::Once;

pub const OK: i32 = 0;
pub const E_DAMAGED: i32 = -1;
pub const E_UNSUPPORTED: i32 = -2;
pub const E_SYSTEM: i32 = -3;

#[repr(C)]
pub struct CError {
    code: i32,
    os_error: i32,
    message: *mut c_char,
}

#[derive(Debug)]
pub struct Error {
    pub code: i32,
    pub os_error: i32,
    pub message: String,
}

pub type Res<T> = Result<T, Error>;

pub fn damaged(message: impl ToString) -> Error {
    Error { code: E_DAMAGED, os_error: 0, message: message.to_string() }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(os_error) => Error { code: E_SYSTEM, os_error, message: error.to_string() },
            None => damaged(error),
        }
    }
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        match error {
            ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
                Ok(error) => (*error).into(),
                Err(cause) => damaged(cause),
            },
            ParquetError::NYI(message) => Error { code: E_UNSUPPORTED, os_error: 0, message },
            ParquetError::General(message) | ParquetError::EOF(message) => damaged(message),
            other => damaged(other),
        }
    }
}

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What a damaged file makes panic is told as an error, not on the terminal.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                usual(info);
            }
        }));
    });
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "its parts contradict one another".into())
}

/// Runs `body`; an error or a panic goes to `out` and its code is returned.
pub fn guard(out: *mut CError, body: impl FnOnce() -> Res<()>) -> i32 {
    silence_guarded_panics();
    IS_GUARDED.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    IS_GUARDED.set(false);
    let error = match outcome {
        Ok(Ok(())) => return OK,
        Ok(Err(error)) => error,
        Err(panic) => damaged(panic_text(panic)),
    };
    if let Some(out) = unsafe { out.as_mut() } {
        let message = CString::new(error.message.replace('\0', " ")).unwrap_or_default();
        *out = CError { code: error.code, os_error: error.os_error, message: message.into_raw() };
    }
    error.code
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_parquet_error_clear(error: *mut CError) {
    if let Some(error) = unsafe { error.as_mut() } {
        if !error.message.is_null() {
            drop(unsafe { CString::from_raw(error.message) });
        }
        *error = CError { code: OK, os_error: 0, message: ptr::null_mut() };
    }
}
