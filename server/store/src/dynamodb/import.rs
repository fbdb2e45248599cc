//! Imports under way: the meta record `import`, which is there from the first item of an import to
//! the last, and tells how far it has come.
use super::item::{binary, key, Attributes, Content, Found, Item, META_PK, VALUE};
use super::link::Link;
use super::{pace, query};
use crate::error::{Result, StoreError};
use crate::layout;
use aws_sdk_dynamodb::types::{Delete, KeysAndAttributes, Put, TransactWriteItem};
use redtool_format::Cursor;
use std::collections::HashMap;
use std::io::ErrorKind;

/// Key of the meta record of an import under way.
pub const META_IMPORT: &[u8] = b"import";

/// An import under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// A number drawn for it, in which all ids and generations have their origin.
    pub epoch: u64,
    /// Keys stored whole, from the first on.
    pub keys: u64,
    /// Their sum.
    pub sum: u64,
    /// Keys there are to be; 0 when that is not known.
    pub total: u64,
    /// What is imported: the same text for the same keys in the same order.
    pub source: Vec<u8>,
}

impl Import {
    /// One that begins.
    pub fn new(source: &[u8], total: u64) -> Self {
        Self { epoch: pace::random(), keys: 0, sum: 0, total, source: source.to_vec() }
    }

    /// The record.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.epoch, self.keys, self.sum, self.total];
        let mut out: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
        out.extend_from_slice(&self.source);
        out
    }

    /// Reads the record.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(bytes);
        let (epoch, keys) = (cursor.u64_le()?, cursor.u64_le()?);
        let (sum, total) = (cursor.u64_le()?, cursor.u64_le()?);
        Ok(Self { epoch, keys, sum, total, source: cursor.rest().to_vec() })
    }

    /// The item of the record.
    pub fn item(&self) -> Item {
        meta_item(META_IMPORT, self.to_bytes())
    }

    /// How far it has come, for a message.
    fn progress(&self) -> String {
        let source = String::from_utf8_lossy(&self.source);
        match self.total {
            0 => format!("an import of {source} stopped after {} keys", self.keys),
            total => format!("an import of {source} stopped at {} of {total} keys", self.keys),
        }
    }

    /// Refuses a table whose import has not ended.
    pub fn unfinished(&self, link: &Link) -> StoreError {
        StoreError::Foreign(format!(
            "{}: {}; run the same import again to go on with it",
            link.calls.place(),
            self.progress()
        ))
    }
}

/// The item of a meta record.
pub fn meta_item(name: &[u8], value: Vec<u8>) -> Item {
    let content = Content::Whole(value);
    Item { pk: META_PK.to_vec(), sk: name.to_vec(), content, expire_at_ms: None, ttl_s: None }
}

/// The layout's name, if it is there, and the import under way, if one is.
pub fn marks(link: &Link) -> Result<(Option<Vec<u8>>, Option<Import>)> {
    let keys = KeysAndAttributes::builder()
        .consistent_read(true)
        .keys(key(META_PK, layout::META_LAYOUT))
        .keys(key(META_PK, META_IMPORT))
        .build()
        .map_err(|e| link.calls.trouble(e))?;
    let asked = HashMap::from([(link.calls.table().to_owned(), keys)]);
    let (mut name, mut import) = (None, None);
    for item in query::batch_get(link, asked)? {
        let found = Found::from(item)?;
        let Content::Whole(value) = found.content else { continue };
        match found.sk.as_slice() {
            layout::META_LAYOUT => name = Some(value),
            META_IMPORT => import = Some(Import::from_bytes(&value)?),
            _ => {}
        }
    }
    Ok((name, import))
}

/// Begins an import into a table, or goes on with the one that was begun: what is there must be
/// nothing, or a part of this very import.
pub fn begin(link: &Link, source: &[u8], total: u64) -> Result<Import> {
    let (name, import) = marks(link)?;
    if name.is_some() {
        return Err(link.calls.io(
            ErrorKind::AlreadyExists,
            "the table holds a dataset already; name another table, or delete this one first",
        ));
    }
    match import {
        Some(import) if import.source == source => Ok(import),
        Some(import) => Err(StoreError::Foreign(format!(
            "{}: {}, and this is another one; run that one again to go on with it, or delete the \
             table",
            link.calls.place(),
            import.progress()
        ))),
        None => {
            refuse_foreign(link)?;
            let import = Import::new(source, total);
            save(link, &import)?;
            Ok(import)
        }
    }
}

fn refuse_foreign(link: &Link) -> Result<()> {
    let request = link.calls.client.scan().table_name(link.calls.table()).limit(1);
    let answer = link.wait(link.calls.ask(|| request.clone().consistent_read(true).send()))??;
    if answer.items().is_empty() {
        return Ok(());
    }
    Err(StoreError::Foreign(format!(
        "{}: the table is not empty, and what it holds is not a dataset of redtool's; name another \
         table",
        link.calls.place()
    )))
}

/// Stores how far an import has come.
pub fn save(link: &Link, import: &Import) -> Result<()> {
    let item: Attributes = import.item().attributes();
    let request = link.calls.client.put_item().table_name(link.calls.table()).set_item(Some(item));
    link.wait(link.calls.ask(|| request.clone().send()))??;
    Ok(())
}

/// Ends an import: the layout's name is there and the import is not, or neither has changed.
pub fn end(link: &Link) -> Result<()> {
    let calls = &link.calls;
    let mut layout_item = key(META_PK, layout::META_LAYOUT);
    layout_item.insert(VALUE.to_owned(), binary(layout::LAYOUT_NAME));
    let put = Put::builder().table_name(calls.table()).set_item(Some(layout_item)).build();
    let delete = Delete::builder()
        .table_name(calls.table())
        .set_key(Some(key(META_PK, META_IMPORT)))
        .build();
    let put = put.map_err(|e| calls.trouble(e))?;
    let delete = delete.map_err(|e| calls.trouble(e))?;
    let request = calls
        .client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put).build())
        .transact_items(TransactWriteItem::builder().delete(delete).build());
    link.wait(calls.ask(|| request.clone().send()))??;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let import = Import { keys: 5, ..Import::new(b"dump.rdb", 9) };
        assert_eq!(Import::from_bytes(&import.to_bytes()).unwrap(), import);
        assert!(Import::from_bytes(b"short").is_err());
        assert_eq!(import.progress(), "an import of dump.rdb stopped at 5 of 9 keys");
    }
}
