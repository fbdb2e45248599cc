//! Imports an RDB into a store, printing the time each phase took:
//! `import DUMP.rdb lmdb OUT.lmdb [NAME=VALUE…]`.
use redtool_store::schemes;
use redtool_transfer::{import, Job, Meter, Place, Source};
use std::path::Path;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let meter = Meter::new();
    let start = Instant::now();
    let source = Source::open(&Place::new("rdb", Path::new(&args[1])), &meter).unwrap();
    let tuning: Vec<(String, String)> = args[4..]
        .iter()
        .filter_map(|option| option.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let kind = schemes::find(&args[2]).unwrap();
    let store = (kind.create)(Path::new(&args[3]), &tuning).unwrap();
    let done =
        import::import(&source, &*store, &Job::default(), &meter).unwrap_or_else(|e| panic!("{e}"));
    eprintln!("import {:?} {:?}", start.elapsed(), done.account.written.total());
    store.sync().unwrap();
    eprintln!("synced {:?}", start.elapsed());
}
