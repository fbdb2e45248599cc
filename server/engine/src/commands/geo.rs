//! Commands of the group geo.
use crate::command::Command;

/// The rows.
pub const COMMANDS: &[Command] = &[];
