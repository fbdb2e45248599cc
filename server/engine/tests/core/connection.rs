//! The connection: protocol, login, names, transactions, refusals.
use super::support::{Builder, Db};

fn db() -> Db {
    Builder::default().string("key", b"value").list("list", &["x"]).open()
}

#[test]
fn unknown_commands_and_wrong_counts_are_told_in_redis_words() {
    db().expect(&[
        ("FOO", "-ERR unknown command 'FOO', with args beginning with: "),
        ("foo a bc", "-ERR unknown command 'foo', with args beginning with: 'a' 'bc' "),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("gEt a b", "-ERR wrong number of arguments for 'get' command"),
        ("CLIENT FOO", "-ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
        ("SET", "-ERR wrong number of arguments for 'set' command"),
        ("SET a b", "-READONLY You can't write against a read only replica."),
        ("XGROUP CREATE a b c", "-READONLY You can't write against a read only replica."),
    ]);
}

#[test]
fn a_request_is_told_back_in_part_only() {
    let mut db = db();
    let reply = db.ask(&format!("FOO {} {}", "a".repeat(300), "b".repeat(300)));
    let told = format!("with args beginning with: '{}' ", "a".repeat(128));
    assert_eq!(reply, format!("-ERR unknown command 'FOO', {told}"));
    assert!(db.ask(&"x".repeat(1 << 20)).len() < 300);
}

#[test]
fn hello_chooses_the_protocol_for_the_connection() {
    let mut db = db();
    db.expect(&[
        ("GET nokey", "nil"),
        ("HELLO 4", "-NOPROTO unsupported protocol version"),
        ("HELLO x", "-ERR Protocol version is not an integer or out of range"),
        ("HELLO 3 FOO", "-ERR Syntax error in HELLO option 'FOO'"),
    ]);
    db.ask("HELLO 3 SETNAME me");
    assert!(db.session.resp3 && db.out.is_resp3());
    db.expect(&[("CLIENT GETNAME", "\"me\""), ("RESET", "+RESET"), ("CLIENT GETNAME", "nil")]);
    assert!(!db.session.resp3 && !db.out.is_resp3());
}

#[test]
fn a_password_closes_everything_but_the_login() {
    let dataset = db().engine.dataset().clone();
    dataset.state().set_password(b"secret");
    let mut db = Db::over(dataset);
    db.expect(&[
        ("GET key", "-NOAUTH Authentication required."),
        ("AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("AUTH other secret", "-WRONGPASS invalid username-password pair or user is disabled."),
        ("GET key", "-NOAUTH Authentication required."),
        ("AUTH secret", "+OK"),
        ("GET key", "\"value\""),
        ("RESET", "+RESET"),
        ("GET key", "-NOAUTH Authentication required."),
    ]);
    assert!(db.ask("HELLO 3").starts_with("-NOAUTH HELLO must be called"));
    db.ask("HELLO 2 AUTH default secret");
    assert_eq!(db.ask("GET key"), "\"value\"");
}

#[test]
fn clients_see_and_end_each_other() {
    let mut db = db();
    let mut other = Db::over(db.engine.dataset().clone());
    other.expect(&[
        ("CLIENT SETNAME other", "+OK"),
        ("CLIENT SETINFO LIB-NAME redis-py", "+OK"),
        ("CLIENT SETINFO FOO x", "-ERR Unrecognized option 'FOO'"),
        ("SELECT 5", "+OK"),
        ("OBJECT HELP x", "-ERR wrong number of arguments for 'object|help' command"),
        ("LLEN list", ":0"),
    ]);
    let list = db.ask("CLIENT LIST");
    assert_eq!(list.lines().count(), 3, "{list}");
    for fact in ["name=other", "db=5", "cmd=llen", "lib-name=redis-py", "resp=2"] {
        assert!(list.contains(fact), "{fact} in {list}");
    }
    let id = other.session.id;
    assert_eq!(db.ask(&format!("CLIENT KILL ID {id}")), ":1");
    assert!(other.session.is_killed() && !db.session.close_after_reply);
    drop(other);
    assert_eq!(db.ask(&format!("CLIENT LIST ID {id}")), "\"\"");
}

#[test]
fn a_transaction_runs_at_exec_or_not_at_all() {
    let mut db = db();
    db.expect(&[
        ("EXEC", "-ERR EXEC without MULTI"),
        ("DISCARD", "-ERR DISCARD without MULTI"),
        ("WATCH key", "+OK"),
        ("MULTI", "+OK"),
        ("MULTI", "-ERR MULTI calls can not be nested"),
        ("WATCH key", "-ERR WATCH inside MULTI is not allowed"),
        ("GET key", "+QUEUED"),
        ("GET list", "+QUEUED"),
        ("SELECT 2", "+QUEUED"),
        ("GET key", "+QUEUED"),
        (
            "EXEC",
            "[\"value\" -WRONGTYPE Operation against a key holding the wrong kind of value \
             +OK nil]",
        ),
        ("EXEC", "-ERR EXEC without MULTI"),
        ("SELECT 0", "+OK"),
        ("MULTI", "+OK"),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        ("GET key", "+QUEUED"),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
        ("MULTI", "+OK"),
        ("SET a b", "-READONLY You can't write against a read only replica."),
        ("DISCARD", "+OK"),
        ("GET key", "\"value\""),
    ]);
}

#[test]
fn what_the_server_does_not_do_it_says() {
    db().expect(&[
        ("EVAL x 0", "-ERR EVAL is not supported by this server"),
        ("SCRIPT LOAD x", "-ERR SCRIPT LOAD is not supported by this server"),
        ("EVALSHA x 0", "-NOSCRIPT No matching script. Please use EVAL."),
        ("PUBLISH a b", ":0"),
        ("CLUSTER SLOTS", "-ERR This instance has cluster support disabled"),
        (
            "CONFIG SET maxmemory 1",
            "-ERR CONFIG SET failed (possibly related to argument \
          'maxmemory') - can't set immutable config",
        ),
        ("WAIT 0 0", ":0"),
        ("ROLE", "[\"master\" :0 []]"),
    ]);
}

#[test]
fn functions_are_listed_from_their_source() {
    let source = "#!lua name=lib\n\
        redis.register_function('one', function() return 1 end)\n\
        redis.register_function{function_name=\"two\", callback=f, flags={'no-writes', \"x\"}}";
    let mut db = Builder::default().library("lib", source).open();
    let list = db.ask("FUNCTION LIST LIBRARYNAME l*");
    for part in ["\"lib\"", "\"one\" \"description\" nil \"flags\" []", "[+no-writes +x]"] {
        assert!(list.contains(part), "{part} in {list}");
    }
    assert_eq!(db.ask("FCALL none 0"), "-ERR Function not found");
    assert_eq!(db.ask("FCALL one 0"), "-ERR FCALL is not supported by this server");
}

#[test]
fn calls_hits_and_refusals_are_counted() {
    let mut db = db();
    for command in ["GET key", "GET nokey", "GET list", "GET", "FOO"] {
        db.ask(command);
    }
    let info = db.ask("INFO stats commandstats");
    for fact in ["keyspace_hits:2", "keyspace_misses:1", "total_error_replies:3"] {
        assert!(info.contains(fact), "{fact} in {info}");
    }
    let line = info.lines().find(|line| line.starts_with("cmdstat_get:")).unwrap();
    assert!(line.starts_with("cmdstat_get:calls=3,"), "{line}");
    assert!(line.ends_with("rejected_calls=1,failed_calls=1"), "{line}");
    assert_eq!(db.ask("CONFIG RESETSTAT"), "+OK");
    assert!(db.ask("INFO stats").contains("keyspace_hits:0"));
}
