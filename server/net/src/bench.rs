//! What the connections of one event loop share: the engine, the buffers that a turn works in.
use crate::execute::ArgList;
use crate::options::Options;
use redtool_engine::counters::Counters;
use redtool_format::resp::{Parser, Writer};
use std::sync::Arc;

/// Read at once; also about the longest pipeline answered with one write.
const READ_BYTES: usize = 64 * 1024;

/// What the connections of one event loop share.
pub(crate) struct Bench<E> {
    pub engine: E,
    pub counters: Arc<Counters>,
    pub query_limit_bytes: usize,
    pub output_pause_bytes: usize,
    /// Unix ms, read once a round of the loop.
    pub now_ms: i64,
    pub input: Box<[u8]>,
    pub out: Writer,
    pub args: ArgList,
    /// Finds requests before it is their turn.
    pub ahead: Parser,
}

impl<E> Bench<E> {
    pub fn new(engine: E, counters: Arc<Counters>, options: &Options) -> Self {
        Self {
            engine,
            counters,
            query_limit_bytes: options.client_query_buffer_limit_bytes,
            output_pause_bytes: options.client_output_pause_bytes,
            now_ms: 0,
            input: vec![0; READ_BYTES].into_boxed_slice(),
            out: Writer::new(),
            args: ArgList::default(),
            ahead: Parser::default(),
        }
    }
}
