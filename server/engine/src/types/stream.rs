//! Reading stream values.
