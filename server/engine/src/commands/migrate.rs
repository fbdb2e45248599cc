//! MIGRATE: known, and refused: this server moves keys to others with `redtool load`.
use crate::command::flag::WRITE;
use crate::command::Group::Generic;
use crate::command::{category, row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::access::{ACCESS, DELETE, INCOMPLETE, RW};
use crate::keyspec::KeySpec;

fn migrate(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR MIGRATE is not supported by this server"))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("migrate", -6, WRITE,
        &[KeySpec::at(RW | ACCESS | DELETE, 3),
          KeySpec::all_after(RW | ACCESS | DELETE | INCOMPLETE, "KEYS", -2, 0)],
        Generic, "2.6.0", migrate)
        .args("host port:integer key_or_empty_string:<key|empty_string=''> destination-db:integer \
               timeout:integer [COPY@3.0.0] [REPLACE@3.0.0] \
               [authentication:<[AUTH password@4.0.7] \
               | [AUTH2 username_password:(username password)@6.0.0]>] [KEYS key:key#1...@3.0.6]")
        .docs("O(N)", "Moves keys to another server.")
        .acl(category::DANGEROUS | category::KEYSPACE).tips(&["nondeterministic_output"]),
];
