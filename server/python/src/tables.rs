//! A dataset as Arrow record batches, handed to Python one after the other.
use crate::convert::{answer, job};
use crate::options::{check_known, flag};
use crate::places::Url;
use crate::work;
use arrow_array::ffi::{to_ffi, FFI_ArrowSchema};
use arrow_array::{Array, RecordBatch, StructArray};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyTuple};
use redtool_transfer::convert::{pump, Converted};
use redtool_transfer::sink::Sink;
use redtool_transfer::tables::TableSink;
use redtool_transfer::{Error, Source};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A record batch for whoever speaks Arrow's PyCapsule interface: `pyarrow.record_batch(batch)`.
#[pyclass(frozen)]
pub struct Batch {
    batch: RecordBatch,
}

#[pymethods]
impl Batch {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        // A wish that the protocol lets a producer ignore.
        drop(requested_schema);
        let rows = StructArray::from(self.batch.clone());
        let arrow = |e: arrow_schema::ArrowError| PyRuntimeError::new_err(e.to_string());
        let (array, schema) = to_ffi(&rows.to_data()).map_err(arrow)?;
        let schema = PyCapsule::new_with_value(py, schema, c"arrow_schema")?;
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        PyTuple::new(py, [schema, array])
    }
}

/// The schema of the batches: `pyarrow.schema(schema)`.
#[pyclass(frozen)]
pub struct Schema {
    elements: bool,
}

#[pymethods]
impl Schema {
    #[new]
    fn new(elements: bool) -> Self {
        Self { elements }
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(&*TableSink::schema(self.elements))
            .map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}

/// Gives the entries of `source` to `emit` in batches of rows.
#[pyfunction]
pub fn tabulate(
    py: Python<'_>,
    source: Url,
    options: &Bound<'_, PyDict>,
    progress: Option<Py<PyAny>>,
    emit: Py<PyAny>,
) -> PyResult<Py<PyDict>> {
    let known = ["filters", "transforms", "checksum", "lossy", "dead_letters", "elements"];
    check_known(options, &known)?;
    let (elements, lossy) = (flag(options, "elements", false)?, flag(options, "lossy", false)?);
    let job = job(options)?;
    let raised = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&raised);
    let hand_on = Box::new(move |batch: RecordBatch| {
        let given = Python::attach(|py| emit.call1(py, (Batch { batch },)).map(drop));
        given.map_err(|error| {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Error::cancelled()
        })
    });
    let start = Instant::now();
    let done = work::run(py, progress.as_ref(), move |meter| {
        let source = Source::open(&source.place, meter)?;
        let sink: Box<dyn Sink> = Box::new(TableSink::new(hand_on, elements, lossy));
        let (account, written) = pump(&source, sink, &job, meter)?;
        Ok(Converted {
            account,
            losses: written.losses,
            bytes_read: source.size_bytes(),
            bytes_written: written.bytes,
            failures: job.failures.finish()?,
        })
    });
    if let Some(error) = raised.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    let dict = answer(py, &done?)?;
    dict.set_item("seconds", start.elapsed().as_secs_f64())?;
    Ok(dict.unbind())
}
