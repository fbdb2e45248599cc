//! DUMP payloads.
