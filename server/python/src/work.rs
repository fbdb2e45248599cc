//! Running work beside the interpreter.
//!
//! The work runs on a thread of its own. The calling thread, without the GIL, waits for it, and a
//! few times a second takes the GIL to report progress and to see signals; an exception there
//! cancels the work and is raised when the work has ended and cleaned up. A panic in the work is an
//! exception too.
use crate::errors::raise;
use pyo3::prelude::*;
use redtool_transfer::{Error, ErrorKind, Meter, Result};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::Duration;

/// Time between two reports of progress.
const REPORT_EVERY: Duration = Duration::from_millis(150);

/// Runs `work`, reporting to `progress` (bytes done, bytes in all, keys).
pub fn run<T: Send>(
    py: Python<'_>,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&Meter) -> Result<T> + Send,
) -> PyResult<T> {
    let meter = Meter::new();
    let (outcome, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (ended, wait) = channel::<()>();
            let meter = &meter;
            let worker = scope.spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(meter)));
                drop(ended);
                outcome
            });
            let mut raised = None;
            while wait.recv_timeout(REPORT_EVERY) == Err(RecvTimeoutError::Timeout) {
                if raised.is_none() {
                    raised = Python::attach(|py| report(py, progress, meter)).err();
                    if raised.is_some() {
                        meter.cancel();
                    }
                }
            }
            (worker.join().and_then(|outcome| outcome), raised)
        })
    });
    if let Some(raised) = raised {
        return Err(raised);
    }
    if !matches!(outcome, Ok(Ok(_))) {
        // A signal may be what ended it, by way of a pipe that another process closed.
        py.check_signals()?;
    }
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(raise(py, error)),
        Err(panic) => Err(raise(py, Error::new(ErrorKind::Store, panic_text(&*panic)))),
    }
}

fn report(py: Python<'_>, progress: Option<&Py<PyAny>>, meter: &Meter) -> PyResult<()> {
    py.check_signals()?;
    if let Some(progress) = progress {
        progress.call1(py, meter.read())?;
    }
    Ok(())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    format!("internal error, please report it: {words}")
}
