//! redtool-net
