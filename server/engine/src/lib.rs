//! redtool-engine
