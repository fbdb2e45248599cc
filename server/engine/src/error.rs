//! Errors a command answers with. The texts are Redis', code first.
use redtool_format::FormatError;
use redtool_store::StoreError;
use std::borrow::Cow;
use std::fmt;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// The error reply, without the leading `-`.
    Reply(Cow<'static, str>),
    /// The same, of a script, of an error that was counted when a command answered with it.
    Counted(String),
    /// The store, or a record in it, is in trouble.
    Store(StoreError),
}

/// What a command function gives: its reply is written, or this error is to be.
pub type Outcome = Result<(), Error>;

impl Error {
    /// A fixed error reply.
    pub const fn fixed(text: &'static str) -> Self {
        Error::Reply(Cow::Borrowed(text))
    }
    /// An error reply made up at run time.
    pub fn text(text: String) -> Self {
        Error::Reply(Cow::Owned(text))
    }
    /// The same, said of the store.
    pub fn into_store(self) -> StoreError {
        match self {
            Error::Store(error) => error,
            Error::Reply(text) => StoreError::Corrupt(text.into_owned()),
            Error::Counted(text) => StoreError::Corrupt(text),
        }
    }
    /// The key holds another type.
    pub const WRONG_TYPE: Error =
        Error::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// The arguments do not parse.
    pub const SYNTAX: Error = Error::fixed("ERR syntax error");
    /// Not a 64-bit integer.
    pub const NOT_INTEGER: Error = Error::fixed("ERR value is not an integer or out of range");
    /// Not a double.
    pub const NOT_FLOAT: Error = Error::fixed("ERR value is not a valid float");
    /// A sum is beyond the range of its type.
    pub const NOT_FINITE: Error = Error::fixed("ERR increment would produce NaN or Infinity");
    /// A value was asked of a connection that has not logged in.
    pub const NO_AUTH: Error = Error::fixed("NOAUTH Authentication required.");
    /// The key must exist.
    pub const NO_SUCH_KEY: Error = Error::fixed("ERR no such key");
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Reply(text) => f.write_str(text),
            Error::Counted(text) => f.write_str(text),
            Error::Store(error) => write!(f, "ERR the dataset cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Error::Store(error)
    }
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        Error::Store(error.into())
    }
}
