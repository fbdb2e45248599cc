//! One packed encoding into another, item by item; no item is copied into memory of its own.
use crate::encodings::listpack::{self, Listpack};
use crate::encodings::{intset, ziplist};
use crate::error::{FormatError, Result};

/// Appends the items of a listpack to a ziplist.
pub fn listpack_into_ziplist(listpack: Listpack<'_>, ziplist: &mut ziplist::Builder) -> Result<()> {
    for item in listpack.iter() {
        ziplist.push_item(item?);
    }
    Ok(())
}

/// Appends the intset of a packed set to `out`; every member must be an integer.
pub fn listpack_into_intset(listpack: Listpack<'_>, out: &mut Vec<u8>) -> Result<()> {
    let mut members = Vec::new();
    for member in listpack.iter() {
        let number = member?.as_int();
        members.push(number.ok_or_else(|| FormatError::corrupt(0, "member is not an integer"))?);
    }
    members.sort_unstable();
    if members.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(FormatError::corrupt(0, "set holds a member twice"));
    }
    intset::write(out, &members);
    Ok(())
}

/// Packs hash fields: a listpack or a ziplist, by what the target loads.
pub enum Pairs {
    /// Type 16.
    Listpack(listpack::Builder),
    /// Type 13.
    Ziplist(ziplist::Builder),
}

impl Pairs {
    /// Appends an entry.
    pub fn push(&mut self, bytes: &[u8]) {
        match self {
            Pairs::Listpack(builder) => builder.push(bytes),
            Pairs::Ziplist(builder) => builder.push(bytes),
        }
    }

    /// The finished blob.
    pub fn finish(&mut self) -> &[u8] {
        match self {
            Pairs::Listpack(builder) => builder.finish(),
            Pairs::Ziplist(builder) => builder.finish(),
        }
    }
}
