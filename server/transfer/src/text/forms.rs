//! The table of text forms, by the scheme of their files.
use super::commands::{Commands, Dialect};
use super::csv::Csv;
use super::documents::Documents;
use super::jsonl::JsonLines;
use super::keys::Keys;
use super::restore::Restore;
use super::Form;
use crate::convert::Goal;
use crate::error::Result;
use redtool_format::rdb;
use redtool_format::rdb::target::Target;
use std::sync::Arc;

/// What only text forms ask.
#[derive(Debug, Clone, Default)]
pub struct TextOptions {
    /// Commands replace the keys that are there.
    pub replace: bool,
    /// A row an element instead of a row a key.
    pub elements: bool,
    /// The template of a line a key.
    pub template: Option<String>,
}

/// Every text form that is written.
pub const FORMS: [&str; 6] = ["jsonl", "json", "csv", "resp", "restore", "keys"];

/// Whether this is the scheme of a text form.
pub fn is_text(scheme: &str) -> bool {
    FORMS.contains(&scheme)
}

/// The form that a goal asks for, if it is a text form; `origin` tells of which RDB version the
/// source is.
pub fn form_of(
    goal: &Goal,
    origin: impl Fn() -> Result<(rdb::Dialect, u32)>,
) -> Result<Option<Arc<dyn Form>>> {
    let scheme = goal.place.scheme.as_str();
    if !is_text(scheme) {
        return Ok(None);
    }
    goal.place.no_tuning()?;
    let own = || origin().map(|(dialect, version)| Target::nearest(dialect, version));
    let dialect = || -> Result<Dialect> {
        let target = goal.target.map_or_else(own, Ok)?;
        Ok(Dialect { target, replace: goal.text.replace, now_ms: goal.now_ms })
    };
    let form: Arc<dyn Form> = match scheme {
        "json" => Arc::new(Documents),
        "csv" => Arc::new(Csv { elements: goal.text.elements }),
        "keys" => {
            let template = goal.text.template.as_deref().unwrap_or(Keys::TEMPLATE);
            Arc::new(Keys::new(template, goal.now_ms)?)
        }
        "resp" => Arc::new(Commands(dialect()?)),
        "restore" => Arc::new(Restore(dialect()?)),
        _ => Arc::new(JsonLines { origin: origin()? }),
    };
    Ok(Some(form))
}
