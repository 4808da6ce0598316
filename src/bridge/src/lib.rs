//! The C ABIs of the crates; each has its contract in its own bridge.h.
pub use hs_cql;
pub use hs_http;
pub use hs_parquet;
