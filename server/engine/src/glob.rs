//! Glob patterns as Redis matches them: `*`, `?`, `[a-z]`, `[^a-z]`, `\x`.
//!
//! Facts kept from Redis 7: an unclosed class ends with the pattern; an escape inside a class is
//! honoured; a lone `\` at the end matches itself; a range is taken in either order; `[^` negates,
//! `[!` does not. Matching never explodes: only the last `*` is ever returned to, so the cost is at
//! most pattern × text.

/// Whether `text` matches `pattern`; `nocase` folds ASCII letters.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            star = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p >= pattern.len();
        }
        if p < pattern.len() {
            if let Some(next) = match_one(pattern, p, text[t], nocase) {
                p = next;
                t += 1;
                continue;
            }
        }
        match star {
            Some((after, from)) => {
                p = after;
                t = from + 1;
                star = Some((after, t));
            }
            None => return false,
        }
    }
}

/// Matches one byte against the pattern element at `p`; gives the index after it.
fn match_one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    match pattern[p] {
        b'?' => Some(p + 1),
        b'[' => {
            let (matched, next) = match_class(pattern, p + 1, byte, nocase);
            matched.then_some(next)
        }
        b'\\' if p + 1 < pattern.len() => same(pattern[p + 1], byte, nocase).then_some(p + 2),
        literal => same(literal, byte, nocase).then_some(p + 1),
    }
}

/// Matches a class whose first byte after `[` is at `p`; gives the index after its `]`.
fn match_class(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> (bool, usize) {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
    let mut matched = false;
    while p < pattern.len() {
        let rest = &pattern[p..];
        match *rest {
            [b'\\', escaped, ..] => {
                matched |= escaped == byte;
                p += 2;
            }
            [b']', ..] => return (matched != negated, p + 1),
            [start, b'-', end, ..] => {
                let (low, high) = (fold(start.min(end)), fold(start.max(end)));
                matched |= (low..=high).contains(&fold(byte));
                p += 3;
            }
            [single, ..] => {
                matched |= same(single, byte, nocase);
                p += 1;
            }
            [] => break,
        }
    }
    (matched != negated, p)
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

/// The bytes every match starts with, and whether the pattern is nothing but them.
pub fn literal_prefix(pattern: &[u8]) -> (Vec<u8>, bool) {
    let mut prefix = Vec::new();
    let mut p = 0;
    while p < pattern.len() {
        match pattern[p] {
            b'*' | b'?' | b'[' => return (prefix, false),
            b'\\' if p + 1 < pattern.len() => {
                prefix.push(pattern[p + 1]);
                p += 2;
            }
            literal => {
                prefix.push(literal);
                p += 1;
            }
        }
    }
    (prefix, true)
}

#[cfg(test)]
mod tests {
    use super::{literal_prefix, matches};

    #[test]
    fn patterns_mean_what_they_mean_to_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("h?llo", "hello", true),
            ("h*o", "hello world, o", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h[!e]llo", "h!llo", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("[", "[", false),
            ("*a*b*c", "xxaxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes(), false), expected, "{pattern}");
        }
        assert!(matches(b"HeL[K-M]o", b"hello", true));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = [b"a*".repeat(60), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(20_000), false));
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_special_byte() {
        assert_eq!(literal_prefix(b"user:*"), (b"user:".to_vec(), false));
        assert_eq!(literal_prefix(b"a\\*b?"), (b"a*b".to_vec(), false));
        assert_eq!(literal_prefix(b"plain"), (b"plain".to_vec(), true));
        assert_eq!(literal_prefix(b"[x]"), (Vec::new(), false));
    }
}
