//! The globals that scripts see.
//!
//! Scripts of EVAL have one table of globals, functions of libraries another, and a library while
//! it is loaded a third, which holds little more than `redis.register_function`. Each is seen
//! through a view (`guard.lua`): an empty table that reads the real one and refuses to write.
//! `wrappers.lua` is compiled as one line with the name that scripts have, so that Lua's own errors
//! in what it wraps tell the place that a script of one line has.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use mlua::{
    chunk::ChunkMode, Function, IntoLuaMulti, Lua, LuaOptions, StdLib, Table, Value, Variadic,
};

use super::args::Args;
use super::random::Random;
use super::{api, bits, json, msgpack, raise, register, structs};

const BASE: [&str; 10] = [
    "_VERSION", "assert", "error", "gcinfo", "ipairs", "rawequal", "select", "tonumber",
    "tostring", "type",
];
const WRAPPED: [&str; 10] = [
    "collectgarbage",
    "getmetatable",
    "next",
    "pairs",
    "pcall",
    "rawget",
    "rawset",
    "setmetatable",
    "unpack",
    "xpcall",
];

/// Makes functions of Rust ones.
pub(super) struct Natives {
    memory_bytes: usize,
    next_number: Arc<AtomicU64>,
}

impl Natives {
    /// A function that scripts can call. Memory that it takes is not refused while it runs, since
    /// mlua guards each step dearly when it can be; what allocates much asks [`check_memory`].
    pub fn function<R: IntoLuaMulti>(
        &self,
        lua: &Lua,
        work: impl Fn(Args<'_>) -> mlua::Result<R> + Send + 'static,
    ) -> mlua::Result<Function> {
        let memory_bytes = self.memory_bytes;
        lua.create_function(move |lua, values: Variadic<Value>| {
            let _unlimited = Unlimited::new(lua, memory_bytes);
            work(Args { lua, values: &values })
        })
    }

    /// The same, for functions that make others.
    pub fn again(&self) -> Natives {
        Natives { memory_bytes: self.memory_bytes, next_number: Arc::clone(&self.next_number) }
    }

    /// The limit of memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// A number for what is kept on Lua's side, never given before.
    pub fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// The same where only the counter can be had.
    pub fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.next_number)
    }
}

/// Throws when a function took more memory than there may be.
pub(super) fn check_memory(lua: &Lua, memory_bytes: usize) -> mlua::Result<()> {
    match memory_bytes != 0 && lua.used_memory() > memory_bytes {
        true => Err(mlua::Error::MemoryError(raise::NO_MEMORY.to_owned())),
        false => Ok(()),
    }
}

/// Lifts the limit of memory while it lives.
pub(super) struct Unlimited<'a> {
    lua: &'a Lua,
    memory_bytes: usize,
}

impl<'a> Unlimited<'a> {
    pub fn new(lua: &'a Lua, memory_bytes: usize) -> Self {
        // It fails only where another program made the state.
        let _ = lua.set_memory_limit(0);
        Unlimited { lua, memory_bytes }
    }
}

impl Drop for Unlimited<'_> {
    fn drop(&mut self) {
        let _ = self.lua.set_memory_limit(self.memory_bytes);
    }
}

/// A Lua state, and what of it is used from Rust.
pub(super) struct Sandbox {
    pub lua: Lua,
    pub natives: Natives,
    /// Compiled scripts and functions, by number.
    pub kept: Table,
    /// Globals of scripts and of functions, as they see them.
    pub script_env: Table,
    pub function_env: Table,
    /// `(number, KEYS, ARGV)`
    pub run_script: Function,
    /// `(number)`, a library being loaded.
    pub run_library: Function,
    /// `(number, keys, args)`
    pub run_function: Function,
    function_globals: Table,
    library_globals: Table,
    /// Metatable of `function_env`.
    function_view: Table,
}

