//! Commands of the group zset.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
