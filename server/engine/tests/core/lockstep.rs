//! Random commands, run by a redis-server too: every reply is the same, every event, and in the end
//! every key. Nothing is compared where no redis-server is installed.
use super::real::{Client, Server};
use super::support::{show, Db};
use super::writable::{Home, HOMES};
use redtool_engine::pubsub::Topic;
use redtool_engine::types::sample::Random;
use redtool_engine::Clock;
use redtool_format::resp::{parse_reply, Value};

/// Commands of one run.
const COMMANDS: usize = 1500;
const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "LONG"];

/// Words of commands: `K` a key, `V` a value, `O` a bit offset, `D` a database, `T` a time, `W` a
/// width of a field, `N` a small number, `H` a HyperLogLog's key, `C` a collection's; `[x]` is left
/// out half of the time, `x|y` is one of them.
type Grammar = &'static [&'static str];

const KEYSPACE: Grammar = &[
    "SET K V",
    "SET C V",
    "GET K",
    "GET C",
    "DEL K",
    "DEL C",
    "UNLINK C K",
    "RENAME K K",
    "RENAME C C",
    "RENAME K C",
    "RENAMENX K K",
    "RENAMENX C C",
    "COPY K K [REPLACE]",
    "COPY C C [REPLACE]",
    "COPY C C [DB] D [REPLACE]",
    "COPY K C [DB] D [REPLACE]",
    "MOVE C D",
    "MOVE K D",
    "SWAPDB D D",
    "SELECT D",
    "EXISTS K C",
    "TOUCH K C C",
    "TYPE C",
    "DBSIZE",
    "EXPIRE K 0|-5 [NX|XX|GT|LT]",
    "EXPIREAT C T [NX|XX|GT|LT]",
    "PEXPIREAT C T000 NX|XX|GT|LT [NX|XX|GT|LT]",
    "PEXPIREAT K T000 [LT]",
    "PEXPIREAT K -5",
    "EXPIREAT C N",
    "EXPIRE C 9223372036854775",
    "PEXPIRE K 9223372036854775807",
    "EXPIRE K -9223372036854775808",
    "EXPIRE K x",
    "EXPIRE K 10 FOO",
    "EXPIRETIME C",
    "PEXPIRETIME K",
    "PERSIST C",
    "PERSIST K",
    "SORT C [DESC] ALPHA",
    "SORT C [DESC] [ALPHA] [LIMIT] N N",
    "SORT C LIMIT N N ALPHA STORE C",
    "SORT C BY nosort STORE K",
    "SORT C BY nosort DESC STORE C",
    "SORT C GET # GET * ALPHA STORE C",
    "SORT C BY w*->f STORE C",
    "SORT K STORE C",
    "SORT C STORE",
    "OBJECT FREQ K",
    "OBJECT ENCODING K",
    "RESTORE C 0 SAVED",
    "RESTORE C T000 SAVED ABSTTL [REPLACE]",
    "RESTORE C N SAVED ABSTTL [REPLACE]",
    "RESTORE C 0 SAVED [REPLACE] [IDLETIME] N",
    "RESTORE C 0 SAVED REPLACE [FREQ] N",
    "RESTORE K 0 SAVED REPLACE FREQ 300",
    "RESTORE K 0 SAVED REPLACE IDLETIME -1 FREQ 1",
    "RESTORE K -1 SAVED REPLACE",
    "RESTORE K 0 V REPLACE",
    "RESTORE-ASKING C 0 SAVED REPLACE",
    "FLUSHDB",
    "RPUSH C V V V",
    "LPOP C",
    "SADD C V N",
    "SREM C N",
    "ZADD C N V",
    "HSET C V V N N",
    "RESTORE C 0 SAVED REPLACE",
];

