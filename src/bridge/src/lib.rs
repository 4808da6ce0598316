//! The C ABIs of the adapters' crates; each has its contract in its own bridge.h.
pub use hs_cql;
pub use hs_parquet;
