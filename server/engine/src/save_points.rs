//! When a dataset in memory is saved unasked: redis.conf's `save`, pairs of seconds and changes.
//! `900 1` saves what has changed when the last save is more than 900 seconds ago.
use std::fmt;

/// The pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavePoints(Vec<(u64, u64)>);

/// What a server has that is told nothing else.
pub const DEFAULT: &str = "3600 1 300 100 60 10000";
/// So long after a save that failed it is not tried again.
const RETRY_S: u64 = 5;

/// How a dataset stands to its last save.
pub struct Standing {
    /// Changes since.
    pub changes: u64,
    /// Seconds since it ended well, or since the start.
    pub age_s: u64,
    /// Seconds since the last one that failed, if none has ended well after it.
    pub failed_s: Option<u64>,
}

impl SavePoints {
    /// Reads the pairs, between single spaces; None, when something else is among them.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let words: Vec<&str> = text.split(' ').collect();
        let pairs = words.chunks(2).map(|pair| {
            let [seconds, changes] = pair else { return None };
            let seconds = seconds.parse::<u32>().ok().filter(|seconds| *seconds > 0)?;
            Some((u64::from(seconds), u64::from(changes.parse::<u32>().ok()?)))
        });
        pairs.collect::<Option<_>>().map(Self)
    }

    /// Whether a save is due.
    pub fn is_due(&self, standing: &Standing) -> bool {
        let may_try = standing.failed_s.is_none_or(|failed_s| failed_s > RETRY_S);
        let Standing { changes, age_s, .. } = standing;
        may_try && self.0.iter().any(|(after_s, least)| changes >= least && age_s > after_s)
    }

    /// Nothing is saved unasked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for SavePoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(s, n)| format!("{s} {n}")).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(changes: u64, age_s: u64, failed_s: Option<u64>) -> Standing {
        Standing { changes, age_s, failed_s }
    }

    #[test]
    fn a_save_is_due_when_a_pair_is_reached_in_both() {
        let points = SavePoints::parse(DEFAULT).unwrap();
        assert_eq!(points.to_string(), DEFAULT);
        assert!(points.is_due(&standing(1, 3601, None)));
        assert!(points.is_due(&standing(100, 301, None)));
        assert!(!points.is_due(&standing(99, 301, None)));
        assert!(!points.is_due(&standing(10_000, 60, None)));
        assert!(!points.is_due(&standing(0, 9999, None)));
    }

    #[test]
    fn one_that_failed_is_not_tried_again_at_once() {
        let points = SavePoints::parse("1 1").unwrap();
        assert!(!points.is_due(&standing(1, 100, Some(5))));
        assert!(points.is_due(&standing(1, 100, Some(6))));
    }

    #[test]
    fn what_are_no_pairs_is_refused() {
        for text in ["x", " ", "1", "1 1 2", "0 1", "10 -1", "-1 1", "10  0", " 10 0"] {
            assert_eq!(SavePoints::parse(text), None, "{text}");
        }
        assert_eq!(SavePoints::parse("10 0").unwrap().to_string(), "10 0");
        assert!(SavePoints::parse("").unwrap().is_empty());
    }
}
