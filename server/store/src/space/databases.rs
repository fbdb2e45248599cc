//! Whole databases: emptied, exchanged.
use super::changes::Changes;
use super::{Home, Space};
use crate::contract::{Reader, Table};
use crate::error::Result;

impl Space {
    /// Removes every key of every db.
    pub fn clear(&mut self) {
        self.meta.dbs.clear();
        self.meta_changed = true;
        match &mut self.home {
            Home::Memory(memory) => memory.clear(),
            Home::Store(layers) => {
                layers.live = Changes::hiding_older();
            }
        }
    }

    /// Removes every key of one db.
    pub fn clear_db(&mut self, db: u32) -> Result<()> {
        if self.meta.dbs.iter().all(|(other, _)| *other == db) {
            self.clear();
            return Ok(());
        }
        for record_key in self.record_keys(db)? {
            self.remove(&record_key)?;
        }
        Ok(())
    }

    /// Exchanges the keys of two dbs.
    pub fn swap(&mut self, a: u32, b: u32) -> Result<()> {
        if a == b {
            return Ok(());
        }
        if let Home::Memory(memory) = &mut self.home {
            memory.swap(a, b);
            for (db, _) in &mut self.meta.dbs {
                *db = if *db == a {
                    b
                } else if *db == b {
                    a
                } else {
                    *db
                };
            }
            self.meta.dbs.sort_by_key(|(db, _)| *db);
            return Ok(());
        }
        let mut moved = Vec::new();
        for (from, to) in [(a, b), (b, a)] {
            for record_key in self.record_keys(from)? {
                if let Some(record) = self.get(Table::Objects, &record_key)? {
                    let target = [&to.to_be_bytes()[..], &record_key[4..]].concat();
                    moved.push((target, record.into_owned()));
                }
                self.delete_object(&record_key)?;
            }
        }
        for (record_key, record) in moved {
            self.put_object(&record_key, &record)?;
        }
        Ok(())
    }

    fn record_keys(&self, db: u32) -> Result<Vec<Vec<u8>>> {
        let db = db.to_be_bytes();
        let mut keys = Vec::new();
        let mut walk = self.seek(Table::Objects, &db)?;
        while let Some((key, _)) = walk.next()? {
            if !key.starts_with(&db) {
                break;
            }
            keys.push(key.into_owned());
        }
        Ok(keys)
    }
}
