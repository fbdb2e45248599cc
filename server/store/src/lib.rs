//! Records on disk and elsewhere: the [`Store`] contract, the record layout, the memory, LMDB,
//! LevelDB and DynamoDB stores.
//!
//! | module | holds |
//! |---|---|
//! | [`contract`] | what a store is: tables, snapshots, transactions, bulk load |
//! | [`credentials`] | keys to sign requests with |
//! | [`layout`] | the record layout, byte by byte, with a worked example |
//! | [`meta`] | what a dataset knows about itself |
//! | [`object`] | object records read and written |
//! | [`pieces`] | what is too long for a record, in pieces |
//! | [`random`] | random numbers to choose by |
//! | [`read`] | from records back to an RDB value |
//! | [`schemes`] | the table of stores |
//! | [`segment`] | big collections: runs of listpacks in key order |
//! | [`build`] | from an RDB value to records |
//! | [`fetch`] | bytes asked for ahead of their turn |
//! | [`space`] | the records of a dataset that is being written |
//! | [`spill`] | vectors that move into a file when they grow |
//! | [`writeback`] | files written to the disk early |
//! | [`lmdb`] | the LMDB store |
//! | [`leveldb`] | the LevelDB store |
//! | [`memory`] | the memory store |
//! | `dynamodb` | the DynamoDB store, where the feature of that name is on |
//! | [`error`] | what can go wrong |
pub mod build;
pub mod contract;
pub mod credentials;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod error;
pub mod fetch;
pub mod layout;
pub mod leveldb;
pub mod lmdb;
pub mod memory;
pub mod meta;
pub mod object;
pub mod pieces;
pub mod random;
pub mod read;
pub mod schemes;
pub mod segment;
pub mod space;
pub mod spill;
pub mod writeback;

pub use contract::{Bulk, Bytes, Cursor, Each, Reader, Record, Store, Table, Writer};
pub use credentials::SharedCredentials;
pub use error::{Result, StoreError};
pub use object::{Body, Encoding, Object};
pub use space::Space;
