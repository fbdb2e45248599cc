//! The HELP subcommand of every container command, made from the rows.
use crate::context::Context;
use crate::error::Outcome;
use crate::table;

/// Lists the subcommands of the command in `args[0]`, each with its summary.
pub fn help(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let Some((_, parent)) = table::find(args[0]) else { return Ok(()) };
    let name = parent.name.to_ascii_uppercase();
    ctx.out.array(1 + 2 * parent.subcommands.len());
    ctx.out.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for sub in parent.subcommands {
        ctx.out.simple(&sub.name.to_ascii_uppercase());
        ctx.out.simple(&format!("    {}", sub.summary));
    }
    Ok(())
}
