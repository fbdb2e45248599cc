//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! Queueing and running the queue are the engine's ([`crate::engine`]); what is here is what happens outside a
//! transaction, and the rows. A dataset that nobody writes never changes under a WATCH.
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Transaction;

fn multi(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    if ctx.session.transaction.is_some() {
        return Err(Error::fixed("ERR MULTI calls can not be nested"));
    }
    ctx.session.set_transaction(Some(Transaction::default()));
    ctx.out.simple("OK");
    Ok(())
}

fn exec(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR EXEC without MULTI"))
}

fn discard(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    if ctx.session.transaction.is_none() {
        return Err(Error::fixed("ERR DISCARD without MULTI"));
    }
    ctx.session.set_transaction(None);
    ctx.out.simple("OK");
    Ok(())
}

fn watch(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    if ctx.session.transaction.is_some() {
        return Err(Error::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    ctx.out.simple("OK");
    Ok(())
}

fn unwatch(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.simple("OK");
    Ok(())
}
