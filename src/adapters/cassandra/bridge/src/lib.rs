//! C ABI over the `scylla` CQL driver; the contract is in bridge.h. No Rust type crosses it, cells are not decoded here.
mod error;
mod read;
mod request;
mod routing;
mod session;
mod value;
mod write;
