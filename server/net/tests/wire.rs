//! Bytes on the wire: however requests are cut, piled up or spoiled, replies are Redis'.
mod common;

use common::{ask, connect, expect, options, read_to_end, request, serve, unknown, GET, NIL};
use std::io::Write;
use std::thread;

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = serve(options());
    let mut client = connect(&server);
    for round in 0..3 {
        for byte in [GET, b"GET 'k'\r\n", b"\r\n"].concat() {
            client.write_all(&[byte]).unwrap();
        }
        expect(&mut client, &[NIL, NIL].concat());
        ask(
            &mut client,
            format!("NOPE {round}\n").as_bytes(),
            &unknown("NOPE", &[&round.to_string()]),
        );
    }
}

#[test]
fn requests_may_be_cut_anywhere() {
    let server = serve(options());
    let mut client = connect(&server);
    let one = request(&[b"NOPE", b"some\r\nbytes", b""]);
    let reply = b"-ERR unknown command 'NOPE', with args beginning with: 'some  bytes' '' \r\n";
    let three = [&one[..], GET, &one[..]].concat();
    for cut in 1..three.len() {
        client.write_all(&three[..cut]).unwrap();
        thread::yield_now();
        client.write_all(&three[cut..]).unwrap();
        expect(&mut client, &[&reply[..], NIL, &reply[..]].concat());
    }
}

#[test]
fn a_pipeline_of_100_000_is_answered_in_order() {
    let server = serve(options());
    let mut client = connect(&server);
    let mut sender = client.try_clone().unwrap();
    let writing = thread::spawn(move || {
        let mut batch = Vec::new();
        for n in 0..100_000 {
            batch.extend(request(&[b"NOPE", n.to_string().as_bytes()]));
        }
        sender.write_all(&batch).unwrap();
    });
    for n in 0..100_000 {
        expect(&mut client, &unknown("NOPE", &[&n.to_string()]));
    }
    writing.join().unwrap();
}

#[test]
fn a_client_that_reads_nothing_before_it_has_sent_all_is_not_left_hanging() {
    // More replies than the sockets and the pause limit hold, while the client still writes.
    let server = serve(redtool_net::Options { client_output_pause_bytes: 1 << 20, ..options() });
    let mut client = connect(&server);
    let long = [b'x'; 120];
    let one = request(&[b"NOPE", &long]);
    let count = 200_000;
    for _ in 0..count / 1000 {
        client.write_all(&one.repeat(1000)).unwrap();
    }
    let reply = unknown("NOPE", &[std::str::from_utf8(&long).unwrap()]);
    for _ in 0..count / 1000 {
        expect(&mut client, &reply.repeat(1000));
    }
    ask(&mut client, GET, NIL);
}

#[test]
fn a_big_argument_is_taken_whole() {
    let server = serve(options());
    let mut client = connect(&server);
    let big = vec![b'v'; 20 << 20];
    let reply = b"-READONLY You can't write against a read only replica.\r\n";
    ask(&mut client, &request(&[b"SET", b"k", &big]), reply);
    ask(&mut client, GET, NIL);
}

#[test]
fn empty_requests_are_passed_over() {
    let server = serve(options());
    let mut client = connect(&server);
    ask(&mut client, b"*0\r\n\r\n  \r\n*-1\r\n", b"");
    ask(&mut client, GET, NIL);
}

#[test]
fn protocol_errors_are_told_and_end_the_connection() {
    let server = serve(options());
    for (bytes, text) in [
        (&b"*x\r\n"[..], "invalid multibulk length"),
        (b"*2000000000\r\n", "invalid multibulk length"),
        (b"*1\r\n$4294967296\r\n", "invalid bulk length"),
        (b"*2\r\n:3\r\nGET\r\n", "expected '$', got ':'"),
        (b"GET \"k\r\n", "unbalanced quotes in request"),
        (&[b'a'; 300_000], "too big inline request"),
    ] {
        let mut client = connect(&server);
        // What was asked before the error is answered; what comes after it is not looked at.
        client.write_all(GET).unwrap();
        client.write_all(bytes).unwrap();
        let _ = client.write_all(&GET.repeat(100));
        let expected = [NIL, format!("-ERR Protocol error: {text}\r\n").as_bytes()].concat();
        let got = read_to_end(&mut client);
        assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&expected));
    }
    ask(&mut connect(&server), GET, NIL);
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let server = serve(options());
    let before = resident_bytes();
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut client = connect(&server);
            client.write_all(b"*1048576\r\n$536870912\r\nabc").unwrap();
            client
        })
        .collect();
    ask(&mut connect(&server), GET, NIL);
    assert!(resident_bytes().saturating_sub(before) < 50 << 20);
    drop(clients);
}

#[test]
fn binary_junk_harms_nobody() {
    let server = serve(options());
    let mut bystander = connect(&server);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 1..300 {
        let mut junk = Vec::with_capacity(length);
        for _ in 0..length {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Half of the bytes are those that mean something.
            let at = (seed >> 40) as usize;
            junk.push(if at.is_multiple_of(2) {
                (seed >> 33) as u8
            } else {
                b"*$\r\n1-\"' :"[at % 10]
            });
        }
        let mut client = connect(&server);
        let _ = client.write_all(&junk);
        drop(client);
        ask(&mut bystander, GET, NIL);
    }
}

#[test]
fn http_is_hung_up_on_without_a_word() {
    let server = serve(options());
    for bytes in [&b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"host: localhost\r\n"] {
        let mut client = connect(&server);
        client.write_all(bytes).unwrap();
        assert_eq!(read_to_end(&mut client), b"");
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
