//! Commands of the group set.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
