//! What must hold for any bytes as a whole file, or as what a client sends.
use redtool_format::rdb::check::{Checker, Depth};
use redtool_format::rdb::reader::{Reader, Record};
use redtool_format::resp::{Parsed, Parser};

/// A file: the walk moves on with every record and ends inside the input; every value it frames can
/// be checked.
pub fn file(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let mut checker = Checker::default();
    loop {
        let before = reader.pos();
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break drop(reader.trailer()),
            Err(error) => return assert!(error.offset <= bytes.len() as u64),
        };
        assert!(before < reader.pos() && reader.pos() <= bytes.len());
        if let Record::Key(key) = record {
            // Attributes may stand before another record, which was given first.
            assert!(key.offset < key.key_offset && key.key_offset < key.payload_offset);
            assert_eq!(key.payload_offset + key.payload.len(), reader.pos());
            let checked = checker.check(
                key.value_type,
                key.payload,
                reader.templates(),
                Depth::Deep,
                &mut |_| {},
            );
            if let Err(error) = checked {
                assert!(error.offset <= key.payload.len() as u64);
            }
        }
    }
}

/// Requests: however they are cut on their way, the same arrives.
pub fn requests(bytes: &[u8]) {
    let whole = arrived(bytes, bytes.len().max(1));
    for step in [1, 7, 64] {
        assert_eq!(arrived(bytes, step), whole, "in pieces of {step}");
    }
}

/// The requests, and the error that ended them, when `step` bytes come at a time.
fn arrived(bytes: &[u8], step: usize) -> Vec<Result<Vec<Vec<u8>>, String>> {
    let (mut parser, mut requests, mut start) = (Parser::default(), Vec::new(), 0);
    for end in (0..bytes.len()).map(|n| (n + 1) * step).take_while(|end| *end < bytes.len() + step)
    {
        loop {
            let waiting = &bytes[start..end.min(bytes.len())];
            match parser.parse(waiting) {
                Parsed::Complete { consumed } => {
                    assert!(0 < consumed && consumed <= waiting.len());
                    requests.push(Ok(parser.args(waiting).map(<[u8]>::to_vec).collect()));
                    start += consumed;
                }
                Parsed::Incomplete { missing } => break assert!(missing > 0),
                Parsed::Error(text) => {
                    requests.push(Err(text));
                    return requests;
                }
            }
        }
    }
    requests
}
