//! What reaches a connection unasked: messages of channels, invalidations, the reply of a command
//! that waited. Whoever has something for a client puts it into the client's mailbox and rings; the
//! network layer, on whatever thread, empties the box.
use crate::server::lock;
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Tells the network layer that a mailbox has something.
pub type Bell = Arc<dyn Fn() + Send + Sync>;

/// A client's mailbox.
#[derive(Default)]
pub struct Mailbox {
    inner: Mutex<Inner>,
    has_mail: AtomicBool,
}

#[derive(Default)]
struct Inner {
    pushes: Vec<u8>,
    reply: Option<Vec<u8>>,
    go_on: bool,
    file: Option<SentFile>,
    bell: Option<Bell>,
}

/// A file that is sent to a client.
#[derive(Debug)]
pub struct SentFile {
    /// The file, at the next byte to be sent.
    pub file: File,
    /// Bytes that are not sent.
    pub left_bytes: u64,
}

impl SentFile {
    /// The next bytes to be sent, at most so many.
    pub fn next_bytes(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let n = self.left_bytes.min(most as u64) as usize;
        let mut bytes = vec![0; n];
        self.file.read_exact(&mut bytes)?;
        self.left_bytes -= n as u64;
        Ok(bytes)
    }
}

/// What was in a mailbox.
#[derive(Debug, Default)]
pub struct Mail {
    /// The reply of the command that waited; the connection goes on with its next request.
    pub reply: Option<Vec<u8>>,
    /// The command that is held back is to be run now.
    pub go_on: bool,
    /// Whole messages.
    pub pushes: Vec<u8>,
    /// What follows the reply; then the connection ends.
    pub file: Option<SentFile>,
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").field("has_mail", &self.has_mail).finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Sets what rings when something arrives.
    pub fn set_bell(&self, bell: Bell) {
        lock(&self.inner).bell = Some(bell);
    }

    /// Adds a message, already encoded; the bytes that wait in the box with it.
    pub fn push(&self, message: &[u8]) -> usize {
        self.deliver(|inner| inner.pushes.extend_from_slice(message))
    }

    /// The reply of a command that waited.
    pub fn reply(&self, reply: Vec<u8>) {
        self.deliver(|inner| inner.reply = Some(reply));
    }

    /// The reply of a command that waited: these bytes, the length of a file as a bulk's, and the
    /// file. It is the last one.
    pub fn send_file(&self, mut head: Vec<u8>, file: File, bytes: u64) {
        head.extend_from_slice(format!("${bytes}\r\n").as_bytes());
        self.deliver(|inner| {
            inner.reply = Some(head);
            inner.file = Some(SentFile { file, left_bytes: bytes });
        });
    }

    /// The command that is held back is to be run now.
    pub fn go_on(&self) {
        self.deliver(|inner| inner.go_on = true);
    }

    /// Rings without leaving anything: the connection looks at its state.
    pub fn ring(&self) {
        let bell = lock(&self.inner).bell.clone();
        if let Some(bell) = bell {
            bell();
        }
    }

    fn deliver(&self, put: impl FnOnce(&mut Inner)) -> usize {
        let (bell, waiting) = {
            let mut inner = lock(&self.inner);
            put(&mut inner);
            let waiting = inner.pushes.len() + inner.reply.as_ref().map_or(0, Vec::len);
            let was_waiting = self.has_mail.swap(true, Ordering::AcqRel);
            (if was_waiting { None } else { inner.bell.clone() }, waiting)
        };
        if let Some(bell) = bell {
            bell();
        }
        waiting
    }

    /// Whether there is something; cheap enough to ask after every command.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Takes what there is.
    pub fn take(&self) -> Mail {
        let mut inner = lock(&self.inner);
        self.has_mail.store(false, Ordering::Release);
        Mail {
            reply: inner.reply.take(),
            go_on: std::mem::take(&mut inner.go_on),
            pushes: std::mem::take(&mut inner.pushes),
            file: inner.file.take(),
        }
    }
}
