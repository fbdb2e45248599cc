//! Reading zset values.
