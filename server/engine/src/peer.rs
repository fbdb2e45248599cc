//! Other servers, as a command talks to them: requests out, replies in. How a connection is made
//! is the [`Dialer`]'s, which the layer above gives to the dataset.
use redtool_format::resp::Writer;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::time::Duration;

/// Connects to other servers.
pub trait Dialer: Send + Sync {
    /// A connection, whose reads and writes fail when they take longer than `timeout`.
    fn dial(&self, host: &str, port: u16, timeout: Duration) -> io::Result<Box<dyn Link>>;
}

/// A connection.
pub trait Link: Read + Write {}

impl<T: Read + Write> Link for T {}

/// The longest line of a reply that is read.
const LINE_MAX_BYTES: u64 = 64 << 10;

/// Another server.
pub(crate) struct Peer(BufReader<Box<dyn Link>>);

impl Peer {
    pub fn new(link: Box<dyn Link>) -> Self {
        Self(BufReader::new(link))
    }

    /// Sends a request; its reply is read later.
    pub fn send(&mut self, args: &[&[u8]]) -> io::Result<()> {
        let mut out = Writer::new();
        out.request(args);
        self.0.get_mut().write_all(out.buffer())
    }

    /// The next reply, which is a line: of an error its text, without the mark.
    pub fn reply(&mut self) -> io::Result<Result<(), String>> {
        let mut line = Vec::new();
        self.0.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some([b'-', text @ ..]) => Ok(Err(String::from_utf8_lossy(text).into_owned())),
            Some(_) => Ok(Ok(())),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
