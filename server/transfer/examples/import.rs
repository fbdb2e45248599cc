//! Imports an RDB into an LMDB file, printing the time each phase took: `import DUMP.rdb OUT.lmdb`.
use redtool_store::lmdb::LmdbStore;
use redtool_store::Store;
use redtool_transfer::{import, rdb_file::RdbFile, Filter, Meter};
use std::path::Path;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let meter = Meter::new();
    let t = Instant::now();
    let file = RdbFile::open(Path::new(&args[1]), &meter).unwrap();
    let _ = std::fs::remove_file(&args[2]);
    let store = LmdbStore::create(Path::new(&args[2])).unwrap();
    let filter = Filter::default();
    let options = import::Options { checksum: true, filter: &filter };
    let done = import::import(&file, &store, &options, &meter).unwrap_or_else(|e| panic!("{e}"));
    eprintln!("import {:?} {:?}", t.elapsed(), done.account.written.total());
    Store::sync(&store).unwrap();
    eprintln!("synced {:?}", t.elapsed());
}
