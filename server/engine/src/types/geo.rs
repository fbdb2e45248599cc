//! Geo
