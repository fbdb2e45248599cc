//! A server for development, which takes writes:
//! `cargo run --example serve [-- PATH.lmdb [PORT [THREADS]]]`.
//!
//! Without a path, or with `memory`, it serves an empty dataset.
use redtool_engine::{Dataset, Options as DatasetOptions};
use redtool_net::{Options, Server};
use redtool_store::lmdb::LmdbStore;
use redtool_store::memory::MemoryStore;
use redtool_store::Store;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let store: Arc<dyn Store> = match args.next().as_deref() {
        None | Some("memory") => Arc::new(MemoryStore::new()),
        Some(path) => Arc::new(LmdbStore::open(Path::new(path))?),
    };
    let port = args.next().map_or(Ok(0), |port| port.parse())?;
    let threads = args.next().map_or(Ok(0), |threads| threads.parse())?;
    let options = DatasetOptions { readonly: false, ..DatasetOptions::default() };
    let dataset = Arc::new(Dataset::open(store, options)?);
    let options = Options { port: Some(port), threads, ..Options::default() };
    let server = Server::start(dataset, options)?;
    println!("listening on {}", server.addresses().join(", "));
    Ok(server.run_until_signal(|| ())?)
}
