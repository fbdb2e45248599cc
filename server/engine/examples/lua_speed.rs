//! What a script costs beside its commands: runs of one-line scripts whose host answers at once.
//! The best of several rounds, so that other programs count little.
//!
//! `cargo run --release -p redtool-engine --example lua_speed`
use std::time::{Duration, Instant};

use redtool_engine::lua::{Host, Interpreter, Limits, Verdict};
use redtool_format::resp::Writer;

struct Instantly;

impl Host for Instantly {
    fn call(&mut self, _: &[&[u8]], _: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"$5\r\nvalue\r\n");
    }

    fn log(&mut self, _: u8, _: &[u8]) {}

    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        Some(true)
    }

    fn tick(&mut self, _: Duration) -> Verdict {
        Verdict::Continue
    }
}

const RUNS: u32 = 2_000;
const ROUNDS: u32 = 200;

fn main() {
    let mut lua = match Interpreter::new(Limits::default()) {
        Ok(lua) => lua,
        Err(problem) => return eprintln!("{problem}"),
    };
    for text in [
        "return 1",
        "return redis.call('GET', KEYS[1])",
        "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])",
        "local sum = 0 for i = 1, 100 do sum = sum + i end return sum",
        "return cjson.encode({a = 1, b = {1, 2, 3}, c = 'text'})",
        "return cjson.decode('{\"a\": 1, \"b\": [1, 2, 3], \"c\": \"text\"}').c",
    ] {
        let best = (0..ROUNDS).map(|_| round(&mut lua, text)).min().unwrap_or_default();
        let nanoseconds = best.as_nanos() / u128::from(RUNS);
        println!("{nanoseconds:6} ns  {text}");
    }
}

fn round(lua: &mut Interpreter, text: &str) -> Duration {
    let (keys, args): ([&[u8]; 1], [&[u8]; 1]) = ([b"key"], [b"argument"]);
    let mut out = Writer::new();
    let start = Instant::now();
    for _ in 0..RUNS {
        out.buffer().clear();
        let Ok(script) = lua.script(text.as_bytes()) else { continue };
        if lua.run_script(&mut Instantly, &script, &keys, &args, &mut out).is_err() {
            eprintln!("{text} fails");
            break;
        }
    }
    start.elapsed()
}
