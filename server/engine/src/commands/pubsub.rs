//! Publish and subscribe. A read-only dataset has no publishers of its own and this milestone no subscribers, so
//! what counts them says none.
use super::help::help;
use crate::context::Context;
use crate::error::{Error, Outcome};

fn pubsub(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn publish(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(0);
    Ok(())
}

fn no_channels(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(0);
    Ok(())
}

fn pubsub_numpat(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(0);
    Ok(())
}

/// Channels and the number of their listeners.
fn no_listeners(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    ctx.out.map(args.len() - 2);
    for channel in &args[2..] {
        ctx.out.bulk(channel);
        ctx.out.int(0);
    }
    Ok(())
}

fn subscribe(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let name = ctx.command.name.to_ascii_uppercase();
    Err(Error::text(format!("ERR {name} is not supported by this server")))
}

/// Leaving channels that were never entered is answered as Redis does: one message for each, or one for none.
fn unsubscribe(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let word = ctx.command.name.as_bytes();
    let channels: Vec<Option<&[u8]>> = match &args[1..] {
        [] => vec![None],
        channels => channels.iter().map(|channel| Some(*channel)).collect(),
    };
    for channel in channels {
        ctx.out.push(3);
        ctx.out.bulk(word);
        match channel {
            Some(channel) => ctx.out.bulk(channel),
            None => ctx.out.null(),
        }
        ctx.out.int(0);
    }
    Ok(())
}
