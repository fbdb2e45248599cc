//! How fast a dataset is converted where text is one of both: `text FROM INPUT TO OUTPUT`, FROM and
//! TO being schemes (`rdb`, `jsonl`, `csv`, `resp`, …).
use redtool_transfer::convert::{convert, Goal};
use redtool_transfer::{Job, Meter, Place, Source};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [from, input, to, output] = &args[..] else {
        return Err("text FROM INPUT TO OUTPUT".into());
    };
    let meter = Meter::new();
    let start = Instant::now();
    let source = Source::open(&Place::new(from, Path::new(input)), &meter)?;
    let goal = Goal {
        source: String::new(),
        place: Place::new(to, Path::new(output)),
        force: true,
        target: None,
        lossy: true,
        compress: true,
        now_ms: 1_767_225_600_000,
        text: Default::default(),
    };
    let done = convert(&source, &goal, &Job::default(), &meter)?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} keys, {:.0} MB -> {:.0} MB, {seconds:.2} s, {:.0} MB/s read, {:.0} MB/s written",
        done.account.written.total(),
        done.bytes_read as f64 / 1e6,
        done.bytes_written as f64 / 1e6,
        done.bytes_read as f64 / 1e6 / seconds,
        done.bytes_written as f64 / 1e6 / seconds,
    );
    Ok(())
}
