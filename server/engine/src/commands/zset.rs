//! Commands of the group zset.
use crate::command::flag::{FAST, READONLY};
use crate::command::Group::SortedSet;
use crate::command::{row, Command};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::keyspec::{READ_COUNTED, READ_KEY, READ_META};

fn later(_: &mut Context<'_>, _: &[&[u8]]) -> Outcome {
    Err(Error::fixed("ERR command is not there yet"))
}

/// The rows.
#[rustfmt::skip]
pub const COMMANDS: &[Command] = &[
    row("zcard", 2, READONLY | FAST, READ_META, SortedSet, "1.2.0", later)
        .docs("O(1)", "Number of members."),
    row("zcount", 4, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", later)
        .docs("O(log(N))", "Number of members between two scores."),
    row("zdiff", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", later)
        .docs("O(L+(N-K)*log(N))", "Members of the first sorted set that no other has.")
        ,
    row("zinter", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", later)
        .docs("O(N*K)+O(M*log(M))", "Members that are in all sorted sets."),
    row("zintercard", -3, READONLY, READ_COUNTED, SortedSet, "7.0.0", later)
        .docs("O(N*K)", "Number of members that are in all sorted sets."),
    row("zlexcount", 4, READONLY | FAST, READ_KEY, SortedSet, "2.8.9", later)
        .docs("O(log(N))", "Number of members between two texts."),
    row("zmscore", -3, READONLY | FAST, READ_KEY, SortedSet, "6.2.0", later)
        .docs("O(N)", "Scores of several members."),
    row("zrandmember", -2, READONLY, READ_KEY, SortedSet, "6.2.0", later)
        .docs("O(N)", "Random members.").tips(&["nondeterministic_output"]),
    row("zrange", -4, READONLY, READ_KEY, SortedSet, "1.2.0", later)
        .docs("O(log(N)+M)", "Members between two ranks, scores or texts."),
    row("zrangebylex", -4, READONLY, READ_KEY, SortedSet, "2.8.9", later)
        .docs("O(log(N)+M)", "Members between two texts."),
    row("zrangebyscore", -4, READONLY, READ_KEY, SortedSet, "1.0.5", later)
        .docs("O(log(N)+M)", "Members between two scores."),
    row("zrank", 3, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", later)
        .docs("O(log(N))", "Rank of a member, lowest score first."),
    row("zrevrange", -4, READONLY, READ_KEY, SortedSet, "1.2.0", later)
        .docs("O(log(N)+M)", "Members between two ranks, highest first."),
    row("zrevrangebylex", -4, READONLY, READ_KEY, SortedSet, "2.8.9", later)
        .docs("O(log(N)+M)", "Members between two texts, last first."),
    row("zrevrangebyscore", -4, READONLY, READ_KEY, SortedSet, "2.2.0", later)
        .docs("O(log(N)+M)", "Members between two scores, highest first."),
    row("zrevrank", 3, READONLY | FAST, READ_KEY, SortedSet, "2.0.0", later)
        .docs("O(log(N))", "Rank of a member, highest score first."),
    row("zscan", -3, READONLY, READ_KEY, SortedSet, "2.8.0", later)
        .docs("O(1)", "Members with scores, a few at a time.").tips(&["nondeterministic_output"]),
    row("zscore", 3, READONLY | FAST, READ_KEY, SortedSet, "1.2.0", later)
        .docs("O(1)", "Score of a member."),
    row("zunion", -3, READONLY, READ_COUNTED, SortedSet, "6.2.0", later)
        .docs("O(N)+O(M*log(M))", "Members that are in any of the sorted sets."),
];
