//! The library bit: integers of 32 bits, given and returned as numbers.
//!
//! A number becomes 32 bits as in BitOp: 2^52 + 2^51 is added to the double, which rounds it to an
//! integer, halves to even, and leaves its low bits at the end of the mantissa.
use mlua::{Lua, Table};

use super::args::Args;
use super::sandbox::Natives;

const BIAS: f64 = 6_755_399_441_055_744.0;

pub(super) fn library(lua: &Lua, natives: &Natives) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let one = |name: &str, work: fn(u32) -> u32| {
        let function = move |args: Args| Ok(signed(work(bits(args, 0)?)));
        table.raw_set(name, natives.function(lua, function)?)
    };
    one("tobit", |x| x)?;
    one("bnot", |x| !x)?;
    one("bswap", u32::swap_bytes)?;
    let all = |name: &str, work: fn(u32, u32) -> u32| {
        let function = move |args: Args| {
            let mut result = bits(args, 0)?;
            for place in 1..args.len() {
                result = work(result, bits(args, place)?);
            }
            Ok(signed(result))
        };
        table.raw_set(name, natives.function(lua, function)?)
    };
    all("band", |x, y| x & y)?;
    all("bor", |x, y| x | y)?;
    all("bxor", |x, y| x ^ y)?;
    let shift = |name: &str, work: fn(u32, u32) -> u32| {
        let function = move |args: Args| {
            let (value, by) = (bits(args, 0)?, bits(args, 1)?);
            Ok(signed(work(value, by & 31)))
        };
        table.raw_set(name, natives.function(lua, function)?)
    };
    shift("lshift", |x, by| x << by)?;
    shift("rshift", |x, by| x >> by)?;
    shift("arshift", |x, by| ((x as i32) >> by) as u32)?;
    shift("rol", u32::rotate_left)?;
    shift("ror", u32::rotate_right)?;
    table.raw_set(
        "tohex",
        natives.function(lua, |args: Args| {
            let value = bits(args, 0)?;
            let digits = if args.len() < 2 { 8 } else { bits(args, 1)? as i32 };
            args.lua.create_string(hexadecimal(value, digits))
        })?,
    )?;
    Ok(table)
}

fn bits(args: Args, place: usize) -> mlua::Result<u32> {
    Ok((args.number(place)? + BIAS).to_bits() as u32)
}

fn signed(bits: u32) -> f64 {
    f64::from(bits as i32)
}

/// The last digits, capitals when a negative number of them is asked for. The smallest integer has
/// no opposite, which once made Redis write past its buffer.
fn hexadecimal(value: u32, digits: i32) -> String {
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let kept = digits.unsigned_abs().min(8) as usize;
    text[8 - kept..].to_owned()
}
