//! Scripts and functions run, within their limits.
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use mlua::{Error, HookTriggers, Lua, LuaString, Table, Value, VmState};
use redtool_format::resp::Writer;

use super::host::{self, Host, Run, State, Verdict, TICK_INSTRUCTIONS};
use super::libraries::{Libraries, Library, LibraryFunction};
use super::raise::{Thrown, NO_MEMORY};
use super::sandbox::{Sandbox, Unlimited};
use super::scripts::{Script, Scripts};
use super::shebang;
use super::to_resp::{Fields, Replier};

/// Runs between two steps that are asked of the collector, beside those that it takes.
const RUNS_PER_STEP: u32 = 50;
/// Room that is kept for replies of commands between runs.
const KEPT_REPLY_BYTES: usize = 64 << 10;

/// What scripts may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of all that Lua holds; 0 is any.
    pub memory_bytes: usize,
    /// Scripts of EVAL that stay compiled.
    pub cached_scripts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 256 << 20, cached_scripts: 500 }
    }
}

/// The interpreter of a server. One thread uses it at a time.
pub struct Interpreter {
    sandbox: Sandbox,
    fields: Fields,
    scripts: Scripts,
    libraries: Libraries,
    limits: Limits,
    /// Room for replies of commands.
    reply: Vec<u8>,
    runs: u32,
}

/// A reply was written, or it is this error, the code first.
pub type Ran = Result<(), Vec<u8>>;

impl Interpreter {
    /// An interpreter without scripts; fails when there is no memory for one.
    pub fn new(limits: Limits) -> Result<Self, String> {
        let build = || -> mlua::Result<Self> {
            let sandbox = Sandbox::new(limits.memory_bytes)?;
            set_hook(&sandbox.lua)?;
            Ok(Interpreter {
                fields: Fields::new(&sandbox.lua)?,
                sandbox,
                scripts: Scripts::default(),
                libraries: Libraries::default(),
                limits,
                reply: Vec::new(),
                runs: 0,
            })
        };
        build().map_err(|error| format!("Lua cannot start: {error}"))
    }

    /// The script of EVAL with this text, compiled when it was not; or the error reply.
    pub fn script(&mut self, text: &[u8]) -> Result<Arc<Script>, Vec<u8>> {
        if let Some(script) = self.scripts.by_text(text) {
            return Ok(Arc::clone(script));
        }
        let script = self.compile(text)?;
        for number in self.scripts.may_forget(&script, self.limits.cached_scripts) {
            self.sandbox.forget(number);
        }
        Ok(script)
    }

    /// The same for SCRIPT LOAD: the script stays until [`flush_scripts`](Self::flush_scripts).
    pub fn load_script(&mut self, text: &[u8]) -> Result<Arc<Script>, Vec<u8>> {
        if let Some(script) = self.scripts.by_text(text) {
            let script = Arc::clone(script);
            self.scripts.pin(&script);
            return Ok(script);
        }
        self.compile(text)
    }

    /// The script with this SHA-1, as hexadecimal digits.
    pub fn script_by_sha(&self, sha: &[u8]) -> Option<Arc<Script>> {
        self.scripts.by_sha(sha).cloned()
    }

    /// How many scripts there are.
    pub fn script_count(&self) -> usize {
        self.scripts.len()
    }

    /// Forgets all scripts.
    pub fn flush_scripts(&mut self) {
        for number in self.scripts.clear() {
            self.sandbox.forget(number);
        }
        // What a collection fails with is of no concern to the one who flushes.
        let _ = self.sandbox.lua.gc_collect();
    }

    /// Memory that Lua holds.
    pub fn memory_bytes(&self) -> usize {
        self.sandbox.lua.used_memory()
    }

    /// Runs a script.
    pub fn run_script(
        &mut self,
        host: &mut dyn Host,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
        out: &mut Writer,
    ) -> Ran {
        let call = Call { is_script: true, number: script.number, name: script.sha.as_bytes() };
        self.run(host, call, keys, args, out)
    }

    /// Calls a function of a library.
    pub fn run_function(
        &mut self,
        host: &mut dyn Host,
        function: &LibraryFunction,
        keys: &[&[u8]],
        args: &[&[u8]],
        out: &mut Writer,
    ) -> Ran {
        let call = Call { is_script: false, number: function.number, name: &function.name };
        self.run(host, call, keys, args, out)
    }

    /// The function with this name, in any case.
    pub fn function(&self, name: &[u8]) -> Option<Arc<LibraryFunction>> {
        self.libraries.function(name).cloned()
    }

