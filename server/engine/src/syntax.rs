//! The arguments of a command, from one line of text in its row to the tree COMMAND DOCS gives.
//!
//! The text is close to the syntax lines of the Redis documentation, with names and types:
//!
//! | text | an argument |
//! |---|---|
//! | `value` | named so, a string; `key` alone is of type key |
//! | `count:integer` | of this type: `key`, `string`, `integer`, `double`, `pattern`, `unix-time` |
//! | `to:key#1` | found by the second key specification (keys without a number: the first) |
//! | `EX seconds:integer` | after a fixed word, its token |
//! | `KEEPTTL` | that is nothing but its token, named `keepttl` |
//! | `change=CH`, `equal='='` | such a one with a name of its own, or a token that is no word |
//! | <code>where:&lt;MIN&#124;MAX&gt;</code> | one of several |
//! | `limit:(offset:integer count:integer)` | several that belong together, a block |
//! | `[…]` | optional |
//! | `key...` | given once or more; after a token, the token once |
//! | `[GET pattern]...` | given any number of times, each time with its token |
//! | `GET@6.2.0`, `@2.4.0-2.8.12` | there since a version, deprecated since another |
//!
//! A token takes the argument after it, so that a plain token before an argument that is not its
//! own is written `name=TOKEN`.
use std::borrow::Cow;

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl Kind {
    /// The types a text can name, those of groups and tokens being seen from their form.
    const NAMED: [Kind; 6] =
        [Kind::String, Kind::Integer, Kind::Double, Kind::Key, Kind::Pattern, Kind::UnixTime];

    /// Its name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Key => "key",
            Kind::Pattern => "pattern",
            Kind::UnixTime => "unix-time",
            Kind::PureToken => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// An argument of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its type.
    pub kind: Kind,
    /// Which of the command's key specifications finds it.
    pub key_spec: Option<u8>,
    /// The fixed word before it, or that it is.
    pub token: Option<&'a str>,
    /// The Redis version that brought it, where that is not the command's.
    pub since: Option<&'a str>,
    /// The Redis version that advised against it.
    pub deprecated_since: Option<&'a str>,
    /// May be left out.
    pub optional: bool,
    /// May be given more than once.
    pub multiple: bool,
    /// Given more than once, its token is too.
    pub multiple_token: bool,
    /// The alternatives of a oneof, the parts of a block.
    pub arguments: Vec<Argument<'a>>,
}

/// Why a text is no syntax.
#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte of the text.
    pub at: usize,
    /// What would have been right there.
    pub expected: &'static str,
}

/// The arguments that a text describes.
pub fn parse(text: &str) -> Result<Vec<Argument<'_>>, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    let arguments = parser.sequence()?;
    match parser.rest() {
        "" => Ok(arguments),
        _ => Err(parser.expected("an argument")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError { at: self.at, expected }
    }

    fn skip_spaces(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Whether this comes next; if so, it is taken.
    fn take(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    fn require(&mut self, literal: &'static str) -> Result<(), SyntaxError> {
        self.skip_spaces();
        if self.take(literal) {
            return Ok(());
        }
        Err(self.expected(literal))
    }

    /// The longest run of such characters, maybe none.
    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn word(&mut self) -> Result<&'a str, SyntaxError> {
        match self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/')) {
            "" => Err(self.expected("a word")),
            word => Ok(word),
        }
    }

    /// Items up to the end of the text or of the group.
    fn sequence(&mut self) -> Result<Vec<Argument<'a>>, SyntaxError> {
        let mut found = Vec::new();
        loop {
            self.skip_spaces();
            if self.rest().is_empty() || self.rest().starts_with([')', '>', ']', '|']) {
                return Ok(found);
            }
            found.push(self.item()?);
        }
    }

    /// An argument with what says how often it comes.
    fn item(&mut self) -> Result<Argument<'a>, SyntaxError> {
        self.skip_spaces();
        if !self.take("[") {
            return self.repeated();
        }
        let mut argument = self.repeated()?;
        self.require("]")?;
        argument.optional = true;
        if self.take("...") {
            argument.multiple = true;
            argument.multiple_token = true;
        }
        Ok(argument)
    }

    fn repeated(&mut self) -> Result<Argument<'a>, SyntaxError> {
        let mut argument = self.argument()?;
        argument.multiple = self.take("...");
        if self.take("@") {
            argument.since = self.version();
            if self.take("-") {
                argument.deprecated_since = self.version();
            }
        }
        Ok(argument)
    }

    fn version(&mut self) -> Option<&'a str> {
        Some(self.take_while(|c| c.is_ascii_digit() || c == '.')).filter(|found| !found.is_empty())
    }

    /// A token, an argument, or a token and its argument.
    fn argument(&mut self) -> Result<Argument<'a>, SyntaxError> {
        self.skip_spaces();
        if !self.rest().starts_with(|c: char| c.is_ascii_uppercase()) {
            return self.named();
        }
        let token = self.word()?;
        let after_token = self.at;
        self.skip_spaces();
        let lowercase_follows = self.rest().starts_with(|c: char| c.is_ascii_lowercase());
        if self.at == after_token || !lowercase_follows {
            self.at = after_token;
            return Ok(token_alone(token.to_ascii_lowercase().into(), token));
        }
        let mut argument = self.named()?;
        if argument.token.replace(token).is_some() {
            return Err(self.expected("an argument without a token"));
        }
        Ok(argument)
    }

    /// An argument that begins with its name.
    fn named(&mut self) -> Result<Argument<'a>, SyntaxError> {
        let start = self.at;
        self.word()?;
        loop {
            let name = &self.text[start..self.at];
            if self.take("=") {
                return Ok(token_alone(name.into(), self.token()?));
            }
            if !self.take(":") {
                let kind = if name == "key" { Kind::Key } else { Kind::String };
                return self.plain(name, kind);
            }
            if self.take("<") {
                return Ok(Argument { arguments: self.alternatives()?, ..new(name, Kind::OneOf) });
            }
            if self.take("(") {
                let arguments = self.sequence()?;
                self.require(")")?;
                return Ok(Argument { arguments, ..new(name, Kind::Block) });
            }
            // A word that is no type belongs to the name, whose colon this was.
            let word = self.word()?;
            if let Some(kind) = Kind::NAMED.into_iter().find(|kind| kind.name() == word) {
                return self.plain(name, kind);
            }
        }
    }

    fn plain(&mut self, name: &'a str, kind: Kind) -> Result<Argument<'a>, SyntaxError> {
        let mut key_spec = (kind == Kind::Key).then_some(0);
        if self.take("#") {
            let digits = self.take_while(|c| c.is_ascii_digit());
            key_spec = Some(digits.parse().map_err(|_| self.expected("a number"))?);
        }
        Ok(Argument { key_spec, ..new(name, kind) })
    }

    fn token(&mut self) -> Result<&'a str, SyntaxError> {
        if !self.take("'") {
            return self.word();
        }
        let token = self.take_while(|c| c != '\'');
        self.require("'")?;
        Ok(token)
    }

    fn alternatives(&mut self) -> Result<Vec<Argument<'a>>, SyntaxError> {
        let mut found = vec![self.item()?];
        loop {
            self.skip_spaces();
            if self.take(">") {
                return Ok(found);
            }
            self.require("|")?;
            found.push(self.item()?);
        }
    }
}

