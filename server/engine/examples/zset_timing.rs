//! Times commands on a sorted set of a million members in memory, without a network: what one
//! command costs, parsing of the request left out. `cargo run --release --example zset_timing`
use redtool_engine::{Dataset, Engine, Options, Session};
use redtool_format::resp::Writer;
use redtool_store::memory::MemoryStore;
use std::sync::Arc;

const MEMBERS: u64 = 1_000_000;

/// Time of the processor that this thread has had, so that a busy machine makes less of a
/// difference.
fn cpu_ns() -> u64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    spent.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

struct Client {
    engine: Engine,
    session: Session,
    out: Writer,
    random: u64,
}

impl Client {
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % MEMBERS
    }

    fn call(&mut self, args: &[&[u8]]) {
        self.engine.execute(&mut self.session, args, &mut self.out);
        assert_ne!(self.out.buffer().first(), Some(&b'-'));
        self.out.buffer().clear();
    }

    /// Runs a command many times and prints what one costs.
    fn time(&mut self, name: &str, count: u64, mut run: impl FnMut(&mut Self, u64)) {
        let started = cpu_ns();
        for n in 0..count {
            run(self, n);
        }
        let each_ns = (cpu_ns() - started) / count;
        println!("{name:<40}{each_ns:>8} ns");
    }
}

fn member(n: u64) -> Vec<u8> {
    format!("element:{n:012}").into_bytes()
}

fn main() {
    let options = Options { readonly: false, ..Options::default() };
    let dataset = Dataset::open(Arc::new(MemoryStore::new()), options);
    let dataset = Arc::new(dataset.unwrap_or_else(|error| panic!("{error}")));
    let session = Session::embedded(dataset.state());
    let engine = Engine::new(dataset).unwrap_or_else(|error| panic!("{error}"));
    let mut client = Client { engine, session, out: Writer::new(), random: 1 };
    let score = |n: u64| n.to_string().into_bytes();
    client.time("ZADD, new, random score", MEMBERS, |client, n| {
        let draw = client.draw();
        client.call(&[b"ZADD", b"k", &score(draw), &member(n * 7919 % MEMBERS)]);
    });
    let some = MEMBERS / 2;
    let update = |client: &mut Client, _: u64| {
        let (a, b) = (client.draw(), client.draw());
        client.call(&[b"ZADD", b"k", &score(a), &member(b)]);
    };
    client.time("ZADD, there, random score", some, update);
    client.time("ZADD, there, the same score", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZADD", b"k", b"NX", b"1", &member(draw)]);
    });
    client.time("ZSCORE", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZSCORE", b"k", &member(draw)]);
    });
    client.time("ZRANK", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZRANK", b"k", &member(draw)]);
    });
    client.time("ZADD, there, random score, with ranks", some, update);
    client.time("ZRANK and ZADD, by turns", some, |client, n| {
        let draw = client.draw();
        match n % 2 {
            0 => client.call(&[b"ZRANK", b"k", &member(draw)]),
            _ => update(client, n),
        }
    });
    client.time("ZINCRBY 1", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZINCRBY", b"k", b"1", &member(draw)]);
    });
    client.time("ZRANGE, 10 of a random rank", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZRANGE", b"k", &score(draw), &score(draw + 9)]);
    });
    client.time("ZREM and ZADD of it", some, |client, _| {
        let draw = client.draw();
        client.call(&[b"ZREM", b"k", &member(draw)]);
        client.call(&[b"ZADD", b"k", &score(draw), &member(draw)]);
    });
    client.time("ZPOPMIN", some, |client, _| client.call(&[b"ZPOPMIN", b"k"]));
    client.time("ZADD, new, score rising", some, |client, n| {
        client.call(&[b"ZADD", b"rising", &score(n), &member(n)]);
    });
    client.time("ZADD, small sets", some, |client, n| {
        let key = format!("small:{}", n % 1000).into_bytes();
        let draw = client.draw();
        client.call(&[b"ZADD", &key, &score(draw), &member(draw % 50)]);
    });
}
