//! Random picks, for HRANDFIELD, SRANDMEMBER and ZRANDMEMBER.
use super::groups::Group;
use super::{Flow, Result, ON, STOP};
use redtool_format::encodings::IntBuf;
pub use redtool_store::random::Random;
use std::collections::HashSet;

/// What can be picked from.
pub trait Pool {
    /// Number of elements.
    fn count(&self) -> Result<u64>;
    /// Whether a walk over everything is to be avoided.
    fn is_big(&self) -> bool;
    /// Hands every element to `f` until it stops.
    fn each(&self, f: &mut dyn FnMut(Group<'_>) -> Result<Flow>) -> Result<()>;
    /// Hands one random element to `f`; none when there are none.
    fn one(&self, random: &mut Random, f: &mut dyn FnMut(Group<'_>) -> Result<()>) -> Result<()>;
}

/// Of a big pool, up to this part of the elements is picked one by one.
const SPARSE: u64 = 3;

/// Hands `count` different elements of the pool's `len` to `f` (all of them when there are fewer).
pub fn distinct(
    pool: &dyn Pool,
    len: u64,
    count: u64,
    random: &mut Random,
    f: &mut dyn FnMut(Group<'_>) -> Result<()>,
) -> Result<()> {
    if pool.is_big() && count < len / SPARSE {
        return sparse(pool, count, random, f);
    }
    let (mut wanted, mut left) = (count.min(len), len);
    pool.each(&mut |group| {
        if wanted == 0 {
            return Ok(STOP);
        }
        // Each element is taken with the chance that makes every choice of `wanted` out of `left`
        // equally likely.
        if random.below(left) < wanted {
            f(group)?;
            wanted -= 1;
        }
        left = left.saturating_sub(1).max(1);
        Ok(ON)
    })
}

fn sparse(
    pool: &dyn Pool,
    count: u64,
    random: &mut Random,
    f: &mut dyn FnMut(Group<'_>) -> Result<()>,
) -> Result<()> {
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    // The bound only matters for a damaged collection that states more elements than it has.
    let mut tries = count.saturating_mul(64);
    while (seen.len() as u64) < count && tries > 0 {
        tries -= 1;
        pool.one(random, &mut |group| {
            if seen.insert(group[0].bytes(&mut IntBuf::new()).to_vec()) {
                f(group)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Hands `count` elements to `f`; one may come several times.
pub fn repeated(
    pool: &dyn Pool,
    count: u64,
    random: &mut Random,
    f: &mut dyn FnMut(Group<'_>) -> Result<()>,
) -> Result<()> {
    (0..count).try_for_each(|_| pool.one(random, f))
}

/// Picks as Redis' commands do: `count` different elements, or, when it is negative, as many with
/// repetition.
pub fn pick(pool: &dyn Pool, count: i64, f: &mut dyn FnMut(Group<'_>) -> Result<()>) -> Result<()> {
    let (mut random, wanted) = (Random::new(), count.unsigned_abs());
    if count >= 0 {
        distinct(pool, pool.count()?, wanted, &mut random, f)
    } else if pool.count()? > 0 {
        repeated(pool, wanted, &mut random, f)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_a_bound_reach_all_of_them_and_no_other() {
        let mut random = Random::seeded(7);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[random.below(5) as usize] += 1;
        }
        assert!(seen.iter().all(|count| *count > 150), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }
}
