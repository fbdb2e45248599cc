//! The RESP server over an open dataset.
use crate::dataset::Dataset;
use crate::errors::plain;
use crate::options::{check_known, flag, get};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use redtool_net::{Options, ServeError};

/// A running server.
#[pyclass(frozen)]
pub struct Server {
    server: redtool_net::Server,
    signals: bool,
}

#[pymethods]
impl Server {
    #[new]
    fn new(py: Python<'_>, dataset: &Dataset, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        check_known(
            options,
            &[
                "bind",
                "port",
                "unixsocket",
                "threads",
                "insecure",
                "maxclients",
                "timeout_s",
                "signals",
                "cluster_enabled",
            ],
        )?;
        let port: i32 = get(options, "port")?.unwrap_or(6379);
        let defaults = Options::default();
        let chosen = Options {
            bind: get(options, "bind")?.unwrap_or(defaults.bind.clone()),
            port: u16::try_from(port).ok(),
            unixsocket: get(options, "unixsocket")?,
            threads: get(options, "threads")?.unwrap_or(0),
            insecure: flag(options, "insecure", false)?,
            cluster_enabled: flag(options, "cluster_enabled", false)?,
            maxclients: get(options, "maxclients")?.unwrap_or(defaults.maxclients),
            timeout_s: get(options, "timeout_s")?.unwrap_or(0),
            ..defaults
        };
        let shared = dataset.shared(py)?;
        let server =
            py.detach(|| redtool_net::Server::start(shared, chosen)).map_err(|e| raise(py, &e))?;
        Ok(Self { server, signals: flag(options, "signals", false)? })
    }

    fn addresses(&self) -> Vec<String> {
        self.server.addresses().to_vec()
    }

    #[pyo3(signature = (on_ready))]
    fn run(&self, py: Python<'_>, on_ready: Option<Py<PyAny>>) -> PyResult<()> {
        let mut told = Ok(());
        let outcome = py.detach(|| {
            let ready = || {
                told =
                    on_ready.map_or(Ok(()), |call| Python::attach(|py| call.call0(py).map(drop)));
                if told.is_err() {
                    self.server.stopper().stop();
                }
            };
            if self.signals {
                return self.server.run_until_signal(ready);
            }
            ready();
            self.server.wait()
        });
        told?;
        outcome.map_err(|e| raise(py, &e))
    }

    fn stop(&self) {
        self.server.stopper().stop();
    }
}

fn raise(py: Python<'_>, error: &ServeError) -> PyErr {
    let class = match error {
        ServeError::Exposed { .. } | ServeError::Address { .. } | ServeError::Nowhere => {
            "UsageError"
        }
        _ => "StoreError",
    };
    plain(py, class, &error.to_string(), error.hint())
}
