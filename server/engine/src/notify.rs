//! Keyspace notifications: which are wanted, and how they are spelled.

/// Classes of events: bits, with the letters of `notify-keyspace-events`.
pub mod class {
    #![allow(missing_docs)]
    pub const KEYSPACE: u32 = 1;
    pub const KEYEVENT: u32 = 1 << 1;
    pub const GENERIC: u32 = 1 << 2;
    pub const STRING: u32 = 1 << 3;
    pub const LIST: u32 = 1 << 4;
    pub const SET: u32 = 1 << 5;
    pub const HASH: u32 = 1 << 6;
    pub const ZSET: u32 = 1 << 7;
    pub const EXPIRED: u32 = 1 << 8;
    pub const EVICTED: u32 = 1 << 9;
    pub const STREAM: u32 = 1 << 10;
    pub const KEY_MISS: u32 = 1 << 11;
    pub const MODULE: u32 = 1 << 12;
    pub const NEW: u32 = 1 << 13;
    /// `A`: all but the misses and the new keys.
    pub const ALL: u32 =
        GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;
}

/// Letters in the order in which a server shows them.
const LETTERS: [(u8, u32); 12] = [
    (b'g', class::GENERIC),
    (b'$', class::STRING),
    (b'l', class::LIST),
    (b's', class::SET),
    (b'h', class::HASH),
    (b'z', class::ZSET),
    (b'x', class::EXPIRED),
    (b'e', class::EVICTED),
    (b't', class::STREAM),
    (b'd', class::MODULE),
    (b'n', class::NEW),
    (b'm', class::KEY_MISS),
];

/// The classes that a setting names; None when a letter is unknown.
pub fn parse(text: &[u8]) -> Option<u32> {
    let mut wanted = 0;
    for letter in text {
        wanted |= match letter {
            b'A' => class::ALL,
            b'K' => class::KEYSPACE,
            b'E' => class::KEYEVENT,
            letter => LETTERS.iter().find(|(known, _)| known == letter)?.1,
        };
    }
    Some(wanted)
}

/// The setting, as CONFIG GET shows it.
pub fn show(wanted: u32) -> String {
    let mut text = String::new();
    let all = wanted & class::ALL == class::ALL;
    if all {
        text.push('A');
    }
    for (letter, class) in LETTERS {
        if wanted & class != 0 && !(all && class & class::ALL != 0) {
            text.push(char::from(letter));
        }
    }
    for (letter, class) in [('K', class::KEYSPACE), ('E', class::KEYEVENT)] {
        if wanted & class != 0 {
            text.push(letter);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_shown_as_servers_show_it() {
        for (given, shown) in [("", ""), ("KEA", "AKE"), ("gE$lK", "g$lKE"), ("Am", "Am")] {
            assert_eq!(show(parse(given.as_bytes()).unwrap()), shown, "{given}");
        }
        assert_eq!(parse(b"KQ"), None);
    }
}
