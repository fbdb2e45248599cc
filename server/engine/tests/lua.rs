//! What holds of the interpreter without any server: limits, the sandbox, known weaknesses of Lua
//! 5.1 and of Redis' libraries, libraries of functions, the script cache.
use std::time::Duration;

use redtool_engine::lua::{Flags, Host, Interpreter, Limits, Verdict};
use redtool_format::resp::Writer;

/// Answers `GET` with the key, `FAIL` with an error, `PANIC` by panicking; else with +OK.
#[derive(Default)]
struct Echo {
    log: Vec<(u8, Vec<u8>)>,
    /// Ticks until the run is killed.
    ticks_left: Option<u32>,
}

impl Host for Echo {
    fn call(&mut self, args: &[&[u8]], _: bool, out: &mut Vec<u8>) {
        match args[0] {
            b"GET" => {
                out.extend_from_slice(format!("${}\r\n", args[1].len()).as_bytes());
                out.extend_from_slice(args[1]);
                out.extend_from_slice(b"\r\n");
            }
            b"FAIL" => out.extend_from_slice(b"-ERR failed\r\n"),
            b"PANIC" => panic!("the host panics"),
            _ => out.extend_from_slice(b"+OK\r\n"),
        }
    }

    fn log(&mut self, level: u8, text: &[u8]) {
        self.log.push((level, text.to_vec()));
    }

    fn may_call(&mut self, _: &[&[u8]]) -> Option<bool> {
        Some(true)
    }

    fn tick(&mut self, _: Duration) -> Verdict {
        match &mut self.ticks_left {
            Some(0) => Verdict::Kill,
            Some(left) => {
                *left -= 1;
                Verdict::Continue
            }
            None => Verdict::Continue,
        }
    }
}

fn interpreter() -> Interpreter {
    Interpreter::new(Limits { memory_bytes: 16 << 20, cached_scripts: 3 }).unwrap()
}

fn eval_with(lua: &mut Interpreter, host: &mut Echo, text: &str) -> String {
    let mut out = Writer::new();
    let ran = match lua.script(text.as_bytes()) {
        Ok(script) => lua.run_script(host, &script, &[b"key"], &[b"arg"], &mut out),
        Err(text) => Err(text),
    };
    if let Err(text) = ran {
        out.error_bytes(&text);
    }
    String::from_utf8_lossy(out.buffer()).into_owned()
}

fn eval(lua: &mut Interpreter, text: &str) -> String {
    eval_with(lua, &mut Echo::default(), text)
}

fn works_on(lua: &mut Interpreter) {
    assert_eq!(eval(lua, "return redis.call('GET', KEYS[1])"), "$3\r\nkey\r\n");
}

#[test]
fn an_interpreter_goes_from_thread_to_thread() {
    let mut lua = interpreter();
    let lua = std::thread::spawn(move || {
        works_on(&mut lua);
        lua
    });
    works_on(&mut lua.join().unwrap());
}

#[test]
fn nothing_catches_a_kill() {
    for text in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do pcall(pcall, function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function(e) return 1 end) end",
        "local c = coroutine.wrap(function() while true do end end) while true do pcall(c) end",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "while true do load(function() while true do end end) end",
        "while true do redis.pcall('GET', 'x') end",
        "local t = setmetatable({}, {__index = function() while true do end end}) \
         while true do pcall(function() return t.x end) end",
        "while true do pcall(string.gsub, 'x', 'x', function() while true do end end) end",
        "while true do pcall(table.sort, {1, 2, 3}, function() while true do end end) end",
    ] {
        let mut lua = interpreter();
        let mut host = Echo { ticks_left: Some(3), ..Echo::default() };
        let reply = eval_with(&mut lua, &mut host, text);
        assert!(
            reply.starts_with("-ERR Script killed by user with SCRIPT KILL"),
            "{text}: {reply}"
        );
        works_on(&mut lua);
    }
}

#[test]
fn memory_is_bounded_and_comes_back() {
    let mut lua = interpreter();
    for text in [
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 1e9)",
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "return cjson.decode('[' .. string.rep('[],', 2e6) .. '1]')",
        "return cmsgpack.unpack('\\221\\0\\106\\207\\192' .. string.rep('\\144', 7e6))",
        "return #cjson.encode({string.rep('x', 3e7)})",
        "local f = load(function() return 'x = 1 ' end)",
        "collectgarbage('stop') while true do local t = {} end",
    ] {
        // The last one is garbage that is collected; a kill ends it.
        let mut host = Echo { ticks_left: Some(40), ..Echo::default() };
        let reply = eval_with(&mut lua, &mut host, text);
        let is_killed = reply.starts_with("-ERR Script killed");
        assert!(reply.contains("not enough memory") || is_killed, "{text}: {reply}");
        works_on(&mut lua);
        assert!(lua.memory_bytes() < 16 << 20, "{text}");
    }
}

