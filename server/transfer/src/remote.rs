//! Datasets that are tables of a service, and no files: opened and made by name.
//!
//! The path of their [`Place`] is the table's name; its tuning says where the service is, and how
//! to work with it:
//!
//! | name | value |
//! |---|---|
//! | `region`, `endpoint` | where the service is |
//! | `native_ttl` | `yes`: the service removes what has expired |
//! | `max_wcu` | write capacity units a second, at most |
//! | `parallel` | requests under way at once |
//! | `segments` | segments of a scan |
use crate::error::{Error, Kind, Result};
use crate::source::Place;
use redtool_store::Store;
use std::sync::Arc;

/// Whether datasets of this scheme are tables.
pub fn is_remote(scheme: &str) -> bool {
    scheme == "dynamodb"
}

#[cfg(not(feature = "dynamodb"))]
fn left_out() -> Error {
    Error::new(Kind::Unsupported, "this redtool was built without DynamoDB")
        .hint("build it with the feature 'dynamodb'")
}

/// Opens a table for reading, and tells about how many bytes it holds.
#[cfg(not(feature = "dynamodb"))]
pub fn open(_: &Place) -> Result<(Arc<dyn Store>, u64)> {
    Err(left_out())
}

/// Makes a table into a dataset of what `source` says, or goes on with that.
#[cfg(not(feature = "dynamodb"))]
pub fn begin(_: &Place, _: &str) -> Result<Arc<dyn Store>> {
    Err(left_out())
}

#[cfg(feature = "dynamodb")]
pub use with_dynamodb::{begin, open};

#[cfg(feature = "dynamodb")]
mod with_dynamodb {
    use super::*;
    use redtool_store::dynamodb::{Config, DynamoStore, DynamoTarget};

    /// Opens a table for reading, and tells about how many bytes it holds.
    pub fn open(place: &Place) -> Result<(Arc<dyn Store>, u64)> {
        let store = DynamoStore::open(config(place)?)?;
        let size_bytes = store.size_bytes();
        Ok((Arc::new(store), size_bytes))
    }

    /// Makes a table into a dataset of what `source` says, or goes on with that.
    pub fn begin(place: &Place, source: &str) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(DynamoTarget::begin(config(place)?, source.as_bytes(), 0)?))
    }

    fn config(place: &Place) -> Result<Config> {
        let Some(credentials) = &place.credentials else {
            return Err(Error::new(Kind::Usage, "no credentials were given for the table"));
        };
        let table = place.path.to_string_lossy();
        let mut config = Config::new(table, Arc::clone(&credentials.0));
        for (name, value) in &place.tuning {
            let number = || value.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
            let bad = || {
                let what = format!("the option {name:?} cannot be {value:?}");
                Error::new(Kind::Usage, what)
            };
            let count = || number().map(|n| n as usize).ok_or_else(bad);
            match name.as_str() {
                "region" => config.region = Some(value.clone()),
                "endpoint" => config.endpoint = Some(value.clone()),
                "native_ttl" => config.native_ttl = value == "yes",
                "max_wcu" => config.max_wcu = Some(number().ok_or_else(bad)?),
                "parallel" => config.parallel = count()?.clamp(1, 256),
                "segments" => config.scan_segments = count()?.clamp(1, 1000),
                _ => {
                    let what = format!("a DynamoDB table has no option {name:?}");
                    return Err(Error::new(Kind::Usage, what)
                        .hint("parallel, segments, max_wcu and native_ttl are there"));
                }
            }
        }
        Ok(config)
    }
}