    /// The libraries, by name.
    pub fn libraries(&self) -> impl Iterator<Item = &Library> {
        self.libraries.iter()
    }

    /// Loads a library and gives its name; or the error reply, and nothing changed.
    pub fn load_library(
        &mut self,
        host: &mut dyn Host,
        code: &[u8],
        replace: bool,
    ) -> Result<Vec<u8>, Vec<u8>> {
        let (name, body) = shebang::library(code)?;
        if !replace && self.libraries.has(name) {
            return Err([b"ERR Library '", name, b"' already exists"].concat());
        }
        let env = &self.sandbox.function_env;
        let number = self
            .sandbox
            .compile("@user_function", body, env)
            .map_err(|error| prefixed("ERR Error compiling function: ", &error))?;
        let mut run = Run { host, state: State::new(Vec::new()) };
        run.state.registered = Some(Vec::new());
        let result = self.execute_library(&mut run, number);
        self.sandbox.forget(number);
        let registered = run.state.registered.take().unwrap_or_default();
        let problem = match (result, self.libraries.taken(name, &registered)) {
            (Err(text), _) => [&b"ERR Error registering functions: "[..], &text].concat(),
            (Ok(()), _) if registered.is_empty() => b"ERR No functions registered".to_vec(),
            (Ok(()), Some(taken)) => [b"ERR Function ", taken, b" already exists"].concat(),
            (Ok(()), None) => {
                let name = name.to_vec();
                for number in self.libraries.add(&name, code, registered) {
                    self.sandbox.forget(number);
                }
                return Ok(name);
            }
        };
        registered.iter().for_each(|function| self.sandbox.forget(function.slot));
        Err(problem)
    }

    /// The name of a library that would be loaded from this, if one of that name is there.
    pub fn loaded_name<'c>(&self, code: &'c [u8]) -> Option<&'c [u8]> {
        let (name, _) = shebang::library(code).ok()?;
        self.libraries.has(name).then_some(name)
    }

    /// Deletes a library; false when it is not there.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        let Some(numbers) = self.libraries.remove(name) else { return false };
        numbers.into_iter().for_each(|number| self.sandbox.forget(number));
        true
    }

    /// Deletes all libraries.
    pub fn flush_libraries(&mut self) {
        for number in self.libraries.clear() {
            self.sandbox.forget(number);
        }
        let _ = self.sandbox.lua.gc_collect();
    }

    fn compile(&mut self, text: &[u8]) -> Result<Arc<Script>, Vec<u8>> {
        let (flags, body) = shebang::script(text)?;
        let env = &self.sandbox.script_env;
        let number = self
            .sandbox
            .compile("@user_script", body, env)
            .map_err(|error| prefixed("ERR Error compiling script (new function): ", &error))?;
        Ok(self.scripts.add(text, flags, number))
    }

    fn execute_library(&self, run: &mut Run<'_>, number: u64) -> Result<(), Vec<u8>> {
        let sandbox = &self.sandbox;
        let called = shielded(|| {
            sandbox.set_loading(true)?;
            let called =
                host::enter(run, || sandbox.run_library.call::<(bool, Value)>(number as f64));
            sandbox.set_loading(false)?;
            called
        });
        match called {
            Ok((true, _)) => Ok(()),
            Ok((false, thrown)) => Err(Failure::read(&thrown).text),
            Err(error) => Err(error_text(&error)),
        }
    }

    fn run(
        &mut self,
        host: &mut dyn Host,
        call: Call<'_>,
        keys: &[&[u8]],
        args: &[&[u8]],
        out: &mut Writer,
    ) -> Ran {
        let start = out.buffer().len();
        let mut run = Run { host, state: State::new(std::mem::take(&mut self.reply)) };
        let result = shielded(|| self.execute(&mut run, &call, keys, args, out));
        self.reply = run.state.reply;
        self.reply.shrink_to(KEPT_REPLY_BYTES);
        self.collect(&result);
        match result {
            Ok(ran) => ran,
            Err(error) => {
                out.rewind(start);
                Err(error_text(&error))
            }
        }
    }

    fn execute(
        &self,
        run: &mut Run<'_>,
        call: &Call<'_>,
        keys: &[&[u8]],
        args: &[&[u8]],
        out: &mut Writer,
    ) -> mlua::Result<Ran> {
        let lua = &self.sandbox.lua;
        let runner = match call.is_script {
            true => &self.sandbox.run_script,
            false => &self.sandbox.run_function,
        };
        let (keys, args) = {
            let _unlimited = Unlimited::new(lua, self.limits.memory_bytes);
            (list(lua, keys)?, list(lua, args)?)
        };
        let (ok, value): (bool, Value) =
            host::enter(run, || runner.call((call.number as f64, keys, args)))?;
        let _unlimited = Unlimited::new(lua, self.limits.memory_bytes);
        if !ok {
            return Ok(Err(Failure::read(&value).of_run(call.name)));
        }
        let resp3 = run.state.resp3;
        Replier { fields: &self.fields, resp3, out }.value(&value, 0)?;
        Ok(Ok(()))
    }

    /// What a run left is collected at once when it took all memory, a little at a time otherwise.
    fn collect(&mut self, result: &mlua::Result<Ran>) {
        let is_out_of_memory = match result {
            Ok(Ok(())) => false,
            Ok(Err(text)) => memchr::memmem::find(text, NO_MEMORY.as_bytes()).is_some(),
            Err(_) => true,
        };
        self.runs = self.runs.wrapping_add(1);
        if is_out_of_memory {
            let _ = self.sandbox.lua.gc_collect();
        } else if self.runs.is_multiple_of(RUNS_PER_STEP) {
            let _ = self.sandbox.lua.gc_step();
        }
    }
}