#[test]
fn a_panic_stays_inside() {
    let mut lua = interpreter();
    for text in ["return redis.call('PANIC')", "return pcall(redis.call, 'PANIC')"] {
        let reply = eval(&mut lua, text);
        assert!(reply.starts_with("-ERR"), "{reply}");
        works_on(&mut lua);
    }
}

#[test]
fn recursion_without_end_is_an_error() {
    let mut lua = interpreter();
    for text in [
        "local function f() return 1 + f() end return f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end \
         return t.x",
        "local function f() return pcall(f) end local a = f() return redis.call('FAIL')",
        "return loadstring('return ' .. string.rep('(', 1000) .. '1' .. string.rep(')', 1000))()",
        "return string.find(string.rep('a', 1e5), string.rep('a?', 1e5))",
        "return ('x'):gsub('x', string.rep('a?', 1e5), 1) .. string.match('', ('.-'):rep(1e5))",
        "local t = {} t[1] = t return cjson.encode(t)",
        "cjson.encode_max_depth(1e9) local t = {} t[1] = t return cjson.encode(t)",
        "cjson.decode_max_depth(1e9) return cjson.decode(string.rep('[', 1e6))",
        "return cmsgpack.unpack(string.rep('\\145', 1e6))",
        "return unpack({}, 1, 1e6)",
    ] {
        let reply = eval(&mut lua, text);
        assert!(reply.starts_with("-ERR"), "{text}: {reply}");
        works_on(&mut lua);
    }
    let reply = eval(&mut lua, "local t = {} t[1] = t return t");
    assert!(reply.contains("-ERR reached lua stack limit"));
}

#[test]
fn many_arguments_are_taken_or_refused_and_no_more() {
    let mut lua = interpreter();
    let reply =
        eval(&mut lua, "local t = {} for i = 1, 7000 do t[i] = i end return redis.call(unpack(t))");
    assert_eq!(reply, "+OK\r\n");
    for count in [7_800, 7_890, 7_900, 7_990, 8_000, 9_000] {
        eval(
            &mut lua,
            &format!(
                "local t = {{}} for i = 1, {count} do t[i] = 'x' end \
                                 return #cmsgpack.pack(unpack(t))"
            ),
        );
        works_on(&mut lua);
    }
}

/// CVE-2025-49844: the name of a chunk was freed while the chunk was parsed.
#[test]
fn the_collector_rests_while_a_chunk_is_parsed() {
    let mut lua = interpreter();
    let text = "local n = 0 \
        for i = 1, 200 do \
          local f = load(function() n = n + 1 collectgarbage() \
            if n % 5 ~= 0 then return 'local a' .. n .. ' = {} ' end end, '=' .. ('n'):rep(i)) \
          collectgarbage() assert(f)() \
        end return n";
    assert_eq!(eval(&mut lua, text), ":1000\r\n");
}

/// CVE-2025-46817: the size of the range of `unpack` overflowed.
#[test]
fn unpack_takes_a_range_that_fits() {
    let mut lua = interpreter();
    for range in ["-2147483648, 2147483647", "0, 2147483647", "-1e9, 1e9", "-2^31, 2^31 - 2"] {
        let reply = eval(&mut lua, &format!("return unpack({{}}, {range})"));
        assert!(reply.contains("too many results to unpack"), "{range}: {reply}");
    }
    assert_eq!(eval(&mut lua, "return {unpack({1, 2, 3}, 2)}"), "*2\r\n:2\r\n:3\r\n");
}

#[test]
fn bytecode_is_not_loaded() {
    let mut lua = interpreter();
    for text in [
        "return loadstring(string.dump(function() return 1 end)) == nil",
        "local d, n = string.dump(function() return 1 end), 0 \
         return load(function() n = n + 1 return n == 1 and d or nil end) == nil",
    ] {
        assert_eq!(eval(&mut lua, text), ":1\r\n", "{text}");
    }
    let reply = eval(&mut lua, "\u{1b}Lua");
    assert!(reply.starts_with("-ERR Error compiling script"), "{reply}");
}

