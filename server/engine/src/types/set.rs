//! Reading set values.
