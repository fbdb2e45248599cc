//! The script cache: compiled scripts by text and by SHA-1.
//!
//! Scripts that came with EVAL are let go of once there are many, the oldest first; those of SCRIPT
//! LOAD stay until SCRIPT FLUSH, since clients count on them.
use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;

use super::api::hexadecimal;
use super::shebang::Flags;
use crate::sha1::sha1;

/// A compiled script.
#[derive(Debug)]
pub struct Script {
    /// SHA-1 of its text, in lower case digits.
    pub sha: String,
    /// What its first line declares.
    pub flags: Flags,
    pub(super) number: u64,
    text: Box<[u8]>,
}

#[derive(Default)]
pub(super) struct Scripts {
    by_text: HashMap<Box<[u8]>, Arc<Script>>,
    by_sha: HashMap<String, Arc<Script>>,
    /// Those of EVAL, the oldest first.
    evaluated: VecDeque<String>,
}

impl Scripts {
    pub fn by_text(&self, text: &[u8]) -> Option<&Arc<Script>> {
        self.by_text.get(text)
    }

    /// By digits of either case.
    pub fn by_sha(&self, sha: &[u8]) -> Option<&Arc<Script>> {
        if sha.len() != 40 {
            return None;
        }
        let mut digits = [0; 40];
        digits.copy_from_slice(sha);
        digits.make_ascii_lowercase();
        self.by_sha.get(std::str::from_utf8(&digits).ok()?)
    }

    pub fn add(&mut self, text: &[u8], flags: Flags, number: u64) -> Arc<Script> {
        let sha = hexadecimal(&sha1(text));
        let script = Arc::new(Script { sha: sha.clone(), flags, number, text: text.into() });
        self.by_text.insert(text.into(), Arc::clone(&script));
        self.by_sha.insert(sha, Arc::clone(&script));
        script
    }

    /// Lets the script be forgotten when there are more than `at_most` like it; gives the numbers
    /// of those that are.
    pub fn may_forget(&mut self, script: &Script, at_most: usize) -> Vec<u64> {
        self.evaluated.push_back(script.sha.clone());
        let mut forgotten = Vec::new();
        while self.evaluated.len() > at_most.max(1) {
            let Some(sha) = self.evaluated.pop_front() else { break };
            if let Some(script) = self.by_sha.remove(&sha) {
                self.by_text.remove(&script.text);
                forgotten.push(script.number);
            }
        }
        forgotten
    }

    /// Keeps a script that came with EVAL until the cache is flushed.
    pub fn pin(&mut self, script: &Script) {
        self.evaluated.retain(|sha| *sha != script.sha);
    }

    /// Forgets all; gives their numbers.
    pub fn clear(&mut self) -> Vec<u64> {
        self.by_text.clear();
        self.evaluated.clear();
        self.by_sha.drain().map(|(_, script)| script.number).collect()
    }

    pub fn len(&self) -> usize {
        self.by_sha.len()
    }
}