/// CVE-2024-31449: the smallest integer has no opposite.
#[test]
fn tohex_takes_any_number_of_digits() {
    let mut lua = interpreter();
    assert_eq!(eval(&mut lua, "return bit.tohex(65535, -2147483648)"), "$8\r\n0000FFFF\r\n");
}

/// CVE-2024-46981: finalizers ran while the state was closed. None can be made.
#[test]
fn scripts_make_no_finalizers() {
    let mut lua = interpreter();
    for name in ["newproxy", "debug", "getfenv", "setfenv", "os", "io", "require", "dofile"] {
        let reply = eval(&mut lua, &format!("return {name}"));
        assert!(reply.contains("nonexistent global variable"), "{name}: {reply}");
    }
    eval(
        &mut lua,
        "local t = setmetatable({}, {__gc = function() while true do end end}) return 1",
    );
    works_on(&mut lua);
    drop(lua);
}

/// CVE-2025-46818: metatables of basic types could be changed.
#[test]
fn what_scripts_share_cannot_be_changed() {
    let mut lua = interpreter();
    for change in [
        "getmetatable('').__index = function() return 1 end",
        "getmetatable('').x = 1",
        "rawset(getmetatable(''), 'x', 1)",
        "setmetatable(getmetatable(''), {})",
        "x = 1",
        "_G.x = 1",
        "rawset(_G, 'x', 1)",
        "setmetatable(_G, {})",
        "redis.call = nil",
        "rawset(redis, 'call', 1)",
        "string.format = nil",
        "rawset(string, 'format', 1)",
        "table.insert(string, 1)",
        "table.insert(_G, 1)",
        "cjson.encode = nil",
        "bit.x = 1",
        "loadstring('x = 1')()",
        "loadstring('string.format = nil')()",
        "coroutine.wrap(function() x = 1 end)()",
    ] {
        let reply = eval(&mut lua, change);
        assert!(reply.contains("Attempt to modify a readonly table"), "{change}: {reply}");
    }
    for harmless in ["next(string)", "pairs(redis)", "table.sort(string)", "table.remove(redis)"] {
        eval(
            &mut lua,
            &format!("local a, b, c = {harmless} if type(b) == 'table' then b.call = 1 end"),
        );
    }
    works_on(&mut lua);
    assert_eq!(eval(&mut lua, "return ('%d'):format(5)"), "$1\r\n5\r\n");
}

