//! CLUSTER and what belongs to it: there is no cluster.
use crate::context::Context;
use crate::error::{Error, Outcome};

/// The answer of Redis when it runs without cluster support.
fn disabled(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR This instance has cluster support disabled"))
}
