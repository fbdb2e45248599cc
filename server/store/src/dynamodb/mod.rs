//! The DynamoDB store: one table that holds one dataset.
//!
//! The records are those of [`crate::layout`]; this is how they lie in a table. `tests/dynamodb`
//! reads a table by these words alone, through boto3.
//!
//! ## The table
//! Partition key `pk`, sort key `sk`, both binary; no index. Every item holds one record, or a
//! piece of one:
//! ```text
//! record    pk                 sk
//! object    its record key     6f                          "o"
//! segment   the record key     73 · the segment's key      "s" · id u64 BE · family · order key
//!           of its object
//! meta      6d ("m")           the record's key            layout, db…, aux:…, next-id, …
//! chunk     that of its head   63 · generation · index     "c" · u64 BE · u32 BE, from 0
//! import    6d ("m")           "import"                    only while an import is under way
//! ```
//! A record key has at least four bytes, so no object lies under `6d`. There is no expiry index:
//! what a table is asked for it answers by a scan.
//!
//! ```text
//! attribute   type   is in           holds
//! v           B      all but heads   the record's value, byte for byte as in other stores;
//!                                    of a chunk, its piece of it
//! n           N      heads           how many chunks the value is cut into
//! g           B      heads           their generation, 8 bytes
//! e           N      objects         expire_at_ms, of keys that expire
//! ttl         N      all items of    the expiry in seconds, rounded up, for DynamoDB's own time
//!                    such a key      to live; only where the import was told to set it
//! ```
//! A value of more than 393,216 bytes is cut into chunks of that length (the last may be shorter),
//! and its item is a *head*, which has `n` and `g` in place of `v`; any record may be one. An item
//! may have 400 KB, and the rest of it never comes to 7 KB.
//!
//! ## What is whole
//! A key is there when its object item is, which is written after all its segments and chunks. Ids
//! and generations are hashes of the key with a number drawn for each import, so what an earlier
//! import or an abandoned one has left under the same key is never taken for a part of it: what no
//! object or head names is not there. `next-id` is 2^64 - 1: ids are not counted.
//!
//! The dataset is there when the meta record `layout` is, which is written last, in one
//! transaction with the removal of `import`. That one holds, while the import is under way:
//! ```text
//! v    epoch u64 LE    the number drawn for the import
//!      keys u64 LE     how many keys, from the first on, are stored whole
//!      sum u64 LE      a hash of what was given for those
//!      total u64 LE    how many there are to be
//!      source          what is imported, as text
//! ```
//!
//! ## Example
//! db 3, hash `user:1` of the worked example in [`crate::layout`]:
//! ```text
//! pk 00000003757365723a31    sk 6f    e 4102444800000
//! v  04 01 10 03  00d8c32cbb030000  01  0d 0d000000 0200 81 66 02 81 76 02 ff
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`item`] | records as items and back |
//! | [`link`] | the connection: client, credentials, calls with their retries |
//! | [`trouble`] | what the service says, as a sentence; what is worth another try |
//! | [`pace`] | waiting: backoff, and a limit of write capacity |
//! | [`reader`] | reading by key |
//! | [`query`] | cursors: segments of a value, meta records, all objects |
//! | [`scan`] | reading a whole table, in parallel |
//! | [`gather`] | the same, value by value |
//! | [`load`] | writing a whole table: keys as items, going on where an import has stopped |
//! | [`send`] | sending items, in parallel |
//! | [`target`] | a table to be made, as a store |
//! | [`import`] | imports under way: begun, gone on with, ended |
pub mod gather;
pub mod import;
pub mod item;
pub mod link;
pub mod load;
pub mod pace;
pub mod query;
pub mod reader;
pub mod scan;
pub mod send;
pub mod target;
pub mod trouble;

use crate::contract::{Bulk, Each, Reader, Store, Writer};
use crate::error::{Result, StoreError};
use crate::layout;
use link::Link;
use std::sync::Arc;

pub use crate::credentials::{Credentials, Keys};
pub use import::Import;
pub use load::{Loaded, Loader};
pub use scan::Visit;
pub use send::Spent;
pub use target::DynamoTarget;

/// Requests under way at once, when nothing else is asked for.
pub const PARALLEL: usize = 16;
/// Segments of a parallel scan, when nothing else is asked for.
pub const SCAN_SEGMENTS: usize = 8;

/// Where a table is, and how to work with it.
#[derive(Clone)]
pub struct Config {
    /// The table's name.
    pub table: String,
    /// The region; may be absent where an endpoint is named.
    pub region: Option<String>,
    /// The service's URL, when it is not the region's own.
    pub endpoint: Option<String>,
    /// Where credentials come from.
    pub credentials: Arc<dyn Credentials>,
    /// Requests under way at once while writing.
    pub parallel: usize,
    /// Segments of a parallel scan.
    pub scan_segments: usize,
    /// Write capacity units a second that an import may use.
    pub max_wcu: Option<f64>,
    /// Set the attribute `ttl` on what expires.
    pub native_ttl: bool,
}

impl Config {
    /// A table with all defaults.
    pub fn new(table: impl Into<String>, credentials: Arc<dyn Credentials>) -> Self {
        Self {
            table: table.into(),
            region: None,
            endpoint: None,
            credentials,
            parallel: PARALLEL,
            scan_segments: SCAN_SEGMENTS,
            max_wcu: None,
            native_ttl: false,
        }
    }
}

/// A dataset in a DynamoDB table, opened for reading.
pub struct DynamoStore {
    link: Arc<Link>,
}

impl DynamoStore {
    /// Opens a table that holds a dataset.
    pub fn open(config: Config) -> Result<Self> {
        let link = Arc::new(Link::new(config)?);
        let (layout, import) = import::marks(&link)?;
        if layout.is_none() {
            if let Some(import) = import {
                return Err(import.unfinished(&link));
            }
        }
        let place = link.calls.place();
        layout::check_layout(std::path::Path::new(&place), layout.as_deref())?;
        Ok(Self { link })
    }

    /// Gives every record of the table to `visit`, one key after the other in no order: an object,
    /// then its segments in key order. `segments` is how many parts are read at a time.
    pub fn scan_all<V: Visit>(
        &self,
        segments: usize,
        visit: &mut V,
    ) -> std::result::Result<(), V::Error> {
        scan::scan_all(&self.link, segments, visit)
    }

    /// How many segments the configuration wants a scan to have.
    pub fn scan_segments(&self) -> usize {
        self.link.scan_segments
    }

    /// What the service says about the size of the table in bytes; it counts a few times a day.
    pub fn size_bytes(&self) -> u64 {
        self.link.size_bytes()
    }
}

impl Store for DynamoStore {
    fn scheme(&self) -> &'static str {
        "dynamodb"
    }

    fn reader(&self) -> Result<Box<dyn Reader>> {
        Ok(Box::new(reader::DynamoReader::new(Arc::clone(&self.link))))
    }

    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Err(unsupported("a table is open for reading only"))
    }

    fn bulk(&self) -> Result<Box<dyn Bulk + '_>> {
        Err(unsupported("a table is written by its own loader"))
    }

    fn walk(&self, each: Each<'_>) -> Result<()> {
        gather::walk(&self.link, self.link.scan_segments, each)
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

fn unsupported(what: &str) -> StoreError {
    StoreError::Backend(format!("DynamoDB: {what}"))
}