#[test]
fn scripts_are_found_by_text_and_digest_and_forgotten() {
    let mut lua = interpreter();
    let kept = lua.load_script(b"return 1").unwrap();
    assert_eq!(kept.sha, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    for number in 2..9 {
        eval(&mut lua, &format!("return {number}"));
    }
    assert!(lua.script_by_sha(b"E0E1F9FABFC9D4800C877A703B823AC0578FF8DB").is_some());
    assert_eq!(lua.script_count(), 4);
    lua.flush_scripts();
    assert_eq!(lua.script_count(), 0);
    let mut out = Writer::new();
    assert!(lua.run_script(&mut Echo::default(), &kept, &[], &[], &mut out).is_err());
    assert!(out.buffer().is_empty());
    let flags = lua.script(b"#!lua flags=no-writes,allow-stale\nreturn 1").unwrap().flags;
    assert!(flags.has(Flags::NO_WRITES) && !flags.has(Flags::COMPATIBLE));
    assert_eq!(flags.names().collect::<Vec<_>>(), ["no-writes", "allow-stale"]);
}

fn load(lua: &mut Interpreter, code: &str, replace: bool) -> Result<String, String> {
    lua.load_library(&mut Echo::default(), code.as_bytes(), replace)
        .map(|name| String::from_utf8_lossy(&name).into_owned())
        .map_err(|text| String::from_utf8_lossy(&text).into_owned())
}

fn fcall(lua: &mut Interpreter, name: &str) -> String {
    let Some(function) = lua.function(name.as_bytes()) else { return "none".to_owned() };
    let mut out = Writer::new();
    let mut host = Echo::default();
    if let Err(text) = lua.run_function(&mut host, &function, &[b"key"], &[b"arg"], &mut out) {
        out.error_bytes(&text);
    }
    String::from_utf8_lossy(out.buffer()).into_owned()
}

#[test]
fn libraries_are_loaded_replaced_and_deleted() {
    let mut lua = interpreter();
    let code = "#!lua name=lib\nlocal n = 0\n\
        redis.register_function('count', function() n = n + 1 return n end)\n\
        redis.register_function{function_name='get', flags={'no-writes'}, description='gets',\n\
          callback=function(keys, args) return {redis.call('GET', keys[1]), args[1]} end}\n\
        redis.register_function('fail', function() return redis.call('FAIL') end)\n\
        redis.register_function('missing', function() return KEYS end)";
    assert_eq!(load(&mut lua, code, false).unwrap(), "lib");
    assert_eq!(load(&mut lua, code, false).unwrap_err(), "ERR Library 'lib' already exists");
    assert_eq!(fcall(&mut lua, "count") + &fcall(&mut lua, "COUNT"), ":1\r\n:2\r\n");
    assert_eq!(fcall(&mut lua, "get"), "*2\r\n$3\r\nkey\r\n$3\r\narg\r\n");
    assert_eq!(fcall(&mut lua, "fail"), "-ERR failed script: fail, on @user_function:6.\r\n");
    assert!(fcall(&mut lua, "missing").contains("nonexistent global variable 'KEYS'"));
    let library = lua.libraries().next().unwrap();
    assert_eq!((library.functions.len(), &library.code[..]), (4, code.as_bytes()));
    assert_eq!(library.functions[1].description.as_deref(), Some(&b"gets"[..]));
    assert!(library.functions[1].flags.has(Flags::NO_WRITES));
    let other = "#!lua name=other\nredis.register_function('get', function() end)";
    assert_eq!(load(&mut lua, other, false).unwrap_err(), "ERR Function get already exists");
    let failing = "#!lua name=lib\nredis.register_function('x', function() end) x = 1";
    assert!(load(&mut lua, failing, true).unwrap_err().contains("readonly table"));
    assert_eq!(fcall(&mut lua, "count"), ":3\r\n");
    let replaced = "#!lua name=lib\nredis.register_function('only', function() return 1 end)";
    assert_eq!(load(&mut lua, replaced, true).unwrap(), "lib");
    assert_eq!(fcall(&mut lua, "count") + &fcall(&mut lua, "only"), "none:1\r\n");
    assert!(lua.delete_library(b"lib") && !lua.delete_library(b"lib"));
    assert_eq!(fcall(&mut lua, "only"), "none");
}

#[test]
fn a_library_that_does_not_load_tells_why() {
    let mut lua = interpreter();
    let register = "#!lua name=l\nredis.register_function";
    let failed = "ERR Error registering functions: ERR ";
    for (code, why) in [
        ("", "ERR Missing library metadata".to_owned()),
        ("#!lua\n", "ERR Library name was not given".to_owned()),
        ("#!js name=a\n", "ERR Engine 'js' not found".to_owned()),
        ("#!lua name=a\n", "ERR No functions registered".to_owned()),
        ("#!lua name=a x=1\n", "ERR Invalid metadata value given: x=1".to_owned()),
        (
            "#!lua name=a\nx x",
            "ERR Error compiling function: user_function:2: '=' expected near 'x'".to_owned(),
        ),
        (
            "#!lua name=a\nlocal a; a.b = 1",
            format!("{failed}user_function:2: attempt to index local 'a' (a nil value)"),
        ),
        (
            "#!lua name=a\nreturn redis.call('GET', 'x')",
            format!(
                "{failed}user_function:2: Script attempted to access nonexistent global variable \
                 'call'"
            ),
        ),
        (
            &format!("{register}()"),
            format!("{failed}wrong number of arguments to redis.register_function"),
        ),
        (
            &format!("{register}('a', 1)"),
            format!("{failed}second argument to redis.register_function must be a function"),
        ),
        (
            &format!("{register}{{function_name='a', callback=function() end, flags={{'bad'}}}}"),
            format!("{failed}unknown flag given"),
        ),
        (
            &format!(
                "{register}('a', function() end) redis.register_function('A', function() end)"
            ),
            format!("{failed}Function already exists in the library"),
        ),
    ] {
        assert_eq!(load(&mut lua, code, false).unwrap_err(), why, "{code}");
    }
    works_on(&mut lua);
}

#[test]
fn logs_reach_the_host() {
    let mut lua = interpreter();
    let mut host = Echo::default();
    eval_with(&mut lua, &mut host, "redis.log(redis.LOG_WARNING, 'a', 1, {}, 'b')");
    assert_eq!(host.log, [(3, b"a 1 b".to_vec())]);
}