fn new(name: &str, kind: Kind) -> Argument<'_> {
    Argument {
        name: Cow::Borrowed(name),
        kind,
        key_spec: None,
        token: None,
        since: None,
        deprecated_since: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        arguments: Vec::new(),
    }
}

fn token_alone<'a>(name: Cow<'a, str>, token: &'a str) -> Argument<'a> {
    Argument { name, token: Some(token), ..new("", Kind::PureToken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Argument<'_> {
        let mut found = parse(text).unwrap();
        assert_eq!(found.len(), 1, "{text}");
        found.remove(0)
    }

    #[test]
    fn a_word_is_a_string_unless_it_is_the_key_or_says_its_type() {
        assert_eq!(one("value"), new("value", Kind::String));
        assert_eq!(one("key"), Argument { key_spec: Some(0), ..new("key", Kind::Key) });
        assert_eq!(one("to:key#1"), Argument { key_spec: Some(1), ..new("to", Kind::Key) });
        assert_eq!(one("at:unix-time"), new("at", Kind::UnixTime));
        assert_eq!(one("ip:port:string"), new("ip:port", Kind::String));
    }

    #[test]
    fn a_token_takes_the_argument_after_it_or_stands_alone() {
        let seconds = Argument { token: Some("EX"), ..new("seconds", Kind::Integer) };
        assert_eq!(one("EX seconds:integer"), seconds);
        assert_eq!(one("LIB-NAME"), token_alone("lib-name".into(), "LIB-NAME"));
        assert_eq!(one("change=CH"), token_alone("change".into(), "CH"));
        assert_eq!(one("equal='='"), token_alone("equal".into(), "="));
        assert_eq!(parse("NO ONE").unwrap().len(), 2);
        assert_eq!(parse("no=NO value").unwrap()[1], new("value", Kind::String));
    }

    #[test]
    fn brackets_and_dots_say_how_often() {
        let how_often = |text| {
            let found = one(text);
            (found.optional, found.multiple, found.multiple_token)
        };
        assert_eq!(how_often("a..."), (false, true, false));
        assert_eq!(how_often("[ARGS a...]"), (true, true, false));
        assert_eq!(how_often("[ARGS a]..."), (true, true, true));
    }

    #[test]
    fn groups_nest_and_keep_their_order() {
        let limit = one("[LIMIT limit:(offset:integer by:<MIN|MAX|other>)...@6.2.0-7.0.0]");
        assert_eq!((limit.kind, limit.token), (Kind::Block, Some("LIMIT")));
        assert_eq!((limit.since, limit.deprecated_since), (Some("6.2.0"), Some("7.0.0")));
        let [offset, by] = &limit.arguments[..] else { panic!("{limit:?}") };
        assert_eq!(*offset, new("offset", Kind::Integer));
        let names: Vec<_> = by.arguments.iter().map(|each| &each.name[..]).collect();
        assert_eq!((by.kind, names), (Kind::OneOf, vec!["min", "max", "other"]));
    }

    #[test]
    fn what_is_no_syntax_is_refused_with_its_place() {
        for (text, at) in [
            ("[key", 4),
            ("key]", 3),
            ("a:<B|C", 6),
            ("a:(b", 4),
            ("a:key#", 6),
            ("a='x", 4),
            ("T a=B", 5),
            ("a|b", 1),
            ("é", 0),
        ] {
            assert_eq!(parse(text).map_err(|error| error.at), Err(at), "{text}");
        }
    }
}
