//! How fast a dump is written in a text form, and JSON lines are read: `text FORM INPUT [OUTPUT]`,
//! FORM one of the forms of `--format`, or `read` for JSON lines to RDB.
use redtool_transfer::source::Source;
use redtool_transfer::text::{jsonl::JsonLines, write_text, Form, Options};
use redtool_transfer::{Filter, Meter};
use std::fs::File;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let form = args.next().ok_or("which form?")?;
    let input = args.next().ok_or("which input?")?;
    let output = args.next().unwrap_or("/dev/null".into());
    let meter = Meter::new();
    let start = Instant::now();
    let source = Source::open("rdb", Path::new(&input), &meter)?;
    let form: Box<dyn Form> = match form.as_str() {
        "jsonl" => Box::new(JsonLines { own_target: source.own_target()? }),
        other => return Err(format!("no form {other:?}").into()),
    };
    let mut out = File::create(&output)?;
    let options = Options {
        checksum: true,
        filter: &Filter::default(),
        lossy: true,
        prepare: None,
        set_aside: None,
    };
    let written = write_text(&source, &*form, &mut out, Path::new(&output), &options, &meter)?;
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = source.size_bytes() as f64 / 1e6;
    println!(
        "{} keys, {:.0} MB of text, {seconds:.2} s, {:.0} MB/s of the source",
        written.account.written.total(),
        written.bytes_written as f64 / 1e6,
        megabytes / seconds,
    );
    Ok(())
}
