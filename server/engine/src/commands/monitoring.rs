//! LATENCY, SLOWLOG, MEMORY, MODULE: true answers of a server that measures little and loads no modules.
use super::help::help;
use crate::args;
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::process;
use crate::value;
use redtool_format::number;

fn container(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::SYNTAX)
}

fn empty_array(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.array(0);
    Ok(())
}

fn empty_map(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.map(0);
    Ok(())
}

fn zero(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.int(0);
    Ok(())
}

fn ok(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.simple("OK");
    Ok(())
}

fn latency_graph(_: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let event = args::shown(args[2], 128);
    Err(Error::text(format!("ERR No samples available for event '{event}'")))
}

fn latency_doctor(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.verbatim("txt", b"Latency is not monitored by this server.\n");
    Ok(())
}

fn slowlog_get(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    if let Some(count) = args.get(2) {
        args::int_from(count, -1, "ERR count should be greater than or equal to -1")?;
    }
    ctx.out.array(0);
    Ok(())
}

fn module_refused(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR this server loads no modules"))
}

fn memory_doctor(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.verbatim("txt", b"The dataset is read from its store: memory holds no keys.\n");
    Ok(())
}

fn memory_malloc_stats(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    ctx.out.verbatim("txt", b"Stats not supported for the current allocator");
    Ok(())
}

/// MEMORY USAGE key [SAMPLES count]: bytes of the key's records, all of them whatever count says.
fn memory_usage(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    for pair in args[3..].chunks(2) {
        let [word, count] = *pair else { return Err(Error::SYNTAX) };
        if !args::is(word, "samples") {
            return Err(Error::SYNTAX);
        }
        number::parse_i64(count).ok_or(Error::NOT_INTEGER)?;
        args::int_from(count, 0, "ERR syntax error")?;
    }
    match ctx.lookup(args[2])? {
        None => ctx.out.null(),
        Some(found) => {
            let segments = value::segment_bytes(ctx.reader, &found.object()?)?;
            let bytes = args[2].len() as u64 + found.record().len() as u64 + segments;
            ctx.out.int(bytes as i64);
        }
    }
    Ok(())
}

fn memory_stats(ctx: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    let resident = process::resident_bytes();
    let keys: u64 = ctx.dataset.all_counts().map(|(_, counts)| counts.keys).sum();
    let facts = [
        ("peak.allocated", process::peak_bytes()),
        ("total.allocated", resident),
        ("startup.allocated", 0),
        ("replication.backlog", 0),
        ("clients.slaves", 0),
        ("clients.normal", 0),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
        ("overhead.total", resident),
        ("keys.count", keys),
        ("keys.bytes-per-key", 0),
        ("dataset.bytes", 0),
    ];
    ctx.out.map(facts.len());
    for (name, value) in facts {
        ctx.out.bulk(name.as_bytes());
        ctx.out.int(value as i64);
    }
    Ok(())
}
