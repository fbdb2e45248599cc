//! The libraries of FUNCTION LOAD and their functions, which FCALL finds by name in any case.
use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::Registered;
use super::Flags;

/// A loaded library.
#[derive(Debug)]
pub struct Library {
    /// Its name.
    pub name: Vec<u8>,
    /// Its text, the first line too.
    pub code: Vec<u8>,
    /// Its functions, in the order of their registration.
    pub functions: Vec<Arc<LibraryFunction>>,
}

/// A function of a library.
#[derive(Debug)]
pub struct LibraryFunction {
    /// Its name.
    pub name: Vec<u8>,
    /// What it says about itself.
    pub description: Option<Vec<u8>>,
    /// What it declares.
    pub flags: Flags,
    pub(super) number: u64,
}

/// All of them, by name.
#[derive(Default)]
pub(super) struct Libraries {
    libraries: BTreeMap<Vec<u8>, Library>,
    functions: BTreeMap<Vec<u8>, Arc<LibraryFunction>>,
}

impl Libraries {
    pub fn has(&self, name: &[u8]) -> bool {
        self.libraries.contains_key(name)
    }

    pub fn function(&self, name: &[u8]) -> Option<&Arc<LibraryFunction>> {
        self.functions.get(&name.to_ascii_lowercase())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Library> {
        self.libraries.values()
    }

    /// The first of the functions that another library than `library` has.
    pub fn taken<'a>(&self, library: &[u8], functions: &'a [Registered]) -> Option<&'a [u8]> {
        let own = self.libraries.get(library);
        let is_own = |name: &[u8]| {
            own.is_some_and(|own| own.functions.iter().any(|f| f.name.eq_ignore_ascii_case(name)))
        };
        let taken = |name: &[u8]| self.function(name).is_some() && !is_own(name);
        functions.iter().map(|function| &function.name[..]).find(|name| taken(name))
    }

    /// Adds a library, in place of one of its name.
    pub fn add(&mut self, name: &[u8], code: &[u8], functions: Vec<Registered>) -> Vec<u64> {
        let forgotten = self.remove(name).unwrap_or_default();
        let functions: Vec<_> = functions
            .into_iter()
            .map(|function| {
                Arc::new(LibraryFunction {
                    name: function.name,
                    description: function.description,
                    flags: function.flags,
                    number: function.slot,
                })
            })
            .collect();
        for function in &functions {
            self.functions.insert(function.name.to_ascii_lowercase(), Arc::clone(function));
        }
        let library = Library { name: name.to_vec(), code: code.to_vec(), functions };
        self.libraries.insert(name.to_vec(), library);
        forgotten
    }

    /// Removes a library; gives the numbers of its functions, None when it is not there.
    pub fn remove(&mut self, name: &[u8]) -> Option<Vec<u64>> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.name.to_ascii_lowercase());
        }
        Some(library.functions.iter().map(|function| function.number).collect())
    }

    /// Removes all.
    pub fn clear(&mut self) -> Vec<u64> {
        self.libraries.clear();
        let functions = std::mem::take(&mut self.functions);
        functions.into_values().map(|function| function.number).collect()
    }
}
