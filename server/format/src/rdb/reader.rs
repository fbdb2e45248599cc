//! The frame.
/// A record of the frame.
pub struct Record;
/// A key.
pub struct KeyRecord;
/// Reads records.
pub struct Reader;
