//! Saving, and stopping, before which it is saved. How: [`crate::dump`].
use super::info::last_save_s;
use crate::args;
use crate::command::flag::{
    ADMIN, ALLOW_BUSY, FAST, LOADING, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI, STALE,
};
use crate::command::Group::Server;
use crate::command::{category, write_row, Command};
use crate::dump::Job;
use crate::error::{Error, Outcome};
use crate::keyspec::NO_KEYS;
use crate::session::Waiting;
use crate::write::Writing;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

fn lastsave(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    let saved_s = last_save_s(ws);
    ws.out.int(saved_s);
    Ok(())
}

impl Writing<'_> {
    /// Whether there is a store, or a file, that it is saved in.
    pub(super) fn can_save(&self) -> bool {
        self.keys.space.is_durable() || self.dataset.dump_path().is_some()
    }
}

/// Refuses to save what cannot be.
fn check_saving(ws: &Writing<'_>) -> Outcome {
    if ws.dataset.readonly() {
        let text = "ERR the dataset is served read-only: there is nothing to save";
        return Err(Error::fixed(text));
    }
    if !ws.can_save() {
        return Err(Error::fixed(
            "ERR this dataset is kept in memory only: start with --dir to save it",
        ));
    }
    Ok(())
}

/// Refuses to begin again, as Redis does, what is under way.
fn check_idle(ws: &Writing<'_>) -> Outcome {
    if ws.dataset.is_dumping.load(Relaxed) {
        return Err(Error::fixed("ERR Background save already in progress"));
    }
    Ok(())
}

/// Has a job done for this client, who waits for its reply.
fn wait_for(ws: &mut Writing<'_>, job: Job) -> Outcome {
    ws.dataset.ask(ws.keys, job)?;
    ws.session.waiting = Some(Waiting { until: None });
    Ok(())
}

/// SAVE: answered when everything so far is durable.
fn save(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    check_saving(ws)?;
    check_idle(ws)?;
    if !ws.may_wait {
        // There is no server, and everything is saved when the dataset is closed.
        ws.out.simple("OK");
        return Ok(());
    }
    let client = Arc::clone(&ws.session.info);
    wait_for(ws, Job::Save(Some(client)))
}

fn save_soon(ws: &mut Writing<'_>) -> Outcome {
    match ws.session.info.fd >= 0 {
        true => Ok(ws.dataset.ask(ws.keys, Job::Save(None))?),
        false => Ok(()),
    }
}

/// BGSAVE [SCHEDULE]
fn bgsave(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    if !args[1..].iter().all(|word| args::is(word, "schedule")) || args.len() > 2 {
        return Err(Error::SYNTAX);
    }
    check_saving(ws)?;
    if args.len() == 1 {
        check_idle(ws)?;
    }
    let is_busy = ws.dataset.is_dumping.load(Relaxed);
    save_soon(ws)?;
    let word = if is_busy { "scheduled" } else { "started" };
    ws.out.simple(&format!("Background saving {word}"));
    Ok(())
}

/// BGREWRITEAOF: there is no such file, and the dataset is saved as it is saved here.
fn bgrewriteaof(ws: &mut Writing<'_>, _: &[&[u8]]) -> Outcome {
    check_saving(ws)?;
    save_soon(ws)?;
    ws.out.simple("Background append only file rewriting started");
    Ok(())
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
fn shutdown(ws: &mut Writing<'_>, args: &[&[u8]]) -> Outcome {
    let has = |word: &str| args[1..].iter().any(|arg| args::is(arg, word));
    const WORDS: [&str; 5] = ["nosave", "save", "now", "force", "abort"];
    let known = args[1..].iter().all(|arg| WORDS.iter().any(|word| args::is(arg, word)));
    if !known || has("abort") && args.len() > 2 || has("save") && has("nosave") {
        return Err(Error::SYNTAX);
    }
    if has("abort") {
        return Err(Error::fixed("ERR No shutdown in progress."));
    }
    let forced = has("force");
    match check_saving(ws) {
        Ok(()) if ws.may_wait && !has("nosave") => {
            let client = Arc::clone(&ws.session.info);
            return wait_for(ws, Job::End { client, forced });
        }
        Err(error) if has("save") && !forced && !ws.dataset.readonly() => return Err(error),
        _ => {}
    }
    let state = ws.dataset.state();
    state.ends_unsaved.store(has("nosave"), Relaxed);
    state.shutdown.store(true, Relaxed);
    ws.session.close_after_reply = true;
    Ok(())
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    write_row("lastsave", 1, LOADING | STALE | FAST, NO_KEYS, Server, "1.0.0", lastsave)
        .docs("O(1)", "When the data was last saved.")
        .acl(category::ADMIN | category::DANGEROUS).tips(&["nondeterministic_output"]),
    write_row("save", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
        NO_KEYS, Server, "1.0.0", save)
        .docs("O(N)", "Saves to disk now."),
    write_row("bgsave", -1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        NO_KEYS, Server, "1.0.0", bgsave)
        .args("[SCHEDULE@3.2.2]")
        .docs("O(1)", "Saves to disk in the background."),
    write_row("bgrewriteaof", 1, ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        NO_KEYS, Server, "1.0.0", bgrewriteaof)
        .docs("O(1)", "Rewrites the append-only file in the background."),
    write_row("shutdown", -1, ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
        NO_KEYS, Server, "1.0.0", shutdown)
        .args("[nosave_save:<NOSAVE|SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]")
        .docs("O(N)", "Stops the server."),
];
