//! Times the phases of an import apart: `phases DUMP.rdb`.
use redtool_transfer::index::Index;
use redtool_transfer::{rdb_file::RdbFile, Account, Filter, Meter};
use std::path::Path;
use std::time::Instant;

fn main() {
    let Some(path) = std::env::args().nth(1) else { return eprintln!("phases DUMP.rdb") };
    let meter = Meter::new();
    let run = || -> redtool_transfer::Result<()> {
        let file = RdbFile::open(Path::new(&path), &meter)?;
        for _ in 0..3 {
            let start = Instant::now();
            file.walk(&meter, |_| Ok(()))?;
            println!("walk {:?}", start.elapsed());
            let start = Instant::now();
            file.walk_and_check(true, &meter, |_| Ok(()))?;
            println!("walk and check {:?}", start.elapsed());
            let start = Instant::now();
            Index::build(&file, false, &Filter::default(), &mut Account::default(), &meter)?;
            println!("index {:?}", start.elapsed());
        }
        Ok(())
    };
    if let Err(error) = run() {
        eprintln!("{error}");
    }
}
