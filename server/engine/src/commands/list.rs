//! Commands of the group list.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