const BITS: Grammar = &[
    "SET K V",
    "SET K N",
    "GET K",
    "GETBIT K O",
    "SETBIT K O 0|1",
    "SETBIT K O 0|1",
    "SETBIT K O 2",
    "SETBIT K -1 1",
    "SETBIT K 4294967296 1",
    "BITCOUNT K",
    "BITCOUNT K N N",
    "BITCOUNT K N N BIT",
    "BITPOS K 0|1 N",
    "BITPOS K 0|1 N N",
    "BITPOS K 0|1 -5 N BIT",
    "BITOP AND|OR|XOR|NOT K K",
    "BITOP AND|OR|XOR K K K K",
    "BITOP NOT K K K",
    "BITOP FOO K K",
    "BITFIELD K GET uW O",
    "BITFIELD K SET uW O V",
    "BITFIELD K [OVERFLOW] SAT SET uW O N INCRBY iW #N N",
    "BITFIELD K OVERFLOW SAT|WRAP|FAIL SET iW O -N INCRBY uW O N GET i8 0",
    "BITFIELD K OVERFLOW SAT|WRAP|FAIL INCRBY iW O -N INCRBY uW O -N",
    "BITFIELD K OVERFLOW SAT|WRAP|FAIL INCRBY i64 O 9223372036854775807 GET u63 O",
    "BITFIELD K INCRBY u64 0 1",
    "BITFIELD K SET i8 0 9223372036854775807 OVERFLOW FAIL SET u8 0 -1",
    "BITFIELD_RO K GET uW O",
    "APPEND K V",
    "SETRANGE K N V",
    "STRLEN K",
    "OBJECT ENCODING K",
    "EXPIREAT K T",
    "EXPIRETIME K",
    "RESTORE C 0 SAVED REPLACE",
    "SETBIT C O 1",
    "BITOP OR K C",
    "DEL C",
];

const HYPERLOGLOGS: Grammar = &[
    "PFADD H V V V",
    "PFADD H V V V V V V V V V",
    "PFADD H V",
    "PFADD H",
    "PFADD H N",
    "PFCOUNT H",
    "PFCOUNT H H H",
    "PFMERGE H H H",
    "PFMERGE H",
    "PFDEBUG ENCODING H",
    "PFDEBUG DECODE H",
    "PFDEBUG GETREG H",
    "PFDEBUG FOO H",
    "GET H",
    "GET H",
    "STRLEN H",
    "EXPIREAT H T",
    "EXPIRETIME H",
    "OBJECT ENCODING H",
    "COPY H H",
    "SET H V",
    "RESTORE H 0 SAVED REPLACE",
    "DEL H",
    "SELECT D",
];

/// Values whose payloads RESTORE gets.
const COLLECTIONS: [&[&str]; 6] = [
    &["RPUSH saved 3 1 2 x 10", "RPUSH saved y"],
    &["SADD saved 5 -1 30 7"],
    &["SADD saved five six 7 8"],
    &["ZADD saved 1 one 2 two 1.5 x"],
    &["HSET saved f 1 g 2"],
    &["SET saved 12345"],
];

struct Writer<'r> {
    random: &'r mut Random,
    saved: &'r [Vec<u8>],
}

impl Writer<'_> {
    fn one_of<'x, T>(&mut self, all: &'x [T]) -> &'x T {
        &all[self.random.below(all.len() as u64) as usize]
    }

    fn number(&mut self) -> u64 {
        let bits = self.random.below(10);
        self.random.below(1 << bits)
    }

    fn word(&mut self, word: &str) -> Vec<u8> {
        let choices: Vec<&str> = word.split('|').collect();
        let word = *self.one_of(&choices);
        match word {
            "K" => match *self.one_of(&KEYS) {
                "LONG" => vec![b'k'; 600],
                key => key.into(),
            },
            "C" => format!("c{}", self.random.below(5)).into(),
            "H" => format!("h{}", self.random.below(4)).into(),
            "D" => self.random.below(3).to_string().into(),
            "SAVED" => self.one_of(self.saved).clone(),
            "V" => match self.random.below(3) {
                0 => self.number().to_string().into(),
                1 => vec![b'a' + self.random.below(26) as u8; self.number() as usize % 90],
                _ => format!("{:x}", self.random.draw()).into(),
            },
            "O" => match self.random.below(20) {
                0 => (600_000 + self.number()).to_string().into(),
                _ => self.number().to_string().into(),
            },
            _ => self.inside(word),
        }
    }

    /// A word in which a number stands for a letter.
    fn inside(&mut self, word: &str) -> Vec<u8> {
        if word.contains("000") || word == "T" {
            let time = 4_000_000_000 + self.random.below(4);
            return word.replace('T', &time.to_string()).into();
        }
        let text = match word {
            "N" | "-N" | "#N" => word.replace('N', &self.number().to_string()),
            "uW" | "iW" => word.replace('W', &(1 + self.random.below(64)).to_string()),
            word => word.to_string(),
        };
        text.into()
    }

    fn command(&mut self, grammar: Grammar) -> Vec<Vec<u8>> {
        let pattern = *self.one_of(grammar);
        let mut words = Vec::new();
        for word in pattern.split(' ') {
            match word.strip_prefix('[').and_then(|word| word.strip_suffix(']')) {
                Some(word) if self.random.below(2) == 0 => words.push(self.word(word)),
                Some(_) => {}
                None => words.push(self.word(word)),
            }
        }
        words
    }
}

