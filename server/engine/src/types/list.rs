//! Reading list values.
