//! C ABI over the `hyper` HTTP server; the contract is in bridge.h.
mod abi;
mod ask;
mod connection;
mod crowd;
mod error;
mod handler;
mod head;
mod payload;
mod reply;
mod server;
mod wire;
