//! How fast LZF is on small JSON-like values: `cargo run --release --example lzf_speed [FILE]`.
//!
//! FILE holds one value a line; without it, 20,000 values of about 400 bytes are made up. Prints
//! the ratio and MB/s of uncompressed bytes, the best of five rounds.
use redtool_format::lzf;
use std::time::Instant;

const ROUNDS: usize = 5;

fn made_up_values() -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    let mut value = |id: usize| {
        let (token, seen) = (next() << 31 ^ next(), 1_700_000_000 + next() % 50_000_000);
        format!(
            "{{\"id\":{id},\"user\":{{\"name\":\"user{}\",\"email\":\"user{}@example.com\"}},\
             \"token\":\"{token:016x}{:016x}\",\"roles\":[\"reader\"],\"created\":{seen},\
             \"seen\":{},\"agent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\",\
             \"cart\":[{{\"sku\":\"{:08x}\",\"count\":{},\"price\":{}.99}},\
             {{\"sku\":\"{:08x}\",\"count\":{},\"price\":{}.49}}]}}",
            next() % 100_000,
            next() % 100_000,
            next() << 31 ^ next(),
            seen + next() % 100_000,
            next(),
            next() % 9,
            next() % 500,
            next(),
            next() % 9,
            next() % 500
        )
    };
    (0..20_000).map(|id| value(id).into_bytes()).collect()
}

/// Seconds of the quickest of some rounds.
fn best(mut round: impl FnMut()) -> f64 {
    let timed = |_| {
        let start = Instant::now();
        round();
        start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(timed).fold(f64::INFINITY, f64::min)
}

fn main() -> std::io::Result<()> {
    let values: Vec<Vec<u8>> = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect(),
        None => made_up_values(),
    };
    let mut packed: Vec<Vec<u8>> = vec![Vec::new(); values.len()];
    let pack_s = best(|| {
        for (value, out) in values.iter().zip(&mut packed) {
            out.clear();
            lzf::compress(value, usize::MAX, out);
        }
    });
    let mut out = Vec::new();
    let unpack_s = best(|| {
        for (data, value) in packed.iter().zip(&values) {
            assert!(lzf::decompress(data, value.len(), &mut out).is_ok());
        }
    });
    let check_s = best(|| {
        for (data, value) in packed.iter().zip(&values) {
            assert!(lzf::check(data, value.len()).is_ok());
        }
    });
    let bytes: usize = values.iter().map(Vec::len).sum();
    let packed_bytes: usize = packed.iter().map(Vec::len).sum();
    println!("{} values of {} bytes on average", values.len(), bytes / values.len());
    println!("packed to {:.2} %", 100.0 * packed_bytes as f64 / bytes as f64);
    for (verb, seconds) in [("compress", pack_s), ("decompress", unpack_s), ("check", check_s)] {
        println!("{verb:<10} {:>7.0} MB/s", bytes as f64 / seconds / 1e6);
    }
    Ok(())
}
