//! Scripts answered side by side by the interpreter and by a redis-server, when one is installed.
//!
//! Each line of `lua_redis.txt` is a script, with `\n` for a line break; `#` begins a comment. The
//! interpreter's `redis.call` goes to the same server, over a connection of its own.
#[path = "shared/redis_server.rs"]
mod redis_server;

use redis_server::{request, Server};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use redtool_engine::lua::{Host, Interpreter, Limits, Verdict};
use redtool_format::resp::{parse_reply, Writer};

struct Client {
    stream: UnixStream,
    is_resp3: bool,
}

impl Client {
    fn of(server: &Server) -> Self {
        Self { stream: server.stream(), is_resp3: false }
    }

    fn send(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.stream.write_all(&request(args)).unwrap();
        let mut reply = Vec::new();
        let mut chunk = [0; 65536];
        loop {
            let count = self.stream.read(&mut chunk).unwrap();
            assert_ne!(count, 0, "redis-server closed the connection");
            reply.extend_from_slice(&chunk[..count]);
            match parse_reply(&reply) {
                Ok(Some(_)) => return reply,
                Ok(None) => {}
                // Nested deeper than replies are read here; all of it comes at once.
                Err(_) => return reply,
            }
        }
    }

    fn speak(&mut self, resp3: bool) {
        if self.is_resp3 != resp3 {
            self.send(&[b"HELLO", if resp3 { b"3" } else { b"2" }]);
            self.is_resp3 = resp3;
        }
    }
}

/// Commands go to the server; what a server refuses to scripts is refused here in its words.
struct Forwarding {
    client: Client,
}

const FORBIDDEN: [&str; 6] = ["config", "eval", "multi", "subscribe", "debug", "blpop"];

impl Host for Forwarding {
    fn call(&mut self, args: &[&[u8]], resp3: bool, out: &mut Vec<u8>) {
        self.client.speak(resp3);
        let name = String::from_utf8_lossy(args[0]).to_lowercase();
        if FORBIDDEN.contains(&&name[..]) {
            out.extend_from_slice(b"-ERR This Redis command is not allowed from script\r\n");
            return;
        }
        let reply = self.client.send(args);
        if reply.starts_with(b"-ERR unknown command") {
            out.extend_from_slice(b"-ERR Unknown Redis command called from script\r\n");
        } else if reply.starts_with(b"-ERR wrong number of arguments") {
            out.extend_from_slice(
                b"-ERR Wrong number of args calling Redis command from script\r\n",
            );
        } else {
            out.extend_from_slice(&reply);
        }
    }

    fn log(&mut self, _: u8, _: &[u8]) {}

    fn may_call(&mut self, args: &[&[u8]]) -> Option<bool> {
        (args[0] != b"bad").then_some(true)
    }

    fn tick(&mut self, elapsed: Duration) -> Verdict {
        match elapsed > Duration::from_secs(20) {
            true => Verdict::Kill,
            false => Verdict::Continue,
        }
    }
}

fn run(lua: &mut Interpreter, host: &mut Forwarding, text: &[u8], resp3: bool) -> Vec<u8> {
    let mut out = Writer::new();
    out.set_resp3(resp3);
    let keys: [&[u8]; 2] = [b"k1", b"k2"];
    let args: [&[u8]; 3] = [b"a1", b"a2", b"\xff\0"];
    let ran = match lua.script(text) {
        Ok(script) => lua.run_script(host, &script, &keys, &args, &mut out),
        Err(text) => Err(text),
    };
    if let Err(text) = ran {
        out.error_bytes(&text);
    }
    std::mem::take(out.buffer())
}

#[test]
fn scripts_are_answered_as_redis_answers_them() {
    let Some(server) = Server::start() else { return };
    let mut client = Client::of(&server);
    let mut host = Forwarding { client: Client::of(&server) };
    let mut lua = Interpreter::new(Limits::default()).unwrap();
    let mut wrong = Vec::new();
    for resp3 in [false, true] {
        client.speak(resp3);
        for line in include_str!("lua_redis.txt").lines() {
            if line.is_empty() || line.starts_with("# ") {
                continue;
            }
            let text = line.replace("\\n", "\n");
            client.send(&[b"FLUSHALL"]);
            let theirs = client.send(&[
                b"EVAL",
                text.as_bytes(),
                b"2",
                b"k1",
                b"k2",
                b"a1",
                b"a2",
                b"\xff\0",
            ]);
            client.send(&[b"FLUSHALL"]);
            let ours = run(&mut lua, &mut host, text.as_bytes(), resp3);
            if ours != theirs {
                let show = |reply: &[u8]| {
                    let text: String = reply.escape_ascii().to_string();
                    text.chars().take(300).collect::<String>()
                };
                wrong.push(format!("{line}\n  ours   {}\n  theirs {}", show(&ours), show(&theirs)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