/// Whether a difference is one between the older server and the one that is the measure: since 7.2
/// small lists and sets are listpacks.
fn is_newer(words: &[Vec<u8>], ours: &str, theirs: &str) -> bool {
    words[0] == b"OBJECT"
        && ours == "\"listpack\""
        && ["\"quicklist\"", "\"hashtable\""].contains(&theirs)
}

fn shown(words: &[Vec<u8>]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
    words.join(" ")
}

/// A pair of servers.
struct Pair {
    ours: super::writable::Written,
    theirs: Client,
    listener: Client,
    ears: Db,
    _server: Server,
}

impl Pair {
    fn new(home: Home) -> Option<Self> {
        let server = Server::start()?;
        let (mut theirs, mut listener) = (server.connect(), server.connect());
        theirs.ask("CONFIG SET notify-keyspace-events KEA");
        listener.ask("PSUBSCRIBE __keyevent*");
        let ours = home.at(Clock::Now);
        let ears = Db::over(ours.db.engine.dataset().clone());
        let mut keys = ours.db.engine.dataset().keyspace();
        keys.events = redtool_engine::notify::parse(b"KEA").unwrap();
        keys.pubsub.subscribe(Topic::Pattern, b"__keyevent*", &ears.session.info);
        drop(keys);
        Some(Self { ours, theirs, listener, ears, _server: server })
    }

    fn both(&mut self, words: &[Vec<u8>]) -> (String, String) {
        let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let theirs = self.theirs.call(&args);
        (show(&self.ours.db.call(&args)), show(&theirs))
    }

    /// The events of both since the last time, one a line.
    fn events(&mut self) -> (Vec<String>, Vec<String>) {
        self.theirs.ask("PUBLISH __keyevent_end x");
        let mut theirs = Vec::new();
        loop {
            let event = show(&self.listener.receive());
            if event.contains("__keyevent_end") {
                break;
            }
            theirs.push(event);
        }
        let mail = self.ears.session.info.mailbox.take();
        let (mut bytes, mut ours) = (&mail.pushes[..], Vec::new());
        while let Some((value, len)) = parse_reply(bytes).unwrap() {
            ours.push(show(&value));
            bytes = &bytes[len..];
        }
        (ours, theirs)
    }
}

/// Payloads made by the other server.
fn payloads(client: &mut Client) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for commands in COLLECTIONS {
        commands.iter().for_each(|command| drop(client.ask(command)));
        let Value::Bulk(payload) = client.call(&[b"DUMP", b"saved"]) else { panic!("no dump") };
        payloads.push(payload);
        client.ask("DEL saved");
    }
    payloads
}

fn run(grammar: Grammar) {
    for (number, home) in HOMES.into_iter().enumerate() {
        let Some(mut pair) = Pair::new(home) else {
            eprintln!("redis-server is not installed: nothing compared");
            return;
        };
        let saved = payloads(&mut pair.theirs);
        pair.events();
        let mut random = Random::seeded(seed() + number as u64);
        for n in 0..COMMANDS {
            let words = Writer { random: &mut random, saved: &saved }.command(grammar);
            let (ours, theirs) = pair.both(&words);
            let at = format!("{home:?}, command {n}: {}", shown(&words));
            assert!(
                ours == theirs || is_newer(&words, &ours, &theirs),
                "{at}\n ours {ours}\n theirs {theirs}"
            );
            let (ours, theirs) = pair.events();
            assert_eq!(ours, theirs, "events of {at}");
            if n % 100 == 99 {
                pair.ours.db.engine.dataset().save().unwrap();
            }
        }
        let digest = [b"DEBUG".to_vec(), b"DIGEST".to_vec()];
        let (ours, theirs) = pair.both(&digest);
        assert_eq!(ours, theirs, "{home:?}: the digest in the end");
    }
}

/// Another run: REDTOOL_SEED.
fn seed() -> u64 {
    std::env::var("REDTOOL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn keys_are_moved_copied_restored_and_sorted_as_redis_does_it() {
    run(KEYSPACE);
}

#[test]
fn bits_are_written_as_redis_writes_them() {
    run(BITS);
}

#[test]
fn hyperloglogs_are_redis_own_byte_for_byte() {
    run(HYPERLOGLOGS);
}
