//! The native module `redtool._native`: the only crate that knows Python.
//!
//! Its contract is `toolkit/redtool/_native.pyi`. Bulk work is one call with the GIL released, on a
//! thread of its own, while the calling thread reports progress and looks for signals.
//!
//! | module | holds |
//! |---|---|
//! | [`work`] | running work beside the interpreter: progress, cancellation, panics |
//! | [`errors`] | errors as exceptions of `redtool.errors` |
//! | [`options`] | dictionaries of options, read strictly |
//! | [`places`] | where datasets are |
//! | [`convert`] | convert, merge, split |
//! | [`verbs`] | diff, verify, info, sniff |
//! | [`dataset`] | an open dataset: commands |
//! | [`entries`] | entries as Python values |
//! | [`script`] | entries given to a Python function, and what it makes of them |
//! | [`reply`] | RESP3 replies as Python values |
//! | [`server`] | the RESP server |
//! | [`tables`] | Arrow record batches |
mod convert;
mod dataset;
mod entries;
mod errors;
mod options;
mod places;
mod reply;
mod script;
mod server;
mod tables;
mod verbs;
mod work;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The version of the core.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The module.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(verbs::sniff, module)?)?;
    module.add_function(wrap_pyfunction!(convert::convert, module)?)?;
    module.add_function(wrap_pyfunction!(convert::merge, module)?)?;
    module.add_function(wrap_pyfunction!(convert::split, module)?)?;
    module.add_function(wrap_pyfunction!(verbs::diff, module)?)?;
    module.add_function(wrap_pyfunction!(verbs::verify, module)?)?;
    module.add_function(wrap_pyfunction!(verbs::info, module)?)?;
    module.add_class::<dataset::Dataset>()?;
    module.add_class::<server::Server>()?;
    module.add_function(wrap_pyfunction!(tables::tabulate, module)?)?;
    module.add_class::<tables::Batch>()?;
    module.add_class::<tables::Schema>()?;
    Ok(())
}