impl Sandbox {
    pub fn new(memory_bytes: usize) -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::new())?;
        let natives = Natives { memory_bytes, next_number: Arc::new(AtomicU64::new(1)) };
        let builder = Builder::new(&lua, &natives)?;
        let shared = builder.shared()?;
        let (script_globals, script_env) = builder.script_globals(&shared)?;
        let (function_globals, function_env, function_view) = builder.function_globals(&shared)?;
        let guard = &builder.guard;
        let sandbox = Sandbox {
            kept: guard.raw_get("kept")?,
            run_script: guard.raw_get::<Function>("runner")?.call(script_globals)?,
            run_library: guard.raw_get("run")?,
            run_function: guard.raw_get("call")?,
            library_globals: builder.library_globals()?,
            script_env: script_env.clone(),
            function_env,
            function_globals,
            function_view,
            natives,
            lua: lua.clone(),
        };
        lua.set_globals(script_env)?;
        lua.set_memory_limit(memory_bytes)?;
        Ok(sandbox)
    }

    /// Chooses what the functions' globals are: those of a library being loaded, or all.
    pub fn set_loading(&self, is_loading: bool) -> mlua::Result<()> {
        let globals = if is_loading { &self.library_globals } else { &self.function_globals };
        self.function_view.raw_set("__index", globals)
    }

    /// Compiles text and keeps it; gives its number.
    pub fn compile(&self, name: &str, text: &[u8], env: &Table) -> mlua::Result<u64> {
        // Bytecode becomes text that does not compile.
        let mut shifted;
        let text = match text.first() {
            Some(0x1b) => {
                shifted = vec![b' '];
                shifted.extend_from_slice(text);
                &shifted[..]
            }
            _ => text,
        };
        // The name of the chunk is not safe from the collector while the chunk is parsed.
        self.lua.gc_stop();
        let chunk = self.lua.load(text).set_name(name).set_mode(ChunkMode::Text);
        let function = chunk.set_environment(env.clone()).into_function();
        self.lua.gc_restart();
        let number = self.natives.number();
        self.kept.raw_set(number as f64, function?)?;
        Ok(number)
    }

    /// Lets go of what was kept.
    pub fn forget(&self, number: u64) {
        // Writing nil over a value that is there allocates nothing.
        let _ = self.kept.raw_set(number as f64, Value::Nil);
    }
}

struct Builder<'a> {
    lua: &'a Lua,
    natives: &'a Natives,
    guard: Table,
    wrappers: Table,
    view: Function,
}

impl<'a> Builder<'a> {
    fn new(lua: &'a Lua, natives: &'a Natives) -> mlua::Result<Self> {
        let functions = lua.create_table()?;
        functions.raw_set(
            "unwrap",
            natives.function(lua, |args| raise::unwrap(args.lua, args.get(0).clone()))?,
        )?;
        functions
            .raw_set("verdict", natives.function(lua, |args| Ok(raise::verdict(args.get(0))))?)?;
        functions.raw_set(
            "thrown_at",
            natives.function(lua, |args| {
                Ok(match raise::thrown_at(args.lua) {
                    Some((source, line)) => (Some(source), Some(line)),
                    None => (None, None),
                })
            })?,
        )?;
        let guard = lua.load(include_str!("guard.lua")).set_name("=guard");
        let guard: Table = guard.call(functions)?;
        let line = include_str!("wrappers.lua").replace('\n', " ");
        let wrappers: Table = lua.load(line).set_name("@user_script").call(guard.clone())?;
        let view = guard.raw_get("view")?;
        Ok(Builder { lua, natives, guard, wrappers, view })
    }

    fn view(&self, real: Table) -> mlua::Result<(Table, Table)> {
        self.view.call(real)
    }

    /// What scripts and functions share.
    fn shared(&self) -> mlua::Result<Table> {
        let globals = self.lua.globals();
        let shared = self.lua.create_table()?;
        for name in BASE {
            shared.raw_set(name, globals.raw_get::<Value>(name)?)?;
        }
        for name in WRAPPED {
            shared.raw_set(name, self.wrappers.raw_get::<Value>(name)?)?;
        }
        let mut libraries = self.standard_libraries(&globals)?;
        libraries.push(("cjson", json::library(self.lua, self.natives)?));
        libraries.push(("cmsgpack", msgpack::library(self.lua, self.natives)?));
        libraries.push(("struct", structs::library(self.lua, self.natives)?));
        libraries.push(("bit", bits::library(self.lua, self.natives)?));
        for (name, library) in libraries {
            let (seen, _) = self.view(library)?;
            shared.raw_set(name, &seen)?;
            if name == "string" {
                self.guard_strings(seen)?;
            }
        }
        Ok(shared)
    }

