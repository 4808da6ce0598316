//! Errors as they cross the ABI: a code, the server's code and a message.
use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError,
    MetadataError, NewSessionError, PrepareError, RequestAttemptError,
};
use std::any::Any;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

pub const OK: i32 = 0;
pub const END: i32 = 0;
pub const PAGE: i32 = 1;
pub const E_ARGUMENT: i32 = -1;
pub const E_CONNECT: i32 = -2;
pub const E_AUTHENTICATION: i32 = -3;
pub const E_TLS: i32 = -4;
pub const E_PREPARE: i32 = -5;
pub const E_SERVER: i32 = -6;
pub const E_TIMEOUT: i32 = -7;
pub const E_NETWORK: i32 = -8;
pub const E_PROTOCOL: i32 = -9;
pub const E_PANIC: i32 = -100;

const BAD_CREDENTIALS: i32 = 0x0100;
// Error codes of the CQL protocol that pass.
const UNAVAILABLE: i32 = 0x1000;
const OVERLOADED: i32 = 0x1001;
const BOOTSTRAPPING: i32 = 0x1002;
const WRITE_TIMEOUT: i32 = 0x1100;
const READ_TIMEOUT: i32 = 0x1200;

#[repr(C)]
pub struct CError {
    code: i32,
    server_code: i32,
    message: *mut c_char,
}

#[derive(Clone, Debug)]
pub struct Error {
    pub code: i32,
    pub server_code: i32,
    pub message: String,
}

pub type Res<T> = Result<T, Error>;

pub fn err<T>(code: i32, message: impl ToString) -> Res<T> {
    Err(Error { code, server_code: 0, message: message.to_string() })
}

impl Error {
    /// Worth another try of the same request. All statements of this crate's users are idempotent.
    pub fn is_passing(&self) -> bool {
        let by_server = [UNAVAILABLE, OVERLOADED, BOOTSTRAPPING, WRITE_TIMEOUT, READ_TIMEOUT];
        match self.code {
            E_NETWORK | E_TIMEOUT => true,
            E_SERVER => by_server.contains(&self.server_code),
            _ => false,
        }
    }
}

fn server_code(error: &DbError) -> i32 {
    // The features matter only for ScyllaDB's own rate limit error.
    error.code(&Default::default())
}

fn of_attempt(fallback: i32, error: &RequestAttemptError) -> (i32, i32) {
    match error {
        RequestAttemptError::DbError(db, _) => (E_SERVER, server_code(db)),
        RequestAttemptError::BrokenConnectionError(_) | RequestAttemptError::UnableToAllocStreamId => {
            (E_NETWORK, 0)
        }
        _ => (fallback, 0),
    }
}

fn of_prepare(error: &PrepareError) -> (i32, i32) {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(E_PREPARE, first_attempt),
        PrepareError::ConnectionPoolError(_) => (E_NETWORK, 0),
        _ => (E_PREPARE, 0),
    }
}

impl From<ExecutionError> for Error {
    fn from(error: ExecutionError) -> Self {
        let (code, server_code) = match &error {
            ExecutionError::LastAttemptError(attempt) => of_attempt(E_PROTOCOL, attempt),
            ExecutionError::RequestTimeout(_) => (E_TIMEOUT, 0),
            ExecutionError::ConnectionPoolError(_) | ExecutionError::EmptyPlan => (E_NETWORK, 0),
            ExecutionError::PrepareError(prepare) => of_prepare(prepare),
            ExecutionError::BadQuery(_) => (E_ARGUMENT, 0),
            _ => (E_NETWORK, 0),
        };
        Error { code, server_code, message: error.to_string() }
    }
}

impl From<PrepareError> for Error {
    fn from(error: PrepareError) -> Self {
        let (code, server_code) = of_prepare(&error);
        Error { code, server_code, message: error.to_string() }
    }
}

/// What the server said about who we are.
fn authentication_problem(error: &NewSessionError) -> Option<Error> {
    let NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
        ConnectionPoolError::Broken {
            last_connection_error: ConnectionError::ConnectionSetupRequestError(setup),
        },
    )) = error
    else {
        return None;
    };
    let (server_code, message) = match &setup.error {
        ConnectionSetupRequestErrorKind::MissingAuthentication => {
            (0, "the server asks for a user and a password".into())
        }
        ConnectionSetupRequestErrorKind::DbError(DbError::AuthenticationError, text) => {
            (BAD_CREDENTIALS, text.clone())
        }
        _ => return None,
    };
    Some(Error { code: E_AUTHENTICATION, server_code, message })
}

impl From<NewSessionError> for Error {
    fn from(error: NewSessionError) -> Self {
        match authentication_problem(&error) {
            Some(error) => error,
            None => {
                let message = error.to_string();
                // OpenSSL's words; the driver keeps no more of it than the text.
                let untrusted = message.contains("certificate verify failed");
                let plain = message.contains("wrong version number");
                let refused = message.contains("sslv3 alert") || message.contains("tlsv1");
                let code = if untrusted || plain || refused { E_TLS } else { E_CONNECT };
                Error { code, server_code: 0, message }
            }
        }
    }
}

pub fn panic_error(panic: Box<dyn Any + Send>) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| s.to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    Error { code: E_PANIC, server_code: 0, message: text.unwrap_or_else(|| "panic".into()) }
}

/// Runs `body`; an error or a panic goes to `out` and its code is returned.
pub fn guard(out: *mut CError, body: impl FnOnce() -> Res<i32>) -> i32 {
    let error = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(code)) => return code,
        Ok(Err(error)) => error,
        Err(panic) => panic_error(panic),
    };
    if let Some(out) = unsafe { out.as_mut() } {
        let message = CString::new(error.message.replace('\0', " ")).unwrap_or_default();
        *out = CError {
            code: error.code,
            server_code: error.server_code,
            message: message.into_raw(),
        };
    }
    error.code
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hs_cql_error_clear(error: *mut CError) {
    if let Some(error) = unsafe { error.as_mut() } {
        if !error.message.is_null() {
            drop(unsafe { CString::from_raw(error.message) });
        }
        *error = CError { code: OK, server_code: 0, message: ptr::null_mut() };
    }
}
