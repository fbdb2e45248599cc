//! LCS: the longest common subsequence of two strings, by the table of all prefixes.
//!
//! Among equally long subsequences Redis' own walk back through the table is followed, so that the
//! ranges are the same.
use crate::args;
use crate::context::{Context, Found};
use crate::error::{Error, Outcome};
use crate::types::string::StringValue;
use redtool_format::rdb::{Kind, Str};
use redtool_format::resp::Writer;

/// The table may take this many bytes, Redis' default of proto-max-bulk-len.
const TABLE_MAX_BYTES: usize = 512 << 20;

#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    with_match_len: bool,
    min_match_len: usize,
}

/// LCS key key [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]
pub fn lcs(ctx: &mut Context<'_>, args: &[&[u8]]) -> Outcome {
    let (found_a, found_b) = (ctx.lookup(args[1])?, ctx.lookup(args[2])?);
    let a = string_or_empty(ctx, found_a.as_ref())?;
    let b = string_or_empty(ctx, found_b.as_ref())?;
    let options = Options::parse(&args[3..])?;
    let cells = Table::cells(a.len(), b.len())?;
    let (a, b) = (a.whole()?, b.whole()?);
    let table = Table::build(&a, &b, cells);
    if options.len {
        ctx.out.int(i64::from(table.at(a.len(), b.len())));
        return Ok(());
    }
    if options.idx {
        reply_ranges(ctx.out, &options, &table, &a, &b);
        return Ok(());
    }
    let mut common = Vec::new();
    table.walk_back(&a, &b, |range| {
        common.extend(a[range.a_start..=range.a_end].iter().rev());
    });
    common.reverse();
    ctx.out.bulk(&common);
    Ok(())
}

fn string_or_empty<'f>(
    ctx: &Context<'f>,
    found: Option<&'f Found<'_>>,
) -> Result<StringValue<'f>, Error> {
    const NOT_STRINGS: Error = Error::fixed("ERR The specified keys must contain string values");
    let Some(found) = found else { return Ok(StringValue::Inline(Str::Raw(b""))) };
    let object = found.object()?;
    if object.kind != Kind::String {
        return Err(NOT_STRINGS);
    }
    StringValue::open(ctx.reader, &object)
}

impl Options {
    fn parse(args: &[&[u8]]) -> Result<Self, Error> {
        let mut options = Options::default();
        let mut rest = args;
        while let [word, after @ ..] = rest {
            rest = after;
            if args::is(word, "idx") {
                options.idx = true;
            } else if args::is(word, "len") {
                options.len = true;
            } else if args::is(word, "withmatchlen") {
                options.with_match_len = true;
            } else if let ([value, after @ ..], true) = (rest, args::is(word, "minmatchlen")) {
                options.min_match_len = usize::try_from(args::int(value)?).unwrap_or(0);
                rest = after;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if options.idx && options.len {
            return Err(Error::fixed(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

/// A run that both strings share; indexes are of the first and last byte.
struct Range {
    a_start: usize,
    a_end: usize,
    b_start: usize,
    b_end: usize,
}

fn reply_ranges(out: &mut Writer, options: &Options, table: &Table, a: &[u8], b: &[u8]) {
    out.map(2);
    out.bulk(b"matches");
    let place = out.begin_deferred();
    let mut matches = 0;
    table.walk_back(a, b, |range| {
        let len = range.a_end - range.a_start + 1;
        if len < options.min_match_len {
            return;
        }
        matches += 1;
        out.array(2 + usize::from(options.with_match_len));
        for (start, end) in [(range.a_start, range.a_end), (range.b_start, range.b_end)] {
            out.array(2);
            out.int(start as i64);
            out.int(end as i64);
        }
        if options.with_match_len {
            out.int(len as i64);
        }
    });
    out.end_deferred_array(place, matches);
    out.bulk(b"len");
    out.int(i64::from(table.at(a.len(), b.len())));
}

/// Lengths of the longest common subsequences of all pairs of prefixes.
struct Table {
    cells: Vec<u32>,
    width: usize,
}

impl Table {
    /// How many cells the table of two strings has, known before these are read.
    fn cells(a_bytes: usize, b_bytes: usize) -> Result<usize, Error> {
        let cells = a_bytes.saturating_add(1).saturating_mul(b_bytes.saturating_add(1));
        if cells.saturating_mul(4) > TABLE_MAX_BYTES {
            return Err(Error::fixed(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
            ));
        }
        Ok(cells)
    }

    fn build(a: &[u8], b: &[u8], cells: usize) -> Self {
        let width = b.len() + 1;
        let mut table = Table { cells: vec![0; cells], width };
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table.cells[i * width + j] = if a[i - 1] == b[j - 1] {
                    table.at(i - 1, j - 1) + 1
                } else {
                    table.at(i - 1, j).max(table.at(i, j - 1))
                };
            }
        }
        table
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// Gives the runs of the subsequence, from the last.
    fn walk_back(&self, a: &[u8], b: &[u8], mut emit: impl FnMut(&Range)) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut run: Option<Range> = None;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match &mut run {
                    Some(range) => (range.a_start, range.b_start) = (i, j),
                    None => run = Some(Range { a_start: i, a_end: i, b_start: j, b_end: j }),
                }
                if i > 0 && j > 0 {
                    continue;
                }
            } else if self.at(i - 1, j) > self.at(i, j - 1) {
                i -= 1;
            } else {
                j -= 1;
            }
            if let Some(range) = run.take() {
                emit(&range);
            }
        }
    }
}