    fn standard_libraries(&self, globals: &Table) -> mlua::Result<Vec<(&'static str, Table)>> {
        let string: Table = globals.raw_get("string")?;
        for name in ["find", "match", "gmatch", "gsub"] {
            string.raw_set(name, self.wrappers.raw_get::<Value>(name)?)?;
        }
        string.raw_set("gfind", self.wrappers.raw_get::<Value>("gmatch")?)?;
        let table: Table = globals.raw_get("table")?;
        table.raw_set("insert", self.wrappers.raw_get::<Value>("insert")?)?;
        let coroutine: Table = globals.raw_get("coroutine")?;
        coroutine.raw_set("resume", self.wrappers.raw_get::<Value>("resume")?)?;
        let math: Table = globals.raw_get("math")?;
        self.random(&math)?;
        Ok(vec![("string", string), ("table", table), ("coroutine", coroutine), ("math", math)])
    }

    fn random(&self, math: &Table) -> mlua::Result<()> {
        let random = Arc::new(Random::new());
        let seeded = Arc::clone(&random);
        math.raw_set(
            "randomseed",
            self.natives.function(self.lua, move |args| {
                seeded.seed(args.int(0)?);
                Ok(())
            })?,
        )?;
        math.raw_set(
            "random",
            self.natives.function(self.lua, move |args| {
                let number = random.next();
                let (low, high) = match args.len() {
                    0 => return Ok(number),
                    1 => (1, args.int(0)?),
                    2 => (args.int(0)?, args.int(1)?),
                    _ => return raise::text(args.lua, "wrong number of arguments"),
                };
                if low > high {
                    return args.bad(args.len() - 1, "interval is empty");
                }
                let size = i64::from(high) - i64::from(low) + 1;
                Ok((number * size as f64).floor() + f64::from(low))
            })?,
        )
    }

    /// Methods of strings are read from the real table, their metatable is shown as a view.
    fn guard_strings(&self, seen: Table) -> mlua::Result<()> {
        let Some(metatable) = self.lua.type_metatable::<mlua::LuaString>() else { return Ok(()) };
        let shown = self.lua.create_table_from([("__index", seen)])?;
        metatable.raw_set("__metatable", self.view(shown)?.0)
    }

    /// A table with the entries of `shared`, the globals' own functions, and a view of it.
    fn globals(&self, shared: &Table) -> mlua::Result<(Table, Table, Table)> {
        let globals = self.lua.create_table()?;
        shared.for_each(|name: Value, value: Value| globals.raw_set(name, value))?;
        self.refuse_missing(&globals)?;
        let (env, how) = self.view(globals.clone())?;
        globals.raw_set("_G", &env)?;
        let loaders: Function = self.wrappers.raw_get("loaders")?;
        let (loadstring, load): (Function, Function) = loaders.call(&env)?;
        globals.raw_set("loadstring", loadstring)?;
        globals.raw_set("load", load)?;
        Ok((globals, env, how))
    }

    fn refuse_missing(&self, globals: &Table) -> mlua::Result<()> {
        let missing: Function = self.guard.raw_get("missing")?;
        globals.set_metatable(Some(self.lua.create_table_from([("__index", missing)])?))
    }

    fn script_globals(&self, shared: &Table) -> mlua::Result<(Table, Table)> {
        let (globals, env, _) = self.globals(shared)?;
        let redis = api::for_scripts(self.lua, self.natives)?;
        globals.raw_set("redis", self.view(redis)?.0)?;
        globals.raw_set("__redis__err__handler", self.guard.raw_get::<Value>("handler")?)?;
        Ok((globals, env))
    }

    fn function_globals(&self, shared: &Table) -> mlua::Result<(Table, Table, Table)> {
        let (globals, env, how) = self.globals(shared)?;
        let redis = api::for_functions(self.lua, self.natives)?;
        globals.raw_set("redis", self.view(redis)?.0)?;
        Ok((globals, env, how))
    }

    fn library_globals(&self) -> mlua::Result<Table> {
        let globals = self.lua.create_table()?;
        let redis = api::for_libraries(self.lua, self.natives)?;
        let kept: Table = self.guard.raw_get("kept")?;
        let register = register::function(self.lua, self.natives, kept)?;
        redis.raw_set("register_function", register)?;
        self.refuse_missing(&redis)?;
        globals.raw_set("redis", self.view(redis)?.0)?;
        self.refuse_missing(&globals)?;
        Ok(globals)
    }
}
