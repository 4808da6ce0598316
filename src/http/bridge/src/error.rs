//! Errors as they cross the ABI; panics become some.
use std::any::Any;
use std::ffi::{CString, c_char};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

pub const OK: i32 = 0;
pub const E_ADDRESS: i32 = -1;
pub const E_PANIC: i32 = -100;

#[repr(C)]
pub struct CError {
    code: i32,
    os_error: i32,
    message: *mut c_char,
}

fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| text.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "panic".into())
}

/// Runs `body`; an error or a panic goes to `out` and its code is returned.
pub fn guard(out: *mut CError, body: impl FnOnce() -> io::Result<()>) -> i32 {
    let (code, os_error, message) = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return OK,
        Ok(Err(error)) => (E_ADDRESS, error.raw_os_error().unwrap_or(0), error.to_string()),
        Err(panic) => (E_PANIC, 0, panic_text(panic)),
    };
    if let Some(out) = unsafe { out.as_mut() } {
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        *out = CError { code, os_error, message: message.into_raw() };
    }
    code
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_http_error_clear(error: *mut CError) {
    if let Some(error) = unsafe { error.as_mut() } {
        if !error.message.is_null() {
            drop(unsafe { CString::from_raw(error.message) });
        }
        *error = CError { code: OK, os_error: 0, message: ptr::null_mut() };
    }
}
