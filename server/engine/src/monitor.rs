//! MONITOR: every command shown to those who want to see it, before it runs.
use crate::clock::system_us;
use crate::command::{flag, Command};
use crate::server::ClientInfo;
use crate::session::Session;
use std::sync::Arc;

/// Shows a command: the time, database and address of the client, the words quoted.
#[cold]
pub fn show(
    monitors: &[Arc<ClientInfo>],
    session: &Session,
    command: &Command,
    args: &[&[u8]],
    is_scripted: bool,
) {
    if command.flags & (flag::SKIP_MONITOR | flag::ADMIN) != 0 {
        return;
    }
    let now_us = system_us();
    let from = if is_scripted { "lua" } else { session.info.addr.as_str() };
    let mut line = format!(
        "+{}.{:06} [{} {from}]",
        now_us.div_euclid(1_000_000),
        now_us.rem_euclid(1_000_000),
        session.db
    )
    .into_bytes();
    for arg in args {
        line.push(b' ');
        quote(arg, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    for client in monitors {
        client.post(&line);
    }
}

/// A word in quotes, what is no printable ASCII escaped as servers escape it.
pub fn quote(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in word {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_as_servers_quote_them() {
        let mut out = Vec::new();
        super::quote(b"a\"b\\\n\x00\xff~", &mut out);
        assert_eq!(out, br#""a\"b\\\n\x00\xff~""#);
    }
}