/// What is called, and the name that its errors tell.
struct Call<'a> {
    is_script: bool,
    number: u64,
    name: &'a [u8],
}

fn set_hook(lua: &Lua) -> mlua::Result<()> {
    let triggers = HookTriggers::new().every_nth_instruction(TICK_INSTRUCTIONS);
    lua.set_global_hook(triggers, |_, _| {
        let verdict = host::with_run(|host, state| Ok(host.tick(state.started.elapsed())));
        match verdict {
            Ok(Verdict::Kill) => {
                Err(Error::external(Thrown::Over("Script killed by user with SCRIPT KILL...")))
            }
            Ok(Verdict::Timeout) => Err(Error::external(Thrown::Over("FUNCTION LOAD timeout"))),
            // Outside of a run there is nobody to ask.
            Ok(Verdict::Continue) | Err(_) => Ok(VmState::Continue),
        }
    })
}

fn list(lua: &Lua, words: &[&[u8]]) -> mlua::Result<Table> {
    lua.create_sequence_from(words.iter().map(|word| LuaString::wrap(*word)))
}

/// Panics, ours and mlua's, end a run and not the server.
fn shielded<R>(body: impl FnOnce() -> mlua::Result<R>) -> mlua::Result<R> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|_| Err(Error::runtime("the interpreter failed within a script")))
}

/// An error that the handler in `guard.lua` saw.
struct Failure {
    text: Vec<u8>,
    place: Option<(Vec<u8>, i64)>,
}

impl Failure {
    fn read(thrown: &Value) -> Self {
        let bytes = |value: Value| match value {
            Value::String(text) => Some(text.as_bytes().to_vec()),
            Value::Number(number) => Some(number.to_string().into_bytes()),
            Value::Integer(number) => Some(number.to_string().into_bytes()),
            _ => None,
        };
        let Value::Table(table) = thrown else {
            // Without memory no handler is called.
            let text = bytes(thrown.clone()).unwrap_or_else(|| b"unknown error".to_vec());
            return Failure { text: [&b"ERR "[..], &text].concat(), place: None };
        };
        let field = |name: &str| table.raw_get::<Value>(name).unwrap_or(Value::Nil);
        let text = bytes(field("err")).unwrap_or_else(|| b"ERR unknown error".to_vec());
        let line = super::args::as_number(&field("line"));
        let place = bytes(field("source")).zip(line.map(|line| line as i64));
        Failure { text, place }
    }

    /// The reply of a run that ended so.
    fn of_run(self, name: &[u8]) -> Vec<u8> {
        let Some((source, line)) = self.place else { return self.text };
        let line = line.to_string();
        let parts: [&[u8]; 8] =
            [&self.text, b" script: ", name, b", on ", &source, b":", line.as_bytes(), b"."];
        parts.concat()
    }
}

fn error_text(error: &Error) -> Vec<u8> {
    prefixed("ERR ", error)
}

/// An error of mlua's, without what mlua adds for people who debug.
fn prefixed(prefix: &str, error: &Error) -> Vec<u8> {
    let text = match error {
        Error::SyntaxError { message, .. } => message.clone(),
        Error::RuntimeError(message) => message.clone(),
        Error::MemoryError(_) => NO_MEMORY.to_owned(),
        Error::CallbackError { cause, .. } => return prefixed(prefix, cause),
        other => other.to_string(),
    };
    [prefix.as_bytes(), text.as_bytes()].concat()
}
