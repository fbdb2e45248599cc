//! Keys renamed: by prefix, then by regular expression.
use crate::error::{Error, Kind, Result};
use regex::bytes::Regex;
use std::borrow::Cow;

/// How keys are renamed.
#[derive(Debug, Default)]
pub(super) struct Rename {
    prefixes: Vec<(Vec<u8>, Vec<u8>)>,
    regexes: Vec<(Regex, Vec<u8>)>,
}

impl Rename {
    pub(super) fn new(
        prefixes: Vec<(Vec<u8>, Vec<u8>)>,
        regexes: Vec<(String, Vec<u8>)>,
    ) -> Result<Self> {
        let compile = |(text, to): (String, Vec<u8>)| match Regex::new(&text) {
            Ok(regex) => Ok((regex, to)),
            Err(error) => Err(Error::new(Kind::Usage, error.to_string())),
        };
        let regexes = regexes.into_iter().map(compile).collect::<Result<_>>()?;
        Ok(Self { prefixes, regexes })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.regexes.is_empty()
    }

    /// The new name of a key.
    pub(super) fn apply<'k>(&self, key: &'k [u8]) -> Cow<'k, [u8]> {
        let by_prefix = self.prefixes.iter().find_map(|(from, to)| {
            key.strip_prefix(&from[..]).map(|rest| Cow::Owned([&to[..], rest].concat()))
        });
        let key = by_prefix.unwrap_or(Cow::Borrowed(key));
        match self.regexes.iter().find(|(regex, _)| regex.is_match(&key)) {
            Some((regex, to)) => Cow::Owned(regex.replace_all(&key, &to[..]).into_owned()),
            None => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(prefixes: &[(&str, &str)], regexes: &[(&str, &str)], key: &[u8]) -> String {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let prefixes = prefixes.iter().map(|(from, to)| (bytes(from), bytes(to))).collect();
        let regexes = regexes.iter().map(|(from, to)| ((*from).to_owned(), bytes(to))).collect();
        let rename = Rename::new(prefixes, regexes).unwrap();
        String::from_utf8_lossy(&rename.apply(key)).into_owned()
    }

    #[test]
    fn the_first_prefix_that_fits_counts() {
        let prefixes = [("user:", "u:"), ("user", "x"), ("", "all:")];
        assert_eq!(renamed(&prefixes, &[], b"user:1"), "u:1");
        assert_eq!(renamed(&prefixes, &[], b"users"), "xs");
        assert_eq!(renamed(&prefixes, &[], b"a"), "all:a");
        assert_eq!(renamed(&prefixes[..1], &[], b"a:user:"), "a:user:");
    }

    #[test]
    fn the_first_expression_that_is_found_counts_and_has_groups() {
        let regexes = [(r"^(\w+):(\d+)$", "$2/$1"), ("a", "b")];
        assert_eq!(renamed(&[], &regexes, b"aa:12"), "12/aa");
        assert_eq!(renamed(&[], &regexes, b"aa:x"), "bb:x");
        assert_eq!(renamed(&[("x", "a")], &regexes, b"x"), "b");
    }

    #[test]
    fn bytes_that_are_no_text_are_matched_too() {
        let rename = Rename::new(Vec::new(), vec![(r"(?-u)\xff".into(), b"f".to_vec())]).unwrap();
        assert_eq!(*rename.apply(b"a\xff\xfe"), b"af\xfe"[..]);
        assert!(Rename::new(Vec::new(), vec![("(".into(), Vec::new())]).is_err());
    }
}
