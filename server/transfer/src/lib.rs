//! redtool-transfer
