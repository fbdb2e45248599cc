//! Reading geo values.
