//! Commands of the group hash.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
