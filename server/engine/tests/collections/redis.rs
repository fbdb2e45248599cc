//! A redis-server of its own, to be asked the same; None where none is installed.
use crate::redis_client::Client;
use crate::redis_server::Server;
use crate::support::{show, Db};
use redtool_format::resp::Value;

/// A server and a connection to it.
pub struct Redis {
    client: Client,
    _server: Server,
}

impl Redis {
    /// Starts one.
    pub fn start() -> Option<Self> {
        let server = Server::start()?;
        Some(Self { client: Client::new(server.stream()), _server: server })
    }

    /// Runs a command.
    pub fn call(&mut self, args: &[&[u8]]) -> Value {
        self.client.call(args)
    }
}

/// A reply with numbers in one spelling: 7.0 shows doubles with 17 digits.
fn plain(value: &Value) -> String {
    let number = |text: &str| match text.parse::<f64>() {
        Ok(number) => format!("{number}"),
        Err(_) => text.to_string(),
    };
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" "))
        }
        Value::Bulk(bytes) => number(&String::from_utf8_lossy(bytes)),
        other => show(other),
    }
}

/// A redis-server and a dataset that are asked the same.
pub struct Pair {
    pub redis: Redis,
    pub redtool: Db,
}

impl Pair {
    /// The reply to a command, which is that of both.
    pub fn ask(&mut self, args: &[String]) -> String {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let bytes: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        let expected = plain(&self.redis.call(&bytes));
        let found = match self.redtool.call_or_wait(&args) {
            Some(value) => plain(&value),
            None => plain(&self.redtool.time_out()),
        };
        assert_eq!(found, expected, "{args:?}");
        expected
    }

    /// The same for a command written with spaces.
    pub fn ask_line(&mut self, line: &str) -> String {
        self.ask(&line.split(' ').map(str::to_string).collect::<Vec<_>>())
    }
}

/// A reproducible source of choices.
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    /// One of these.
    pub fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}
