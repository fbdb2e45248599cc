//! Commands of the group stream.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
