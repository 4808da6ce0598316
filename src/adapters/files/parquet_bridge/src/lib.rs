//! C ABI over the `parquet` crate; the contract is in bridge.h.
mod abi;
mod column;
mod error;
mod file;
mod pages;
mod source;
mod text;
